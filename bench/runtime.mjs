// The V8 side of runtime.py: two modules run alternately, the median of the ratios on stdout.
// The plan comes as JSON on stdin; `null` goes out where a call cannot be made.
import { readFileSync } from "node:fs";

const plan = JSON.parse(readFileSync(0, "utf8"));

// A number where the export takes one, a BigInt where it insists on that.
function bound(exports, [name, values]) {
  const call = exports[name];
  const big = values.map((value) => BigInt(value));
  const numbers = values.map((value) => Number(BigInt.asIntN(32, BigInt(value))));
  for (const given of [numbers, big]) {
    try {
      call(...given);
      return () => call(...given);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  throw new TypeError("mixed arguments");
}

function once(path) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), {});
  const calls = plan.calls.map((call) => bound(exports, call));
  return () => {
    for (const call of calls) call();
  };
}

function timed(work, repeat) {
  const began = performance.now();
  for (let i = 0; i < repeat; i++) work();
  return performance.now() - began;
}

try {
  const [first, second] = plan.modules.map(once);
  let repeat = 1;
  while (timed(first, repeat) < plan.block * 1000 && repeat < 1 << 20) repeat *= 2;
  // Until the optimizing compiler has taken over in both.
  for (let i = 0; i < 3; i++) {
    timed(first, repeat);
    timed(second, repeat);
  }
  const ratios = [];
  const end = performance.now() + plan.seconds * 1000;
  while (performance.now() < end || ratios.length < plan.rounds) {
    let early, late;
    if (ratios.length % 2) {
      late = timed(second, repeat);
      early = timed(first, repeat);
    } else {
      early = timed(first, repeat);
      late = timed(second, repeat);
    }
    ratios.push(late / early);
  }
  ratios.sort((a, b) => a - b);
  const middle = ratios.length >> 1;
  const median =
    ratios.length % 2 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2;
  console.log(JSON.stringify(median));
} catch (error) {
  console.log("null");
}
