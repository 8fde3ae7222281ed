// Rules of one's own: text that is proven, rule by rule, before any of it is used.
import { h, byId, show } from "./view.js";
import { ask, attempt, say, state } from "./state.js";
import { open } from "./app.js";

const EXAMPLE = '(rewrite (i32.add x x) (i32.shl x (i32.const 1)) :name "mine/double")';
let answer = null; // of the last text that was proven
let draft = null; // what is written, also while something else is looked at

export function drawOwnRules() {
  draft ??= state.about.options.own ?? "";
  const text = h("textarea", { id: "own-text", rows: 5, spellcheck: "false", placeholder: EXAMPLE, "aria-label": "rules of your own, egglog rewrite commands",
    oninput: ({ target }) => { draft = target.value; } }, draft);
  return h("section", { class: "own" }, h("h2", {}, "Rules of your own"),
    h("p", { class: "dim" }, "egglog rewrite and rule commands, as in a file for --rules. Each is proven for all inputs first; if one is not, none is used."),
    text, h("p", {}, h("label", { class: "file" }, "from a file ", h("input", { id: "own-file", type: "file", accept: ".egg,text/plain", onchange: load })), " ",
      h("button", { id: "own-prove", onclick: prove }, "Prove and use"), " ", h("button", { id: "own-none", disabled: !state.about.options.own, onclick: drop }, "Use none")),
    h("div", { id: "own-answer", "aria-live": "polite" }, rows()));
}

function rows() {
  if (!answer) return "";
  if (answer.error) return h("p", { class: "bad" }, answer.error);
  return h("table", {}, answer.rules.map((rule) => h("tr", {}, h("td", { class: rule.status === "proven" ? "good" : "bad" }, `${rule.status === "proven" ? "✓" : "✕"} ${rule.status}`),
    h("td", { class: "dim" }, `line ${rule.line}`), h("td", { class: "mono" }, rule.name), h("td", { class: "mono" }, rule.equation),
    h("td", { class: "bad" }, rule.status === "proven" ? "" : [rule.reason, rule.counterexample.length ? `wrong for ${rule.counterexample.join(", ")}` : ""].filter(Boolean).join("; ")))));
}

async function load({ target }) {
  const [file] = target.files;
  if (!file) return;
  draft = await file.text();
  byId("own-text").value = draft;
}

function drop() { draft = ""; byId("own-text").value = ""; return prove(); }

async function prove() {
  say("proving the rules…");
  const found = await attempt(() => ask("own_rules", { text: draft }));
  if (!found) { answer = { error: byId("status").textContent }; show("own-answer", rows()); return; }
  answer = found;
  if (found.options) {
    state.about.options = found.options;
    await open(state.current, state.at);
    say(draft.trim() ? `${found.rules.length} rules of your own in use: run again (r) for the module` : "no rules of your own: run again (r) for the module");
  } else {
    say("not used: a rule is not proven");
    show("own-answer", rows());
  }
}
