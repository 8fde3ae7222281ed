// Forms of a class, why they are equal, choices and their proofs: the right of the page.
import { h, byId, show, number, signed, tone, MARKS } from "./view.js";
import { KEPT, ask, attempt, pinned, pinsOf, rowOf, say, state } from "./state.js";
import { remember, select } from "./app.js";
import { drawFunction, judged, setSides, sideAsked, sideTitle, verdictOf } from "./compare.js";
import { ABOUT_SIDES, drawTab, tab } from "./tabs.js";

export function drawForms() {
  const { forms } = state;
  byId("classhead").textContent = `Forms of class c${forms.class} (${forms.total > forms.forms.length ? `${forms.forms.length} of ${forms.total}` : forms.total})`;
  show("forms", forms.forms.map(drawForm)
    .concat(h("p", { class: "dim" }, KEPT ? "" : `1–9 or a click chooses a form and proves the function. Differences are against the choice by cost: ${forms.base.bytes} B, fuel ${number(forms.base.fuel)}.`)));
}

function drawForm(form, k) {
  const made = form.refused ? form.refused : form.kind === "own" ? "as in the original" : state.makers?.[form.text]?.join(", ") || form.kind;
  return h("div", {
    class: `form${form.refused ? " refused" : ""}`, role: "option", "aria-selected": form.text === state.forms.chosen, title: form.text,
    onmouseenter: () => price(form), onfocus: () => price(form), onmouseleave: hint, onblur: hint, onclick: () => pick(form.text), tabindex: 0,
    onkeydown: (event) => { if (event.key === "Enter") pick(form.text); },
  }, h("kbd", {}, k < 9 ? String(k + 1) : "·"), h("div", {}, h("div", { class: "shown" }, form.shown), h("div", { class: form.refused ? "dim" : "dim clip", title: made }, made)),
  h("div", { class: "num" }, form.delta ? [h("div", { class: tone(form.delta[0]) }, `${signed(form.delta[0])} B`), h("div", { class: tone(form.delta[1]) }, `${signed(form.delta[1])} fuel`)] : ""));
}

async function price(form) {
  preview(form);
  if (KEPT || form.delta || form.refused || form.asked) return;
  form.asked = true;
  const index = state.current, at = state.at;
  const found = await attempt(() => ask("price", { index, at, form: form.text, pins: pinsOf(index) }));
  if (!found) return;
  Object.assign(form, found);
  if (state.current === index && state.at === at) { drawForms(); preview(form); }
}

// What a form would gain, beside what the keys are: what was said last stays to be read.
function preview(form) {
  const gain = form.delta ? `: ${signed(form.delta[0])} bytes, ${signed(form.delta[1])} fuel` : form.refused ? `: ${form.refused}` : "";
  byId("hint").textContent = form.shown + gain;
}

export function hint() {
  byId("hint").textContent = KEPT ? "a page that stands alone: eqsat explore answers more" : "j/k function · ↑/↓ instruction · [ ] difference · 1–9 form · ? all keys";
}

export async function explain(form) {
  const index = state.current, at = state.at, ticket = ++state.explained;
  if (form === "own") { show("why", h("p", { class: "dim" }, "this is the original's own form")); return; }
  const found = await attempt(() => ask("why", { index, at, form }));
  if (!found || ticket !== state.explained || state.current !== index || state.at !== at) return;
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

export async function pick(form) {
  if (KEPT) { explain(form); return; }
  const index = state.current, at = state.at;
  state.undo.push(JSON.stringify(state.pins));
  const pins = { ...pinsOf(index) };
  if (pins[at] === form) delete pins[at];
  else pins[at] = form;
  state.pins = { ...state.pins, [index]: pins };
  explain(form);
  await repick();
  if (state.at === at && state.forms) { state.forms.chosen = pins[at] ?? ""; drawForms(); }
}

export async function repick() {
  const index = state.current, pins = pinsOf(index);
  remember();
  if (!pinned(index)) {
    state.proof = null;
    const kept = (side) => (side === "choice" ? "automatic" : side);
    await setSides(kept(state.left), kept(state.right));
    drawPins();
    return;
  }
  // The choice takes the place on the right, unless it is on the left already.
  const [left, right] = state.left === "choice" ? ["choice", state.right] : [state.left, "choice"];
  say("proving…");
  const found = await attempt(() => ask("pick", { index, pins, left: left === "choice" ? "original" : sideAsked(left) }));
  if (!found || state.current !== index) return;
  if (found.refused) {
    state.proof = { status: "refused", method: "", reason: found.refused, rlimit: 0, queries: 0, seconds: found.seconds, assumptions: [], counterexample: null };
    drawFunction(); drawProof(state.proof);
  } else {
    state.proof = found.proof;
    if (left === "choice") await setSides(left, right);
    else { Object.assign(state, { compare: found, left, right }); drawFunction(); drawProof(); remember(); }
  }
  drawPins();
  if (ABOUT_SIDES.has(state.tab)) drawTab();
  say(found.refused ? `refused: ${found.refused}` : `${found.proof.status} in ${Math.round(found.seconds * 1000)} ms`);
}

// The verdict about what is on the screen; `proof` is one about what could not be shown.
export function drawProof(proof = verdictOf(judged())) {
  if (!proof) { show("proof"); return; }
  const example = proof.counterexample;
  show("proof", h("p", { class: { proven: "good", refuted: "bad" }[proof.status] ?? "warn", id: "verdict" }, `${MARKS[proof.status]?.[0] ?? (proof.status === "proving" ? "…" : "✕")} ${proof.status}`, proof.reason ? `: ${proof.reason}` : ""),
    example ? h("div", { class: "example" }, h("b", { class: "bad" }, "counterexample"), example.calls.map(([name, args]) => h("div", {}, h("code", {}, `${name}(${args.join(", ")})`))),
      h("table", {}, h("tr", {}, h("td", {}, "original"), h("td", {}, h("code", {}, example.original))), h("tr", {}, h("td", {}, sideTitle(judged())), h("td", {}, h("code", {}, example.new)))),
      h("button", { id: "show-runs", onclick: () => tab("runs") }, "Both runs, step by step ", h("kbd", {}, "d"))) : null,
    h("table", {}, [["method", proof.method || "–"], ["queries", proof.queries], ["rlimit", proof.rlimit.toLocaleString()], ["time", `${Math.round(proof.seconds * 1000)} ms`], ["assumptions", proof.assumptions.join(", ") || "none"]]
      .map(([name, value]) => h("tr", {}, h("td", { class: "dim" }, name), h("td", {}, String(value))))));
}

export function drawPins() {
  const places = Object.entries(state.pins).flatMap(([index, pins]) => Object.entries(pins).map(([at, form]) => [Number(index), Number(at), form]));
  show("pins", places.length ? places.map(([index, at, form]) => h("div", { class: "pin" }, h("code", {}, `${rowOf(index)?.label} @${at}: ${form}`),
    h("button", { "aria-label": `take back ${rowOf(index)?.label} @${at}`, onclick: () => unpin(index, at) }, "×"))) : h("p", { class: "dim" }, "none: everything is chosen by cost"),
  h("p", {}, h("button", { onclick: undo, disabled: !state.undo.length }, "Undo ", h("kbd", {}, "u"))),
  places.length ? h("p", { class: "dim" }, "With choices the module as a whole stays as it is: nothing is inlined, merged or removed, so every other function is optimized where it stands.") : null);
  if (state.tab === "command") drawTab();
}

async function unpin(index, at) {
  state.undo.push(JSON.stringify(state.pins));
  const pins = { ...state.pins[index] };
  delete pins[at];
  state.pins = { ...state.pins, [index]: pins };
  await afterPins();
}

export async function undo() {
  const before = state.undo.pop();
  if (before === undefined) return;
  state.pins = JSON.parse(before);
  await afterPins();
}

async function afterPins() {
  drawPins();
  if (state.current !== null && state.data && !state.data.closed) { await repick(); if (state.at !== null) await select(state.at); }
}
