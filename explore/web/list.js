// The list of functions: filter, order, groups; only what is in sight exists as elements.
import { h, byId, show, number, signed, tone, mark } from "./view.js";
import { KEPT, state } from "./state.js";
import { open } from "./app.js";

const ROW = 26;
const BY_NAME = new Intl.Collator(); // one for all: ten thousand names are sorted at once

export function makeRows() {
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

export function filterRows() {
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

export function drawList() {
  const box = byId("functions");
  const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 5);
  const last = Math.min(state.shown.length, first + Math.ceil(box.clientHeight / ROW) + 10);
  const rows = [h("div", { class: "spacer" }, state.shown.length ? null : h("p", { class: "dim empty" }, "no function is like that"))];
  rows[0].style.height = `${state.shown.length * ROW}px`;
  for (let k = first; k < last; k++) {
    const element = state.shown[k].heading ? heading(state.shown[k]) : line(state.shown[k]);
    element.style.top = `${k * ROW}px`;
    rows.push(element);
  }
  box.replaceChildren(...rows);
  const here = document.getElementById(`fn${state.current}`);
  if (here) box.setAttribute("aria-activedescendant", here.id); else box.removeAttribute("aria-activedescendant");
  for (const button of document.querySelectorAll("[data-sort]")) button.setAttribute("aria-pressed", button.dataset.sort === state.sort);
}

function heading(row) {
  return h("div", { class: "fn group", role: "presentation" }, h("span", {}, row.heading), h("span", {}, String(row.count)));
}

function line(row) {
  const waiting = row.status === "waiting";
  return h("div", { class: "fn", role: "option", id: `fn${row.index}`, "aria-selected": row.index === state.current,
    title: `${row.label}${row.reason ? `: ${row.reason}` : ""}`, onclick: () => open(row.index) },
  mark(row.status), h("span", { class: "name" }, row.label),
  h("span", { class: `num ${tone(row.gain)}` }, waiting ? String(row.bytes) : signed(row.gain)),
  h("span", { class: `num ${tone(row.fuelGain)}` }, waiting ? (row.fuel ? number(row.fuel) : "") : signed(Math.round(row.fuelGain * 100) / 100)));
}

export function drawTotals() {
  const report = state.report, overview = state.overview;
  const counts = report?.totals;
  const kinds = ["proven", "refuted", "unknown", "unchanged", "skipped"].filter((status) => counts?.[status]);
  show("totals", h("div", {}, h("b", {}, report ? `${report.input.bytes.toLocaleString()} → ${report.output.bytes.toLocaleString()} B` : `${overview.bytes.toLocaleString()} B`),
    report ? h("span", { class: tone(report.output.bytes - report.input.bytes) }, ` ${signed(Math.round(1000 * (report.output.bytes / report.input.bytes - 1)) / 10)} %`) : ""),
  h("div", {}, counts ? kinds.map((status) => h("span", { class: "count" }, mark(status), `${counts[status]} ${status} `)) : "not optimized yet"),
  KEPT?.cut ? h("div", { class: "warn" }, `in this page: ${KEPT.cut}`) : null,
  h("div", { class: "dim clip", title: overview.features.join(", ") }, overview.features.length ? `uses ${overview.features.join(", ")}` : ""));
  show("module", `${state.about?.name ?? ""} · ${overview.functions.length} functions · sha256 ${overview.sha256.slice(0, 8)}…`);
}

export function step(direction) {
  const rows = state.shown.filter((row) => !row.heading);
  const here = rows.findIndex((row) => row.index === state.current);
  const next = rows[Math.min(rows.length - 1, Math.max(0, here + direction))];
  if (!next) return;
  const top = state.shown.indexOf(next) * ROW, box = byId("functions");
  if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - ROW) box.scrollTop = top - box.clientHeight / 2;
  open(next.index);
}
