// The explorer's page: one state, drawn again where it changed. All answers come from `ask`.
import { h, byId, show, number, signed, tone, mark, MARKS } from "./view.js";
import { drawGraph, drawRounds } from "./graph.js";

const TOKEN = new URLSearchParams(location.search).get("t") ?? "";
const KEPT = globalThis.EQSAT ?? null; // the answers of a page that stands alone
const ROW = 26;
const FIRST = 600; // bytes of a body that is opened unasked: a larger one would keep the worker for seconds
const BY_NAME = new Intl.Collator(); // one for all: ten thousand names are sorted at once
const state = {
  overview: null, report: null, rows: [], shown: [], current: null, data: null, compare: null, at: null,
  forms: null, proof: null, pins: {}, undo: [], variants: [], tab: "saturation", sort: "bytes", filter: "", state: null, ticket: 0, asked: 0, proving: 0,
};

// Questions.

async function ask(method, params = {}) {
  if (KEPT) {
    const known = KEPT.answers[key(method, params)];
    if (known === undefined) throw new Error("not in this page: run eqsat explore");
    return known;
  }
  const answer = await fetch("/api", {
    method: "POST", headers: { "content-type": "application/json", "x-eqsat-token": TOKEN },
    body: JSON.stringify({ method, params }),
  });
  const plain = await answer.json();
  if (!answer.ok) throw new Error(plain.error ?? "no answer");
  return plain.result;
}

function key(method, { index = "", at = "", form = "" }) {
  return [method, index, at, form].join(" ").trim();
}

function say(text) { byId("status").textContent = text; }

async function attempt(work) {
  try { return await work(); } catch (error) { say(error.message); return null; }
}

// The list of functions.

function makeRows() {
  const records = new Map((state.report?.functions ?? []).map((one) => [one.index, one]));
  state.rows = state.overview.functions.map((one) => {
    const record = records.get(one.index);
    return {
      ...one, label: one.name || `[${one.index}]`, status: record?.status ?? "waiting", reason: record?.reason ?? "",
      rules: record?.rules ?? [], gain: record ? record.bytes[1] - record.bytes[0] : 0,
      fuelGain: record ? record.cost[1] - record.cost[0] : 0,
    };
  });
  filterRows();
}

function matches(row, words) {
  return words.every((word) => {
    const [, name, test, value] = /^(proof|status|rule|group|gain|bytes|fuel)([:<>])(.+)$/.exec(word) ?? [];
    if (!name) return row.label.toLowerCase().includes(word) || String(row.index) === word;
    if (name === "rule") return row.rules.some((rule) => rule.includes(value));
    if (name === "group") return row.group.includes(value);
    if (name === "proof" || name === "status") return row.status.startsWith(value);
    const figure = { gain: -row.gain, bytes: row.bytes, fuel: row.fuel }[name];
    return test === "<" ? figure < Number(value) : figure > Number(value);
  });
}

function filterRows() {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const order = { name: (a, b) => BY_NAME.compare(a.label, b.label), bytes: (a, b) => a.gain - b.gain || b.bytes - a.bytes,
    fuel: (a, b) => a.fuelGain - b.fuelGain || b.fuel - a.fuel }[state.sort];
  const found = state.rows.filter((row) => matches(row, words)).sort((a, b) => order(a, b) || a.index - b.index);
  const groups = new Map();
  for (const row of found) { if (!groups.has(row.group)) groups.set(row.group, []); groups.get(row.group).push(row); }
  state.shown = groups.size < 2 ? found : [...groups.entries()].sort((a, b) => b[1].length - a[1].length)
    .flatMap(([group, rows]) => [{ heading: group, count: rows.length }, ...rows]);
  drawList();
}

function drawList() {
  // Only what is in sight exists: ten thousand functions scroll like ten.
  const box = byId("functions");
  const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 5);
  const last = Math.min(state.shown.length, first + Math.ceil(box.clientHeight / ROW) + 10);
  const rows = [h("div", { style: null, class: "spacer" })];
  rows[0].style.height = `${state.shown.length * ROW}px`;
  for (let k = first; k < last; k++) {
    const row = state.shown[k];
    const element = row.heading
      ? h("div", { class: "fn group", role: "presentation" }, h("span", {}, row.heading), h("span", {}, String(row.count)))
      : h("div", { class: "fn", role: "option", id: `fn${row.index}`, "aria-selected": row.index === state.current, title: `${row.label}${row.reason ? `: ${row.reason}` : ""}`,
          onclick: () => open(row.index) }, mark(row.status), h("span", { class: "name" }, row.label),
        h("span", { class: `num ${tone(row.gain)}` }, row.status === "waiting" ? String(row.bytes) : signed(row.gain)),
        h("span", { class: `num ${tone(row.fuelGain)}` }, row.status === "waiting" ? (row.fuel ? number(row.fuel) : "") : signed(Math.round(row.fuelGain * 100) / 100)));
    element.style.top = `${k * ROW}px`;
    rows.push(element);
  }
  box.replaceChildren(...rows);
  if (state.current !== null) box.setAttribute("aria-activedescendant", `fn${state.current}`);
  for (const button of document.querySelectorAll("[data-sort]")) button.setAttribute("aria-pressed", button.dataset.sort === state.sort);
}

function drawTotals() {
  const report = state.report, overview = state.overview;
  const counts = report?.totals;
  show("totals", h("div", {}, h("b", {}, report ? `${report.input.bytes.toLocaleString()} → ${report.output.bytes.toLocaleString()} B` : `${overview.bytes.toLocaleString()} B`),
    report ? h("span", { class: tone(report.output.bytes - report.input.bytes) }, ` ${signed(Math.round(1000 * (report.output.bytes / report.input.bytes - 1)) / 10)} %`) : ""),
  h("div", {}, counts ? ["proven", "refuted", "unknown", "unchanged", "skipped"].filter((status) => counts[status]).flatMap((status) => [mark(status), h("span", {}, `${counts[status]} ${status} `)]) : `${overview.functions.length} functions, not optimized yet`),
  h("div", { class: "dim" }, overview.features.length ? `uses ${overview.features.join(", ")}` : ""));
  show("module", `${state.state?.name ?? KEPT?.name ?? ""} · ${overview.functions.length} functions · sha256 ${overview.sha256.slice(0, 8)}…`);
}

// One function.

async function open(index, at = null) {
  const ticket = ++state.ticket;
  const again = index === state.current && at === state.at;
  state.current = index;
  state.at = at;
  state.proof = null;
  if (!again) { state.forms = null; show("forms"); show("why"); show("proof"); }
  byId("compare").setAttribute("aria-busy", "true");
  drawList();
  const data = await attempt(() => ask("function", { index }));
  if (!data || ticket !== state.ticket) return;
  state.data = data;
  state.compare = data;
  state.side = "automatic";
  if (Object.keys(state.pins[index] ?? {}).length) await repick();
  else drawFunction();
  if (ticket !== state.ticket) return;
  byId("compare").setAttribute("aria-busy", "false");
  if (at !== null) await select(at, again);
  else drawTab();
  remember();
}

function drawFunction() {
  const { data, compare } = state;
  const row = state.rows.find((one) => one.index === state.current);
  const left = compare.original, right = compare.other;
  show("title", mark(row?.status), h("h1", {}, data.name || `function ${data.index}`), h("span", { class: "dim mono" }, `func[${data.index}] ${row?.type ?? ""}`),
    data.removed && state.side === "automatic" ? h("span", { class: "good" }, "nothing of it is left in the result") : null, data.closed ? h("span", { class: "warn" }, data.closed) : null);
  const proof = state.proof;
  const status = proof ? proof.status : row?.status;
  const tile = (title, main, under, kind = "") => h("div", { class: `tile ${kind}` }, h("span", { class: "dim" }, title), h("b", {}, main), h("span", { class: "dim" }, under));
  show("tiles", tile("body bytes", `${left.bytes} → ${right.bytes}`, signed(right.bytes - left.bytes)),
    tile("fuel, estimated", `${number(left.fuel)} → ${number(right.fuel)}`, signed(Math.round((right.fuel - left.fuel) * 100) / 100)),
    tile("e-graph", data.egraph ? `${data.egraph.nodes} nodes` : "not opened", data.egraph ? `${data.egraph.classes} classes, ${data.egraph.rounds} rounds, ${data.egraph.stopped}` : ""),
    tile("proof", MARKS[status]?.[0] ? `${MARKS[status][0]} ${status}` : "–", proof ? `${proof.method} · ${proof.rlimit.toLocaleString()} rlimit · ${Math.round(proof.seconds * 1000)} ms` : row?.reason || (row?.rules.length ? `${row.rules.length} rules took part` : ""), status));
  drawCompare();
}

function drawCompare() {
  const { compare } = state;
  const pins = state.pins[state.current] ?? {};
  const heads = [["Original", compare.original], ["", compare.other]];
  show("heads", heads.map(([name, side]) => h("div", {}, name ? h("b", {}, name) : sides(), h("span", { class: "dim" }, `${side.rows.length} instructions, ${side.bytes} B`),
    name ? null : h("span", { class: "hunks" }, state.side === "choice" && !KEPT ? h("button", { id: "save", title: "keep this choice to compare with (s)", onclick: saveVariant }, "Save ", h("kbd", {}, "s")) : null,  h("button", { onclick: () => hunk(-1), "aria-label": "previous difference" }, "["), h("button", { onclick: () => hunk(1), "aria-label": "next difference" }, "]")))));
  const left = compare.original.rows, right = compare.other.rows;
  const chosen = left[state.at]?.class ?? null;
  const cell = (row, kind, own) => {
    if (!row) return h("div", { class: "row gap", role: "gridcell", "aria-label": "nothing" });
    const many = own && row.forms > 1;
    const pinned = own && pins[row.at] !== undefined;
    return h("div", { class: `row ${kind}${many ? " site" : ""}${own && row.at === state.at ? " selected" : chosen !== null && row.class === chosen ? " same" : ""}`,
      role: "gridcell", "data-at": own ? row.at : null, onclick: own && row.class !== null ? () => select(row.at) : null },
    h("span", { class: "at" }, String(row.at)), h("span", { class: "text" }, "  ".repeat(Math.min(row.depth, 30)) + row.text),
    row.class === null ? h("span") : h("span", { class: `chip${pinned ? " pinned" : many ? " many" : ""}` }, many ? `c${row.class} · ${row.forms}` : `c${row.class}`),
    h("span", { class: "num", title: "bytes" }, String(row.bytes)), h("span", { class: "num", title: "fuel" }, String(row.fuel)));
  };
  const scroll = byId("compare").scrollTop;
  show("compare", compare.pairs.map(([a, b]) => {
    const kind = a === null || b === null ? "gone" : left[a].text !== right[b].text ? "changed" : "";
    return h("div", { class: `pair${kind ? " hunk" : ""}`, role: "row" }, cell(a === null ? null : left[a], kind, true), cell(b === null ? null : right[b], kind, false));
  }));
  byId("compare").scrollTop = scroll;
}

function sides() {
  const variants = state.variants.filter((one) => one.index === state.current);
  const names = [["automatic", "Automatic"], ...(Object.keys(state.pins[state.current] ?? {}).length ? [["choice", "Your choice"]] : []),
    ...variants.map((one) => [`variant ${one.name}`, `Variant ${one.name}`]), ...(state.state?.others ?? []).map((name) => [`beside ${name}`, name])];
  const list = h("select", { id: "side", "aria-label": "what stands beside the original", onchange: (event) => beside(event.target.value) },
    names.map(([value, name]) => h("option", { value, selected: value === state.side }, name)));
  return list;
}

async function beside(side) {
  const index = state.current;
  if (side === "choice") { await repick(); return; }
  const variant = state.variants.find((one) => one.index === index && side === `variant ${one.name}`);
  const found = variant?.compare ?? (side === "automatic" ? state.data : await attempt(() => ask("function", { index, beside: side.slice("beside ".length) })));
  if (!found || index !== state.current) return;
  state.compare = found; state.side = side; state.proof = variant?.proof ?? null;
  drawFunction();
  if (state.proof) drawProof(); else show("proof");
}

function saveVariant() {
  if (state.side !== "choice") return;
  const own = state.variants.filter((one) => one.index === state.current);
  state.variants.push({ index: state.current, name: String.fromCharCode(65 + own.length), compare: state.compare, proof: state.proof });
  say(`kept as variant ${state.variants.at(-1).name}`);
  drawCompare();
}

function hunk(step) {
  const box = byId("compare"), hunks = [...box.querySelectorAll(".hunk")].filter((one) => !one.previousElementSibling?.classList.contains("hunk"));
  const here = box.scrollTop;
  const tops = hunks.map((one) => one.offsetTop - box.offsetTop);
  const next = step > 0 ? tops.find((top) => top > here + 2) : tops.filter((top) => top < here - 2).pop();
  if (next !== undefined) box.scrollTop = next;
}

function move(step) {
  const rows = state.compare?.original.rows ?? [];
  for (let at = (state.at ?? -1) + step; at >= 0 && at < rows.length; at += step) {
    if (rows[at].class !== null) { select(at); return; }
  }
}

async function select(at, again = false) {
  state.at = at;
  if (!again) state.forms = null;
  drawCompare();
  byId("compare").querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: "nearest" });
  remember();
  const index = state.current;
  if (state.data.closed) return;
  const forms = await attempt(() => ask("forms", KEPT ? { index, at } : { index, at, pins: state.pins[index] ?? {} }));
  if (!forms || state.at !== at || state.current !== index) return;
  state.forms = forms;
  drawForms();
  explain(forms.chosen || forms.forms[1]?.text || "own");
  if (state.tab === "egraph") drawTab();
}

function drawForms() {
  const { forms } = state;
  byId("classhead").textContent = `Forms of class c${forms.class} (${forms.total > forms.forms.length ? `${forms.forms.length} of ${forms.total}` : forms.total})`;
  const chosen = forms.chosen;
  show("forms", forms.forms.map((form, k) => h("div", {
    class: `form${form.refused ? " refused" : ""}`, role: "option", "aria-selected": form.text === chosen, title: form.text,
    onmouseenter: () => price(form), onclick: () => pick(form.text), tabindex: 0, onkeydown: (event) => { if (event.key === "Enter") pick(form.text); },
  }, h("kbd", {}, k < 9 ? String(k + 1) : "·"), h("div", {}, h("div", { class: "shown" }, form.shown),
    h("div", { class: "dim" }, form.refused ? form.refused : form.kind === "own" ? "as in the original" : state.makers?.[form.text]?.join(", ") || form.kind)),
  h("div", { class: "num" }, form.delta ? [h("div", { class: tone(form.delta[0]) }, `${signed(form.delta[0])} B`), h("div", { class: tone(form.delta[1]) }, `${signed(form.delta[1])} fuel`)] : "")))
    .concat(h("p", { class: "dim" }, KEPT ? "" : `1–9 or a click chooses a form and proves the function. Differences are against the choice by cost: ${forms.base.bytes} B, fuel ${number(forms.base.fuel)}.`)));
}

async function price(form) {
  say(`${form.shown}${form.delta ? `: ${signed(form.delta[0])} bytes, ${signed(form.delta[1])} fuel` : ""}`);
  if (KEPT || form.delta || form.refused || form.asked) return;
  form.asked = true;
  const index = state.current, at = state.at;
  const found = await attempt(() => ask("price", { index, at, form: form.text, pins: state.pins[index] ?? {} }));
  if (!found) return;
  Object.assign(form, found);
  if (state.current === index && state.at === at) drawForms();
}

async function explain(form) {
  const index = state.current, at = state.at, ticket = ++state.asked;
  if (form === "own") { show("why", h("p", { class: "dim" }, "this is the original's own form")); return; }
  const found = await attempt(() => ask("why", { index, at, form }));
  if (!found || ticket !== state.asked || state.current !== index || state.at !== at) return;
  state.makers = found.makers;
  if (state.forms) drawForms();
  show("why", found.steps === null ? h("p", { class: "dim" }, "no chain was recorded") : found.steps.map(drawStep));
}

function drawStep(step) {
  const title = { rule: step.rule, program: "the program says so", computed: "computed", operand: "an operand is equal" }[step.kind];
  return h("div", { class: `step ${step.kind}` }, h("div", {}, h("b", {}, title), step.reversed ? h("span", { class: "dim" }, " (from right to left)") : null,
    step.kind === "rule" ? h("span", { class: "good", title: "the rule is proven for all inputs" }, " ✓ proven") : null),
  h("div", {}, h("code", {}, step.before), " → ", h("code", {}, step.after)),
  step.equation ? h("div", { class: "dim" }, step.equation, step.guard ? ` if ${step.guard}` : "") : null, step.steps.map(drawStep));
}

// Choices.

async function pick(form) {
  if (KEPT) { explain(form); return; }
  const index = state.current, at = state.at;
  state.undo.push(JSON.stringify(state.pins));
  const pins = { ...(state.pins[index] ?? {}) };
  if (pins[at] === form) delete pins[at];
  else pins[at] = form;
  state.pins = { ...state.pins, [index]: pins };
  explain(form);
  await repick();
  if (state.at === at && state.forms) { state.forms.chosen = pins[at] ?? ""; drawForms(); }
}

async function repick() {
  const index = state.current, pins = state.pins[index] ?? {};
  remember();
  if (!Object.keys(pins).length) {
    state.compare = state.data; state.side = "automatic"; state.proof = null;
    show("proof"); drawFunction(); drawPins();
    if (state.tab === "obligations") drawTab();
    return;
  }
  say("proving…");
  const found = await attempt(() => ask("pick", { index, pins }));
  if (!found || state.current !== index) return;
  if (found.refused) {
    state.proof = { status: "refused", method: "", reason: found.refused, rlimit: 0, queries: 0, seconds: found.seconds, assumptions: [], counterexample: null };
  } else {
    state.compare = found; state.side = "choice"; state.proof = found.proof;
  }
  drawFunction(); drawProof(); drawPins();
  if (state.tab === "obligations") drawTab();
  say(found.refused ? `refused: ${found.refused}` : `${found.proof.status} in ${Math.round(found.seconds * 1000)} ms`);
}

function drawProof() {
  const proof = state.proof;
  const example = proof.counterexample;
  show("proof", h("p", { class: { proven: "good", refuted: "bad" }[proof.status] ?? "warn", id: "verdict" }, `${MARKS[proof.status]?.[0] ?? "✕"} ${proof.status}`, proof.reason ? `: ${proof.reason}` : ""),
    h("table", {}, [["method", proof.method], ["queries", proof.queries], ["rlimit", proof.rlimit], ["time", `${Math.round(proof.seconds * 1000)} ms`], ["assumptions", proof.assumptions.join(", ") || "none"]]
      .map(([name, value]) => h("tr", {}, h("td", { class: "dim" }, name), h("td", {}, String(value))))),
    example ? h("div", { class: "bad" }, h("b", {}, "counterexample"), example.calls.map(([name, args]) => h("div", {}, h("code", {}, `${name}(${args.join(", ")})`))),
      h("table", {}, h("tr", {}, h("td", {}, "original"), h("td", {}, h("code", {}, example.original))), h("tr", {}, h("td", {}, "choice"), h("td", {}, h("code", {}, example.new))))) : null);
}

function drawPins() {
  const places = Object.entries(state.pins).flatMap(([index, pins]) => Object.entries(pins).map(([at, form]) => [Number(index), Number(at), form]));
  show("pins", places.length ? places.map(([index, at, form]) => h("div", { class: "mono" }, `${state.rows.find((row) => row.index === index)?.label} @${at}: ${form} `,
    h("button", { "aria-label": "take back", onclick: () => unpin(index, at) }, "×"))) : h("p", { class: "dim" }, "none: everything is chosen by cost"),
  h("p", {}, h("button", { onclick: undo, disabled: !state.undo.length }, "Undo ", h("kbd", {}, "u"))));
  if (state.tab === "command") drawTab();
}

async function unpin(index, at) {
  state.undo.push(JSON.stringify(state.pins));
  const pins = { ...state.pins[index] };
  delete pins[at];
  state.pins = { ...state.pins, [index]: pins };
  await afterPins();
}

async function undo() {
  const before = state.undo.pop();
  if (before === undefined) return;
  state.pins = JSON.parse(before);
  await afterPins();
}

async function afterPins() {
  drawPins();
  if (state.current !== null && state.data && !state.data.closed) { await repick(); if (state.at !== null) await select(state.at); }
}

// Tabs.

const TABS = { saturation: "Saturation and rules", egraph: "E-graph", obligations: "Proof", text: "Text", command: "Command line" };

async function drawTab() {
  show("tabs", Object.entries(TABS).map(([name, title]) => h("button", { role: "tab", id: `tab-${name}`, "aria-selected": name === state.tab, "aria-controls": "panel",
    onclick: () => { state.tab = name; drawTab(); } }, title)));
  const index = state.current;
  if (index === null || !state.data) { show("panel", h("p", { class: "dim" }, "choose a function")); return; }
  if (state.tab === "text") { show("panel", h("pre", {}, state.data.wat.join("\n"))); return; }
  if (state.tab === "command") { show("panel", h("p", {}, "The same bytes on the command line:"), h("div", { class: "cmd mono", id: "command" }, command()), h("p", { class: "dim" }, "Export writes the pin file that it names.")); return; }
  if (state.data.closed) { show("panel", h("p", { class: "warn" }, state.data.closed)); return; }
  if (state.tab === "obligations") { await drawObligations(index); return; }
  if (state.tab === "egraph") {
    const graph = await attempt(() => ask("graph", state.at === null ? { index } : { index, at: state.at }));
    if (!graph || state.tab !== "egraph") return;
    const [classes, nodes] = graph.shown, [all, total] = graph.total;
    show("panel", h("p", { class: "dim" }, `${classes} of ${all} classes, ${nodes} of ${total} nodes shown: what c${graph.root} is made of`), drawGraph(graph));
    return;
  }
  const found = await attempt(() => ask("saturation", { index }));
  if (!found || state.tab !== "saturation" || state.current !== index) return;
  const unit = byId("cost").value === "bytes" ? "bytes" : "fuel";
  const off = new Set(found.disabled);
  const gains = new Map(found.rules.map((rule) => [rule.name, rule]));
  for (const name of off) if (!gains.has(name)) gains.set(name, { name, matches: 0, equation: "", family: "" });
  show("panel", h("div", { style: null }, drawRounds(found.rounds, unit)), h("table", {}, h("tr", {}, ["on", "rule", "matches", "equation"].map((name) => h("th", { class: name === "matches" ? "num" : null }, name))),
    [...gains.values()].sort((a, b) => b.matches - a.matches).map((rule) => h("tr", {}, h("td", {}, h("input", { type: "checkbox", "aria-label": `use ${rule.name}`, checked: !off.has(rule.name), disabled: Boolean(KEPT), onchange: () => toggle(off, rule.name) })),
      h("td", { class: "mono" }, rule.name), h("td", { class: "num" }, String(rule.matches)), h("td", { class: "mono dim" }, rule.equation)))));
}

async function drawObligations(index) {
  if (KEPT) { show("panel", h("p", { class: "dim" }, "the parts of a proof are shown by eqsat explore")); return; }
  const pins = state.pins[index] ?? {}, view = ++state.proving;
  show("panel", h("p", { class: "dim" }, "proving…"));
  const found = await attempt(() => ask("proof", { index, pins }));
  if (view !== state.proving || state.tab !== "obligations" || state.current !== index) return;
  if (!found) { show("panel", h("p", { class: "warn" }, byId("status").textContent)); return; }
  // Alike claims are one row: a function has a check at every access.
  const rows = new Map();
  for (const claim of found.claims) {
    const name = JSON.stringify(claim);
    rows.set(name, { ...claim, count: (rows.get(name)?.count ?? 0) + 1 });
  }
  const good = new Set(["same term", "sweep", "solver"]);
  const cost = (about) => found.queries.filter((query) => query.about === about).reduce((sum, query) => sum + query.rlimit, 0);
  const what = Object.keys(pins).length ? "your choice" : "the choice by cost";
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
    query.text ? [h("button", { onclick: () => copyText(query.text, "the query is copied") }, "Copy"), h("pre", { tabindex: 0, "aria-label": `SMT-LIB of query ${k + 1}` }, query.text)] : h("p", { class: "dim" }, "left out: the texts of the queries are too long together"))));
}

async function toggle(off, name) {
  if (!off.delete(name)) off.add(name);
  say("opening again…");
  await attempt(() => ask("disable", { names: [...off] }));
  say(off.size ? `${off.size} rules are off in this view; the command line uses all of them` : "all rules are on");
  await open(state.current, state.at);
}

function command() {
  const name = state.state?.name ?? KEPT?.name ?? "in.wasm", options = state.state?.options ?? KEPT?.options ?? {};
  const quoted = (text) => (/^[\w.\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const words = [`eqsat opt ${quoted(name)} -o out.wasm --cost ${options.cost}`, `--max-iters ${options.max_iters} --max-nodes ${options.max_nodes} --rlimit ${options.rlimit}`];
  if (Object.values(state.pins).some((pins) => Object.keys(pins).length)) words.push("--pin pins.json");
  return words.join(" \\\n  ");
}

// The whole module.

async function optimize() {
  say("optimizing…");
  byId("rerun").disabled = true;
  const report = await attempt(() => ask("optimize"));
  byId("rerun").disabled = false;
  if (!report) return;
  state.report = report;
  makeRows(); drawTotals();
  if (state.current === null) { const first = state.shown.find((row) => !row.heading); if (first) await open(first.index); }
  else if (state.side === "automatic") await open(state.current, state.at);
  say(`optimized in ${report.seconds.toFixed(1)} s`);
}

async function exportAs(kind) {
  byId("dialog").close();
  say(`making ${kind}…`);
  const pins = Object.fromEntries(Object.entries(state.pins).filter(([, forms]) => Object.keys(forms).length));
  const found = await attempt(() => ask("export", { kind, pins }));
  if (!found) return;
  const content = found.base64 === undefined ? found.text : Uint8Array.from(atob(found.base64), (letter) => letter.charCodeAt(0));
  const link = h("a", { href: URL.createObjectURL(new Blob([content])), download: found.name });
  document.body.append(link); link.click(); link.remove();
  say(`${found.name} saved`);
}

function dialog(...children) {
  show("dialog", children, h("p", {}, h("button", { onclick: () => byId("dialog").close() }, "Close")));
  byId("dialog").showModal();
}

const KEYS = [["j k", "next, previous function"], ["↑ ↓", "previous, next instruction with a value"], ["[ ]", "previous, next difference"], ["1–9", "choose a form"], ["w", "why equal"],
  ["t g p x c", "saturation, e-graph, proof, text, command line"], ["u", "undo a choice"], ["s", "keep the choice as a variant"], ["r", "optimize again"], ["e", "export"], ["y", "copy the address of this view"], ["/", "filter"], ["?", "these keys"]];

const ACTIONS = {
  j: () => step(1), k: () => step(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), "[": () => hunk(-1), "]": () => hunk(1),
  w: () => byId("why").scrollIntoView(), t: () => tab("saturation"), g: () => tab("egraph"), p: () => tab("obligations"), x: () => tab("text"), c: () => tab("command"), u: undo, s: saveVariant, r: () => { if (!KEPT) optimize(); },
  e: () => { if (!KEPT) dialog(h("h2", {}, "Export"), ["wasm", "wat", "pins"].map((kind) => h("button", { id: `export-${kind}`, onclick: () => exportAs(kind) }, kind))); },
  y: copyLink, "/": () => byId("filter").focus(), "?": () => dialog(h("h2", {}, "Keys"), h("table", {}, KEYS.map(([keys, text]) => h("tr", {}, h("td", {}, h("kbd", {}, keys)), h("td", {}, text))))),
};

function tab(name) { state.tab = name; drawTab(); }

function step(direction) {
  const rows = state.shown.filter((row) => !row.heading);
  const here = rows.findIndex((row) => row.index === state.current);
  const next = rows[Math.min(rows.length - 1, Math.max(0, here + direction))];
  if (!next) return;
  const top = state.shown.indexOf(next) * ROW, box = byId("functions");
  if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - ROW) box.scrollTop = top - box.clientHeight / 2;
  open(next.index);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("dialog").open) return;
  if (event.target.matches("input, select")) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.target.matches("button, [role=option]") && event.key === "Enter") return;
  const form = /^[1-9]$/.test(event.key) ? state.forms?.forms[Number(event.key) - 1] : null;
  const action = form ? () => pick(form.text) : ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// The address holds what is looked at: hashes of contents, not numbers of classes.

function remember() {
  if (state.current === null) return;
  const row = state.rows.find((one) => one.index === state.current);
  const words = new URLSearchParams({ m: state.overview.sha256.slice(0, 8), f: row.key });
  if (state.at !== null) words.set("i", state.at);
  const pins = state.pins[state.current];
  if (pins && Object.keys(pins).length) words.set("p", JSON.stringify(pins));
  try { history.replaceState(null, "", `#${words}`); } catch { /* a frame without an address */ }
}

async function copyText(text, said) {
  try { await navigator.clipboard.writeText(text); say(said); } catch { say(text); }
}

function copyLink() { return copyText(location.href, "the address is copied"); }

async function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  if (!words.has("f")) return false;
  if (words.get("m") !== state.overview.sha256.slice(0, 8)) { say("that address is about another module"); return false; }
  const row = state.rows.find((one) => one.key === words.get("f"));
  if (!row) { say("that address is about a function that is not here"); return false; }
  if (words.has("p") && !KEPT) { try { state.pins = { [row.index]: JSON.parse(words.get("p")) }; } catch { say("the choices in the address cannot be read"); } }
  await open(row.index, words.has("i") ? Number(words.get("i")) : null);
  return true;
}

async function start() {
  byId("functions").addEventListener("scroll", drawList);
  globalThis.addEventListener("resize", drawList);
  byId("filter").addEventListener("input", (event) => { state.filter = event.target.value; filterRows(); });
  for (const button of document.querySelectorAll("[data-sort]")) button.addEventListener("click", () => { state.sort = button.dataset.sort; filterRows(); });
  for (const [id, action] of [["rerun", optimize], ["link", copyLink], ["export", ACTIONS.e], ["help", ACTIONS["?"]], ["stop", () => attempt(() => ask("cancel"))]]) byId(id).addEventListener("click", action);
  byId("theme").addEventListener("click", () => { const root = document.documentElement; root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; });
  byId("cost").addEventListener("change", async (event) => { state.state.options = await attempt(() => ask("configure", { cost: event.target.value })) ?? state.state.options; await optimize(); });
  byId("hint").textContent = KEPT ? "a page that stands alone: eqsat explore answers more" : "j/k function · ↑/↓ instruction · [ ] difference · 1–9 form · ? all keys";
  if (KEPT) for (const id of ["rerun", "stop", "export", "cost"]) byId(id).disabled = true;
  state.state = KEPT ? { name: KEPT.name, options: KEPT.options } : await attempt(() => ask("state"));
  state.overview = await attempt(() => ask("overview"));
  if (!state.overview) return;
  byId("cost").value = state.state.options.cost;
  makeRows(); drawTotals(); drawPins(); drawTab();
  byId("app").setAttribute("aria-busy", "false");
  if (KEPT) { state.report = KEPT.answers.optimize; makeRows(); drawTotals(); }
  else {
    const events = new EventSource(`/events?t=${encodeURIComponent(TOKEN)}`);
    events.onmessage = (event) => { const plain = JSON.parse(event.data); if (plain.event === "progress") say(`optimizing: ${plain.done} of ${plain.total} functions, ${plain.saved} bytes saved`); };
  }
  if (!(await recall())) { const rows = state.shown.filter((row) => !row.heading), first = rows.find((row) => row.bytes <= FIRST) ?? rows[0]; if (first) await open(first.index); }
  if (!KEPT) await optimize();
}

start();
