// The drawings: classes of an e-graph in layers, and how a saturation went.
import { s, number } from "./view.js";

const NODE = 24, GAP = 14, LAYER = 230, WIDTH = 170;

export function drawGraph(data, pick) {
  const layers = [];
  for (const one of data.classes) (layers[one.layer] ??= []).push(one);
  const members = new Map(data.classes.map((one) => [one.id, []]));
  for (const node of data.nodes) members.get(node.class)?.push(node);
  const place = new Map();
  let height = 0;
  for (const [layer, classes] of layers.entries()) {
    if (!classes) continue;
    // Classes stand in the order of those who use them, which keeps most edges from crossing.
    let y = 8;
    for (const one of classes) {
      const count = Math.max(1, members.get(one.id).length);
      const box = { x: 8 + layer * LAYER, y, h: 22 + count * NODE };
      place.set(one.id, box);
      members.get(one.id).forEach((node, k) => { node.x = box.x + 8; node.y = box.y + 20 + k * NODE; });
      y += box.h + GAP;
    }
    height = Math.max(height, y);
  }
  const width = 16 + layers.length * LAYER;
  const svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `e-graph: ${data.shown[0]} classes, ${data.shown[1]} nodes shown` });
  for (const one of data.classes) {
    const box = place.get(one.id);
    svg.append(s("rect", { class: `class${one.id === data.root ? " root" : ""}`, x: box.x, y: box.y, width: WIDTH + 16, height: box.h, rx: 7 },
      s("title", {}, one.label)), s("text", { x: box.x + 8, y: box.y + 14 }, clip(`c${one.id} ${one.label}`, 26)));
  }
  const byNumber = new Map(data.nodes.map((node) => [node.id, node]));
  for (const [from, to] of data.edges) {
    const a = byNumber.get(from), b = place.get(to);
    if (!a || !b) continue;
    const x1 = a.x + WIDTH, y1 = a.y + 9, x2 = b.x, y2 = b.y + 12;
    const bend = Math.max(24, Math.abs(x2 - x1) / 2);
    svg.append(s("path", { class: "edge", d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }));
  }
  for (const node of data.nodes) {
    svg.append(s("rect", { class: "node", x: node.x, y: node.y, width: WIDTH, height: 18, rx: 9, onclick: () => pick?.(node) }),
      s("text", { x: node.x + 8, y: node.y + 13, "pointer-events": "none" }, clip(node.text, 22)));
  }
  return svg;
}

export function drawRounds(rounds, unit) {
  const left = 84, top = 70, bars = 90, step = Math.min(44, 340 / Math.max(1, rounds.length)), width = left + step * rounds.length + 12;
  const costs = rounds.map((round) => round[unit]);
  const low = Math.min(...costs), high = Math.max(...costs), most = Math.max(1, ...rounds.map((round) => round.nodes));
  const y = (cost) => 20 + (high === low ? 0 : ((high - cost) / (high - low)) * (top - 30));
  const svg = s("svg", { width, height: top + bars + 40, role: "img", "aria-label": `best ${unit} and e-nodes by round` },
    s("text", { x: 4, y: 12 }, `best ${unit}`), s("text", { x: 4, y: top + 22 }, "e-nodes"));
  let path = "";
  rounds.forEach((round, k) => {
    const x = left + k * step, tall = (round.nodes / most) * (bars - 20);
    path += `${k ? "L" : "M"}${x} ${y(round[unit])}`;
    svg.append(s("circle", { class: "dot", cx: x, cy: y(round[unit]), r: 3 }), s("text", { x: x - 8, y: y(round[unit]) + 16 }, number(round[unit])),
      s("rect", { class: "bar", x: x - 9, y: top + bars - tall, width: 18, height: tall }, s("title", {}, `${round.nodes} e-nodes`)),
      s("text", { x: x - 8, y: top + bars + 14 }, String(round.nodes)), s("text", { x: x - 3, y: top + bars + 32 }, String(round.round)));
  });
  svg.append(s("path", { class: "line", d: path }));
  return svg;
}

const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
