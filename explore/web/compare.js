// Two sides of a function, aligned by class: which they are, their rows, the way through them.
import { h, byId, show, number, signed, mark, MARKS } from "./view.js";
import { KEPT, ask, attempt, pinned, pinsOf, rowOf, say, state } from "./state.js";
import { remember, select } from "./app.js";
import { drawProof } from "./choice.js";
import { ABOUT_SIDES, drawTab } from "./tabs.js";

const LINE = 20; // pixels of a row, as in the style sheet

// Sides: "original", "automatic", "choice", "variant A", "beside NAME".

function variantOf(side) { return state.variants.find((one) => one.index === state.current && side === `variant ${one.name}`); }

function names() {
  const variants = state.variants.filter((one) => one.index === state.current);
  return [["original", "Original"], ["automatic", "Automatic"], ...(pinned(state.current) ? [["choice", "Your choice"]] : []),
    ...variants.map((one) => [`variant ${one.name}`, `Variant ${one.name}`]), ...(state.about?.others ?? []).map(({ name }) => [`beside ${name}`, name])];
}

export function sideTitle(side) { return names().find(([name]) => name === side)?.[1] ?? side; }

// What the server calls a side: a module's name, or the choices themselves.
export function sideAsked(side) {
  if (side === "choice") return pinsOf(state.current);
  return variantOf(side)?.pins ?? side.replace(/^beside /, "");
}

// How an address holds a side: modules by content, choices in full.
export function sideInAddress(side) {
  const variant = variantOf(side);
  if (variant) return `pins:${JSON.stringify(variant.pins)}`;
  const other = state.about?.others?.find(({ name }) => side === `beside ${name}`);
  return other ? `beside:${other.key}` : side;
}

export function sideOfAddress(text, index) {
  const [, kind, rest] = /^(beside|pins):(.*)$/s.exec(text) ?? [null, text, ""];
  if (kind === "pins") return keepVariant(index, JSON.parse(rest), null);
  if (kind === "beside") {
    const other = state.about?.others?.find((one) => one.key === rest);
    if (other) return `beside ${other.name}`;
    say("the module that the address compares with is not here: name it by --beside");
    return null;
  }
  return ["original", "automatic", "choice"].includes(kind) ? kind : null;
}

export function keepVariant(index, pins, proof) {
  const own = state.variants.filter((one) => one.index === index);
  const name = own.length < 26 ? String.fromCharCode(65 + own.length) : String(own.length + 1);
  state.variants.push({ index, name, pins, proof });
  return `variant ${name}`;
}

export function saveVariant() {
  if (!pinned(state.current)) { say("nothing is chosen: there is nothing to keep"); return; }
  say(`kept as ${keepVariant(state.current, { ...pinsOf(state.current) }, state.proof)}`);
  drawHeads();
}

// The verdict about a side: of the optimizer, of a choice, of another module once it is asked for.
export function verdictOf(side) {
  if (side === "choice") return state.proof;
  if (side.startsWith("variant")) return variantOf(side)?.proof ?? null;
  if (side.startsWith("beside")) return state.verdicts.get(`${state.current} ${side}`) ?? null;
  return null;
}

// The side that a proof is about: one that is not the original.
export const judged = () => (state.right !== "original" ? state.right : state.left);

const flipped = ({ left, right, pairs }) => ({ left: right, right: left, pairs: pairs.map(([a, b]) => [b, a]) });

// Both sides as they will be: one may be chosen while the other is on its way.
const wanted = () => state.wanted ?? [state.left, state.right];

export async function setSides(left, right) {
  const index = state.current, data = state.data, ticket = ++state.compared;
  byId("compare").setAttribute("aria-busy", "true");
  state.wanted = [left, right];
  let found = null;
  if (left === "original" && right === "automatic") found = data;
  else if (left === "automatic" && right === "original") found = flipped(data);
  else found = await attempt(() => compareAsked(index, left, right));
  if (ticket !== state.compared || index !== state.current) return;
  byId("compare").setAttribute("aria-busy", "false");
  state.wanted = null;
  if (!found) { drawHeads(); return; }
  Object.assign(state, { compare: found, left, right });
  drawFunction(); drawProof(); remember();
  if (ABOUT_SIDES.has(state.tab)) drawTab();
  await judge(index);
}

export function swap() {
  [state.left, state.right] = [state.right, state.left];
  state.compare = flipped(state.compare);
  drawFunction(); remember();
}

// A page that stands alone holds every pair one way around.
async function compareAsked(index, left, right) {
  const asked = (a, b) => ask("compare", { index, left: sideAsked(a), right: sideAsked(b) });
  if (!KEPT) return asked(left, right);
  try { return await asked(left, right); } catch { return flipped(await asked(right, left)); }
}

// What is known of another module's function, or of a variant from an address, is found when it is first looked at.
async function judge(index) {
  const side = judged(), variant = variantOf(side);
  const name = `${index} ${side}`;
  if (variant && !variant.proof) {
    const found = await attempt(() => ask("pick", { index, pins: variant.pins }));
    variant.proof = found?.proof ?? null;
    if (state.current === index && judged() === side) { drawFunction(); drawProof(); }
    return;
  }
  if (!side.startsWith("beside") || state.verdicts.has(name)) return;
  state.verdicts.set(name, { status: "proving", method: "", reason: "", rlimit: 0, queries: 0, seconds: 0, assumptions: [], counterexample: null });
  drawFunction(); drawProof();
  const found = await attempt(() => ask("judge", { index, name: sideAsked(side) }));
  if (found) state.verdicts.set(name, found); else state.verdicts.delete(name);
  if (state.current !== index || judged() !== side) return;
  drawFunction(); drawProof();
  if (ABOUT_SIDES.has(state.tab)) drawTab();
}

// The head of the middle: title, figures, names of the sides.

export function drawFunction() {
  const { data, compare } = state;
  const row = rowOf(state.current);
  const { left, right } = compare;
  const gone = [[state.left, left], [state.right, right]].find(([, side]) => !side.there);
  show("title", mark(row?.status), h("h1", { title: data.name }, data.name || `function ${data.index}`), h("span", { class: "dim mono" }, `func[${data.index}] ${row?.type ?? ""}`),
    gone ? h("span", { class: "good" }, `nothing of it is left in ${gone[0] === "automatic" ? "the result" : sideTitle(gone[0])}`) : null, data.closed ? h("span", { class: "warn" }, data.closed) : null);
  const proof = verdictOf(judged());
  const status = proof ? proof.status : judged() === "automatic" ? row?.status : null;
  const tile = (title, main, under, kind = "") => h("div", { class: `tile ${kind}` }, h("span", { class: "dim" }, title), h("b", { title: main }, main), h("span", { class: "dim", title: under }, under));
  show("tiles", tile("body bytes", `${left.bytes} → ${right.bytes}`, signed(right.bytes - left.bytes)),
    tile("fuel, estimated", `${number(left.fuel)} → ${number(right.fuel)}`, signed(Math.round((right.fuel - left.fuel) * 100) / 100)),
    tile("e-graph", data.egraph ? `${data.egraph.nodes} nodes` : "not opened", data.egraph ? `${data.egraph.classes} classes, ${data.egraph.rounds} rounds, ${data.egraph.stopped}` : ""),
    tile(status ? `proof: ${sideTitle(judged())}` : "proof", MARKS[status]?.[0] ? `${MARKS[status][0]} ${status}` : status ?? "–",
      proof ? (proof.method ? `${proof.method} · ${proof.rlimit.toLocaleString()} rlimit · ${Math.round(proof.seconds * 1000)} ms` : proof.reason) : row?.reason || (row?.rules.length ? `${row.rules.length} rules took part` : ""), status ?? ""));
  drawHeads(); drawCompare();
}

function drawHeads() {
  const { compare } = state;
  show("heads", ["left", "right"].map((place) => {
    const side = compare[place];
    const list = h("select", { id: place, "aria-label": `what stands on the ${place}`,
      onchange: ({ target }) => setSides(...(place === "left" ? [target.value, wanted()[1]] : [wanted()[0], target.value])) },
    names().map(([value, name]) => h("option", { value, selected: value === state[place] }, name)));
    return h("div", {}, list, h("span", { class: "dim clip" }, `${side.rows.length} instrs, ${side.bytes} B`),
      place === "left" ? h("span", { class: "hunks" }, h("button", { id: "swap", title: "swap the sides (v)", onclick: swap }, "Swap ", h("kbd", {}, "v")))
        : h("span", { class: "hunks" }, h("button", { id: "save", title: "keep this choice to compare with (s)", disabled: Boolean(KEPT) || !pinned(state.current), onclick: saveVariant }, "Save ", h("kbd", {}, "s")),
          h("button", { onclick: () => hunk(-1), "aria-label": "previous difference" }, "["), h("button", { onclick: () => hunk(1), "aria-label": "next difference" }, "]")));
  }));
}

// The rows: only those in sight exist.

function kindOf([a, b]) {
  const { left, right } = state.compare;
  return a === null || b === null ? "gone" : left.rows[a].text !== right.rows[b].text ? "changed" : "";
}

export function drawCompare() {
  const { compare } = state;
  const box = byId("compare");
  const own = [state.left === "original", state.right === "original"];
  const chosen = classOf(state.at);
  const first = Math.max(0, Math.floor(box.scrollTop / LINE) - 10);
  const last = Math.min(compare.pairs.length, first + Math.ceil(box.clientHeight / LINE) + 20);
  const body = h("div", { class: "spacer", role: "presentation" });
  body.style.height = `${compare.pairs.length * LINE}px`;
  for (let k = first; k < last; k++) {
    const [a, b] = compare.pairs[k];
    const kind = kindOf([a, b]);
    const pair = h("div", { class: `pair${kind ? " hunk" : ""}`, role: "row", "aria-rowindex": k + 1 },
      cell(a === null ? null : compare.left.rows[a], kind, own[0], chosen), cell(b === null ? null : compare.right.rows[b], kind, own[1], chosen));
    pair.style.top = `${k * LINE}px`;
    body.append(pair);
  }
  box.setAttribute("aria-rowcount", compare.pairs.length);
  box.replaceChildren(body);
}

// The class of what an instruction of the original computes.
function classOf(at) {
  return at === null ? null : state.data.left.rows[at]?.class ?? null;
}

// Whether the rows in sight are already those of the function that is opened.
const fresh = () => state.data?.index === state.current;

function cell(row, kind, own, chosen) {
  if (!row) return h("div", { class: "row gap", role: "gridcell", "aria-label": "nothing" });
  const many = row.forms > 1;
  const isPinned = own && pinsOf(state.current)[row.at] !== undefined;
  return h("div", { class: `row ${kind}${many ? " site" : ""}${own && row.at === state.at ? " selected" : chosen !== null && row.class === chosen ? " same" : ""}`,
    role: "gridcell", "data-at": own ? row.at : null, "aria-selected": own && row.at === state.at, onclick: row.site !== null ? () => { if (fresh()) select(row.site); } : null },
  h("span", { class: "at" }, String(row.at)), h("span", { class: "text", title: row.text }, "  ".repeat(Math.min(row.depth, 30)) + row.text),
  row.class === null ? h("span") : h("span", { class: `chip${isPinned ? " pinned" : many ? " many" : ""}`, title: many ? `class ${row.class} with ${row.forms} equal forms` : `class ${row.class}` }, many ? `c${row.class} · ${row.forms}` : `c${row.class}`),
  h("span", { class: "num", title: "bytes" }, String(row.bytes)), h("span", { class: "num", title: "fuel" }, String(row.fuel)));
}

// The instruction chosen is brought into sight, on whichever side it is.
export function reveal() {
  const chosen = classOf(state.at), box = byId("compare");
  const own = state.left === "original" ? 0 : state.right === "original" ? 1 : null;
  const place = state.compare.pairs.findIndex(([a, b]) => (own === null
    ? chosen !== null && (state.compare.left.rows[a]?.class === chosen || state.compare.right.rows[b]?.class === chosen) : [a, b][own] === state.at));
  if (place < 0) return;
  if (place * LINE < box.scrollTop) box.scrollTop = place * LINE;
  else if ((place + 1) * LINE > box.scrollTop + box.clientHeight) box.scrollTop = (place + 1) * LINE - box.clientHeight;
}

export function hunk(direction) {
  const box = byId("compare");
  const kinds = state.compare.pairs.map(kindOf);
  const tops = kinds.flatMap((kind, k) => (kind && !kinds[k - 1] ? [k * LINE] : []));
  const next = direction > 0 ? tops.find((top) => top > box.scrollTop + 2) : tops.filter((top) => top < box.scrollTop - 2).pop();
  if (next === undefined) say(direction > 0 ? "no difference below" : "no difference above");
  else box.scrollTop = next;
}

export function move(direction) {
  if (!fresh()) return;
  const rows = state.data?.left.rows ?? [];
  for (let at = (state.at ?? -1) + direction; at >= 0 && at < rows.length; at += direction) {
    if (rows[at].class !== null) { select(at); return; }
  }
}
