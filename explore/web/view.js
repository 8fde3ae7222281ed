// Small tools for making elements: everything foreign goes in as text, never as markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("aria-")) { element.setAttribute(name, String(value)); continue; }
    if (value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

export const byId = (id) => document.getElementById(id);

export function show(place, ...children) {
  byId(place).replaceChildren(...children.flat(Infinity).filter((child) => child !== null));
}

export const number = (value) => (Number.isInteger(value) ? String(value) : value.toPrecision(4).replace(/\.?0+$/, ""));

export function signed(value) {
  if (value === undefined || value === null) return "";
  return value > 0 ? `+${number(value)}` : value < 0 ? `−${number(-value)}` : "0";
}

export const tone = (value) => (value < 0 ? "good" : value > 0 ? "bad" : "dim");

export const MARKS = {
  proven: ["✓", "good", "changed and proven"],
  refuted: ["✕", "bad", "refuted, the original stays"],
  unknown: ["?", "warn", "not proven, the original stays"],
  unchanged: ["–", "dim", "unchanged"],
  skipped: ["·", "dim", "not looked at"],
  waiting: ["…", "dim", "not optimized yet"],
};

export function mark(status) {
  const [sign, kind, text] = MARKS[status] ?? MARKS.waiting;
  return h("span", { class: `mark ${kind}`, title: text, "aria-label": text, role: "img" }, sign);
}
