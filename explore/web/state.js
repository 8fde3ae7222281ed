// What the page knows, and how it asks for more.
import { byId } from "./view.js";

const TOKEN = new URLSearchParams(location.search).get("t") ?? "";
export const KEPT = globalThis.EQSAT ?? null; // the answers of a page that stands alone

export const state = {
  about: null, overview: null, report: null, rows: [], shown: [], sort: "bytes", filter: "",
  current: null, data: null, compare: null, left: "original", right: "automatic", wanted: null, at: null, forms: null, makers: null,
  proof: null, verdicts: new Map(), pins: {}, undo: [], variants: [], tab: "saturation", opening: false, opened: 0, compared: 0, explained: 0, drawn: 0,
};

export async function ask(method, params = {}) {
  if (KEPT) {
    const known = KEPT.answers[key(method, params)];
    if (known === undefined) throw new Error("not in this page: run eqsat explore");
    return known;
  }
  const answer = await fetch("/api", {
    method: "POST", headers: { "content-type": "application/json", "x-eqsat-token": TOKEN },
    body: JSON.stringify({ method, params }),
  }).catch(() => { throw new Error("the server does not answer: is eqsat explore still running?"); });
  const plain = await answer.json();
  if (!answer.ok) throw new Error(plain.error ?? "no answer");
  return plain.result;
}

// As the page's maker writes it: the method, then what it is about.
function key(method, { index, at, form, left, right, name, side }) {
  return JSON.stringify([method, index, at, form, left, right, name, side].filter((part) => part !== undefined));
}

export function listen(hear) {
  new EventSource(`/events?t=${encodeURIComponent(TOKEN)}`).onmessage = (event) => hear(JSON.parse(event.data));
}

export function say(text) { byId("status").textContent = text; }

export async function attempt(work) {
  try { return await work(); } catch (error) { say(error.message); return null; }
}

export const rowOf = (index) => state.rows.find((one) => one.index === index);

export const pinsOf = (index) => state.pins[index] ?? {};

export const pinned = (index) => Object.keys(pinsOf(index)).length > 0;
