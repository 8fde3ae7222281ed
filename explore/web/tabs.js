// The tabs below the comparison: saturation and rules, e-graph, proof, runs, text, command line.
import { h, byId, show, number, tone } from "./view.js";
import { drawGraph, drawRounds } from "./graph.js";
import { KEPT, ask, attempt, pinned, pinsOf, say, state } from "./state.js";
import { copyText, open } from "./app.js";
import { judged, sideAsked, sideTitle, verdictOf } from "./compare.js";
import { drawOwnRules } from "./ownrules.js";

const TABS = { saturation: ["Saturation and rules", drawSaturation], egraph: ["E-graph", drawEgraph], obligations: ["Proof", drawObligations],
  runs: ["Counterexample", drawRuns], text: ["Text", drawText], command: ["Command line", drawCommand] };
export const ABOUT_SIDES = new Set(["obligations", "runs"]); // what depends on which sides are shown
const WITHOUT = new Set(["text", "command", "runs"]); // what needs no e-graph

export function tab(name) { state.tab = name; drawTab(); }

export async function drawTab() {
  show("tabs", Object.entries(TABS).map(([name, [title]]) => h("button", { role: "tab", id: `tab-${name}`, "aria-selected": name === state.tab, "aria-controls": "panel",
    onclick: () => tab(name) }, title)));
  byId("panel").setAttribute("aria-labelledby", `tab-${state.tab}`);
  const ticket = ++state.drawn, index = state.current;
  if (index === null || !state.data) { show("panel", note("choose a function")); return; }
  if (state.data.closed && !WITHOUT.has(state.tab)) { show("panel", h("p", { class: "warn" }, state.data.closed)); return; }
  // What is asked for may come when something else is looked at.
  await TABS[state.tab][1](index, () => ticket === state.drawn);
}

const note = (text) => h("p", { class: "dim" }, text);

async function asked(method, params, current) {
  const found = await attempt(() => ask(method, params));
  if (!current()) return null;
  if (!found) show("panel", h("p", { class: "warn" }, byId("status").textContent));
  return found;
}

function drawText() { show("panel", h("pre", {}, state.data.wat.join("\n"))); }

// Saturation and rules.

async function drawSaturation(index, current) {
  const found = await asked("saturation", { index }, current);
  if (!found) return;
  const unit = byId("cost").value === "bytes" ? "bytes" : "fuel";
  const rules = new Map(found.rules.map((rule) => [rule.name, rule]));
  for (const name of found.disabled) if (!rules.has(name)) rules.set(name, { name, matches: 0, equation: "", family: "" });
  const table = h("table", { class: "rules" });
  const draw = (round) => table.replaceChildren(...ruleRows(index, [...rules.values()], found, round));
  draw(null);
  show("panel", h("div", { class: "growth" }, h("div", {}, drawRounds(found.rounds, unit), roundChoice(found.rounds, draw)), table), KEPT ? null : drawOwnRules());
}

// Who matched in which round; all of them together at first.
function roundChoice(rounds, draw) {
  return h("p", {}, h("label", {}, "matches in ", h("select", { id: "round", onchange: ({ target }) => draw(target.value === "" ? null : rounds[target.value]) },
    h("option", { value: "" }, "all rounds"), rounds.map((round, k) => h("option", { value: k }, `round ${round.round}`)))));
}

function ruleRows(index, rules, found, round) {
  const off = new Set(found.disabled);
  const count = (rule) => (round ? round.matches[rule.name] ?? 0 : rule.matches);
  const head = h("tr", {}, [["on"], ["rule"], ["matches", "num"], ["gain", "num", "what the function would cost more without the rule"], ["equation"]].map(([name, kind, title]) => h("th", { class: kind, title }, name)));
  return [head, ...rules.filter((rule) => !round || count(rule)).sort((a, b) => count(b) - count(a)).map((rule) => h("tr", {},
    h("td", {}, h("input", { type: "checkbox", "aria-label": `use ${rule.name}`, checked: !off.has(rule.name), disabled: Boolean(KEPT), onchange: () => toggle(off, rule.name) })),
    h("td", { class: "mono" }, rule.name), h("td", { class: "num" }, String(count(rule))),
    h("td", { class: "num" }, KEPT || off.has(rule.name) ? "" : h("button", { class: "small", "aria-label": `measure the gain of ${rule.name}`, onclick: ({ currentTarget }) => measure(index, rule.name, currentTarget) }, "measure")),
    h("td", { class: "mono dim" }, rule.equation)))];
}

async function measure(index, name, button) {
  button.disabled = true;
  const found = await attempt(() => ask("gain", { index, rule: name }));
  if (found) button.replaceWith(h("span", { class: tone(-found.bytes || -found.fuel), title: "bytes and fuel that the function would cost more without the rule" }, `${found.bytes} B, ${number(found.fuel)}`));
  else button.disabled = false;
}

async function toggle(off, name) {
  if (!off.delete(name)) off.add(name);
  say("opening again…");
  const options = await attempt(() => ask("disable", { names: [...off].sort() }));
  if (options) state.about.options = options;
  await open(state.current, state.at);
  if (options) say(off.size ? `${off.size} rules are off, here and in the command line: run again (r) for the module` : "all rules are on: run again (r) for the module");
}

// The e-graph.

async function drawEgraph(index, current) {
  const graph = await asked("graph", state.at === null ? { index } : { index, at: state.at }, current);
  if (!graph) return;
  const [classes, nodes] = graph.shown, [all, total] = graph.total;
  show("panel", note(`${classes} of ${all} classes, ${nodes} of ${total} nodes shown: what c${graph.root} is made of`), drawGraph(graph));
}

// The parts of a proof.

async function drawObligations(index, current) {
  const side = judged();
  if (side.startsWith("beside")) { show("panel", note(`the parts of a proof are shown of choices; of ${sideTitle(side)} the verdict stands on the right`)); return; }
  const pins = side === "automatic" || side === "original" ? pinsOf(index) : sideAsked(side);
  show("panel", note("proving…"));
  const found = await asked("proof", KEPT ? { index } : { index, pins }, current);
  if (!found) return;
  // Alike claims are one row: a function has a check at every access.
  const rows = new Map();
  for (const claim of found.claims) {
    const name = JSON.stringify(claim);
    rows.set(name, { ...claim, count: (rows.get(name)?.count ?? 0) + 1 });
  }
  const good = new Set(["same term", "sweep", "solver"]);
  const cost = (about) => found.queries.filter((query) => query.about === about).reduce((sum, query) => sum + query.rlimit, 0);
  const what = side.startsWith("variant") ? sideTitle(side) : pinned(index) ? "your choice" : "the choice by cost";
  const counted = found.claims.length === found.total ? `${found.total}` : `${found.claims.length} of ${found.total}`;
  const heads = ["equal in both", "how", "rlimit", "original", "new", "where"];
  show("panel", h("p", { class: found.status === "proven" ? "good" : "warn", id: "parts" }, `${what}: ${found.status}${found.method ? ` (${found.method})` : ""}${found.reason ? `: ${found.reason}` : ""}`,
    h("span", { class: "dim" }, found.method === "identical" ? " the bytes are the original's: nothing to show" : ` ${counted} claims, ${found.queries.length} ${found.queries.length === 1 ? "query" : "queries"}; assumptions: ${found.assumptions.join(", ") || "none"}`)),
  found.invariants.map((text) => h("p", { class: "mono dim" }, `invariant of ${text}`)),
  rows.size ? h("table", { class: "parts" }, h("tr", {}, heads.map((name) => h("th", { class: name === "rlimit" ? "num" : null }, name))),
    [...rows.values()].map((claim) => h("tr", {}, h("td", {}, claim.about, claim.count > 1 ? h("span", { class: "dim" }, ` ×${claim.count}`) : null),
      h("td", { class: good.has(claim.how) ? "good" : "warn" }, claim.how), h("td", { class: "num" }, claim.how === "sweep" ? "in parts" : cost(claim.about).toLocaleString()),
      [claim.original, claim.original === claim.new ? "the same" : claim.new, claim.condition].map((text) => h("td", {}, h("div", { class: "mono term", title: text }, text)))))) : null,
  found.queries.map((query, k) => h("details", { class: "query" }, h("summary", {}, `query ${k + 1}: ${query.answer}, ${query.rlimit.toLocaleString()} rlimit, ${query.about || "a part"}: `, h("code", {}, `${query.original} = ${query.new}`)),
    query.text ? [h("button", { onclick: () => copyText(query.text, "the query is copied") }, "Copy"), h("pre", { tabindex: 0, "aria-label": `SMT-LIB of query ${k + 1}` }, query.text)] : note("left out: the texts of the queries are too long together"))));
}

// Both runs of a counterexample, side by side.

async function drawRuns(index, current) {
  const side = judged(), verdict = verdictOf(side);
  if (!verdict?.counterexample) { show("panel", note("no counterexample: it is here when a choice or a module beside is refuted")); return; }
  show("panel", note("running both…"));
  const found = await asked("runs", { index, side: sideAsked(side) }, current);
  if (!found) return;
  const cell = (row, first) => (row ? h("td", { class: `${row.kind}${first ? " first" : ""}` }, h("span", { class: "at" }, row.at === null ? "" : String(row.at)), h("code", {}, row.text), " ", h("code", { class: "result" }, row.value)) : h("td", { class: "gap", "aria-label": "nothing" }));
  const { first, skipped } = found;
  const alike = (a, b) => a !== null && b !== null && found.left[a].text === found.right[b].text && found.left[a].value === found.right[b].value;
  show("panel", h("p", {}, found.calls.slice(0, -1).map(([name, args]) => h("div", { class: "dim" }, "after ", h("code", {}, `${name}(${args.join(", ")})`))),
    h("div", {}, "call ", h("code", {}, `${found.calls.at(-1)[0]}(${found.calls.at(-1)[1].join(", ")})`))),
  note(found.note), skipped[0] + skipped[1] ? note(`left out before this, as equal events: ${skipped[0]} and ${skipped[1]} steps`) : null,
  h("table", { class: "runs", id: "runs" }, h("tr", {}, h("th", {}, "original"), h("th", {}, sideTitle(side))),
    found.pairs.map(([a, b], k) => h("tr", { class: k === first ? "first" : alike(a, b) ? null : "differs", id: k === first ? "first-difference" : null },
      cell(a === null ? null : found.left[a], k === first), cell(b === null ? null : found.right[b], k === first), k === first ? h("td", { class: "bad" }, "← first difference") : null))));
  byId("first-difference")?.scrollIntoView({ block: "center" });
}

// The command line of this state.

function drawCommand() {
  const { own } = state.about?.options ?? {};
  const files = [pinned(state.current) || Object.values(state.pins).some((pins) => Object.keys(pins).length) ? "pins.json" : null, own ? "rules.egg" : null].filter(Boolean);
  show("panel", h("p", {}, "The same bytes on the command line:"), h("div", { class: "cmd mono", id: "command" }, command()),
    h("p", {}, h("button", { onclick: () => copyText(command(), "the command is copied") }, "Copy")),
    files.length ? note(`Export writes ${files.join(" and ")}.`) : null);
}

export function command() {
  const name = state.about?.name ?? "in.wasm", options = state.about?.options ?? {};
  const quoted = (text) => (/^[\w.\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const words = [`eqsat opt ${quoted(name)} -o out.wasm --cost ${options.cost}`, `--max-iters ${options.max_iters} --max-nodes ${options.max_nodes} --rlimit ${options.rlimit}`];
  for (const file of options.rules ?? []) words.push(`--rules ${quoted(file)}`);
  if (options.own) words.push("--rules rules.egg");
  for (const rule of options.without ?? []) words.push(`--without-rule ${quoted(rule)}`);
  if (Object.values(state.pins).some((pins) => Object.keys(pins).length)) words.push("--pin pins.json");
  return words.join(" \\\n  ");
}
