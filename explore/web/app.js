// The explorer's page: opening, choosing, keys, the address; each part draws itself.
import { h, byId, show } from "./view.js";
import { KEPT, ask, attempt, listen, pinned, pinsOf, rowOf, say, state } from "./state.js";
import { drawList, drawTotals, filterRows, makeRows, step } from "./list.js";
import { drawCompare, drawFunction, hunk, move, reveal, saveVariant, setSides, sideInAddress, sideOfAddress, swap } from "./compare.js";
import { drawForms, drawPins, drawProof, explain, hint, pick, repick, undo } from "./choice.js";
import { drawTab, tab } from "./tabs.js";

const FIRST = 600; // bytes of a body that is opened unasked: a larger one would keep the worker for seconds

export async function open(index, at = null, sides = null) {
  const ticket = ++state.opened;
  const again = index === state.current && at === state.at;
  const usual = [state.left.startsWith("beside") ? state.left : "original", pinned(index) ? "choice" : state.right.startsWith("beside") ? state.right : "automatic"];
  const [left, right] = sides ?? (again ? [state.left, state.right] : usual);
  Object.assign(state, { current: index, at, proof: again ? state.proof : null, opening: true });
  loading(again);
  const data = await attempt(() => ask("function", { index }));
  if (ticket !== state.opened) return;
  byId("compare").setAttribute("aria-busy", "false");
  if (!data) { state.opening = false; return; }
  Object.assign(state, { data, compare: data, left: "original", right: "automatic", wanted: null });
  if (!again) byId("compare").scrollTop = 0;
  drawFunction(); drawProof();
  if (pinned(index)) await repick();
  if (ticket !== state.opened) return;
  if (left !== state.left || right !== state.right) await setSides(left, right);
  if (at !== null && ticket === state.opened) await select(at, again);
  if (ticket !== state.opened) return;
  state.opening = false;
  drawTab(); remember();
}

function loading(again) {
  if (!again) { state.forms = null; byId("classhead").textContent = "Forms"; show("forms"); show("why"); show("proof"); }
  byId("compare").setAttribute("aria-busy", "true");
  drawList();
}

export async function select(at, again = false) {
  state.at = at;
  if (!again) state.forms = null;
  reveal();
  drawCompare();
  remember();
  const index = state.current;
  if (state.data.closed) return;
  const forms = await attempt(() => ask("forms", KEPT ? { index, at } : { index, at, pins: pinsOf(index) }));
  if (!forms || state.at !== at || state.current !== index) return;
  state.forms = forms;
  drawForms();
  explain(forms.chosen || forms.forms[1]?.text || "own");
  if (state.tab === "egraph") drawTab();
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
  else if (state.left === "automatic" || state.right === "automatic") await open(state.current, state.at);
  say(`optimized in ${report.seconds.toFixed(1)} s`);
}

async function exportAs(kind) {
  byId("dialog").close();
  say(`making ${kind}…`);
  const pins = Object.fromEntries(Object.entries(state.pins).filter(([, forms]) => Object.keys(forms).length));
  const found = await attempt(() => (kind === "rules" ? { name: "rules.egg", text: state.about.options.own } : ask("export", kind === "html" ? { kind, pins, name: state.about.name } : { kind, pins })));
  if (!found) return;
  const content = found.base64 === undefined ? found.text : Uint8Array.from(atob(found.base64), (letter) => letter.charCodeAt(0));
  const link = h("a", { href: URL.createObjectURL(new Blob([content])), download: found.name });
  document.body.append(link); link.click(); link.remove();
  say(`${found.name} saved`);
}

function dialog(title, ...children) {
  byId("dialog").setAttribute("aria-label", title);
  show("dialog", h("h2", {}, title), children, h("p", {}, h("button", { onclick: () => byId("dialog").close() }, "Close")));
  byId("dialog").showModal();
}

const EXPORTS = { wasm: "module (.wasm)", wat: "text (.wat)", pins: "choices (pins.json)", rules: "rules (rules.egg)", html: "report (.html)" };

function exportDialog() {
  if (KEPT) return;
  const kinds = Object.entries(EXPORTS).filter(([kind]) => kind !== "rules" || state.about.options.own);
  dialog("Export", h("p", { class: "dim" }, "What is not proven cannot be exported."), h("p", { class: "buttons" }, kinds.map(([kind, title]) => h("button", { id: `export-${kind}`, onclick: () => exportAs(kind) }, title))));
}

const KEYS = [["j k", "next, previous function"], ["↑ ↓", "previous, next instruction with a value"], ["[ ]", "previous, next difference"], ["v", "swap the sides"], ["1–9", "choose a form"], ["w", "why equal"],
  ["t g p d x c", "saturation, e-graph, proof, counterexample, text, command line"], ["u", "undo a choice"], ["s", "keep the choice as a variant"], ["r", "optimize again"], ["e", "export"], ["y", "copy the address of this view"], ["/", "filter"], ["?", "these keys"]];

const ACTIONS = {
  j: () => step(1), k: () => step(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), "[": () => hunk(-1), "]": () => hunk(1), v: () => { if (state.compare) swap(); },
  w: () => byId("why").focus(), t: () => tab("saturation"), g: () => tab("egraph"), p: () => tab("obligations"), d: () => tab("runs"), x: () => tab("text"), c: () => tab("command"),
  u: undo, s: saveVariant, r: () => { if (!KEPT) optimize(); }, e: exportDialog, y: copyLink, "/": () => byId("filter").focus(),
  "?": () => dialog("Keys", h("table", {}, KEYS.map(([keys, text]) => h("tr", {}, h("td", {}, h("kbd", {}, keys)), h("td", {}, text))))),
};

// In what scrolls by the arrows itself, they keep doing so.
const SCROLLED = "#panel, #why, #proof, #pins";

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("dialog").open) return;
  if (event.target.matches("input:not([type=checkbox]), select, textarea")) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.key.startsWith("Arrow") && event.target.closest(SCROLLED)) return;
  const form = /^[1-9]$/.test(event.key) ? state.forms?.forms[Number(event.key) - 1] : null;
  const action = form ? () => pick(form.text) : ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

// The address holds what is looked at: hashes of contents, not numbers of classes.

export function remember() {
  if (state.current === null || state.opening) return; // halfway there the address would lose what it says
  const row = rowOf(state.current);
  const words = new URLSearchParams({ m: state.overview.sha256.slice(0, 8), f: row.key });
  if (state.at !== null) words.set("i", state.at);
  if (pinned(state.current)) words.set("p", JSON.stringify(pinsOf(state.current)));
  if (state.left !== "original") words.set("l", sideInAddress(state.left));
  if (state.right !== (pinned(state.current) ? "choice" : "automatic")) words.set("r", sideInAddress(state.right));
  try { history.replaceState(null, "", `#${words}`); } catch { /* a frame without an address */ }
}

export async function copyText(text, said) {
  try { await navigator.clipboard.writeText(text); say(said); } catch { say(text); }
}

function copyLink() { return copyText(location.href, "the address is copied"); }

async function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  if (!words.has("f")) return false;
  if (words.get("m") !== state.overview.sha256.slice(0, 8)) { say("that address is about another module"); return false; }
  const row = state.rows.find((one) => one.key === words.get("f"));
  if (!row) { say("that address is about a function that is not here"); return false; }
  let sides = null;
  try {
    if (words.has("p") && !KEPT) state.pins = { [row.index]: JSON.parse(words.get("p")) };
    const [left, right] = ["l", "r"].map((word) => (words.has(word) ? sideOfAddress(words.get(word), row.index) : null))
      .map((side) => (side === "choice" && !pinned(row.index) ? null : side));
    sides = [left ?? "original", right ?? (pinned(row.index) ? "choice" : "automatic")];
  } catch { say("the choices in the address cannot be read"); }
  await open(row.index, words.has("i") ? Number(words.get("i")) : null, sides);
  return true;
}

async function start() {
  byId("functions").addEventListener("scroll", drawList);
  byId("compare").addEventListener("scroll", () => { if (state.compare) drawCompare(); });
  globalThis.addEventListener("resize", () => { drawList(); if (state.compare) drawCompare(); });
  document.addEventListener("keydown", onKey);
  byId("filter").addEventListener("input", (event) => { state.filter = event.target.value; filterRows(); });
  for (const button of document.querySelectorAll("[data-sort]")) button.addEventListener("click", () => { state.sort = button.dataset.sort; filterRows(); });
  for (const [id, action] of [["rerun", optimize], ["link", copyLink], ["export", exportDialog], ["help", ACTIONS["?"]], ["stop", () => attempt(() => ask("cancel"))]]) byId(id).addEventListener("click", action);
  byId("theme").addEventListener("click", () => { const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches; root.dataset.theme = dark ? "light" : "dark"; });
  byId("cost").addEventListener("change", async (event) => { state.about.options = await attempt(() => ask("configure", { cost: event.target.value })) ?? state.about.options; await optimize(); });
  hint();
  if (KEPT) for (const id of ["rerun", "stop", "export", "cost"]) byId(id).disabled = true;
  state.about = KEPT ?? await attempt(() => ask("state"));
  state.overview = await attempt(() => ask("overview"));
  if (!state.overview) return;
  byId("cost").value = state.about.options.cost;
  makeRows(); drawTotals(); drawPins(); drawTab();
  byId("app").setAttribute("aria-busy", "false");
  if (KEPT) { state.report = await ask("optimize"); makeRows(); drawTotals(); }
  else listen((plain) => { if (plain.event === "progress") say(`optimizing: ${plain.done} of ${plain.total} functions, ${plain.saved} bytes saved`); });
  if (!(await recall())) { const rows = state.shown.filter((row) => !row.heading), first = rows.find((row) => row.bytes <= FIRST) ?? rows[0]; if (first) await open(first.index); }
  if (!KEPT) await optimize();
}

start();
