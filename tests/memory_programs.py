"""Random functions that keep their variables in memory and globals, and what they do when run."""

import random

import wasmtime
from eqsat.wasm.module import Module

FUEL = 200_000
"""Enough for every program that ends: the longest takes some thousands."""

ARGUMENTS = ((0, 1, 2), (48, -1, 7), (16, 16, 65_530), (65_530, 3, 9), (-4, 5, 65_536))

_WIDTHS = {"i32.store": 4, "i32.store8": 1, "i32.store16": 2, "i64.store": 8, "f32.store": 4}
_LOADS = ("i32.load", "i32.load8_u", "i32.load8_s", "i32.load16_u", "i32.load")


class Writer:
    """Writes statements over a frame in memory, two memories, two globals and a few locals."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.labels: list[str] = []
        self.count = 0

    def pick(self, *choices: str) -> str:
        return self.source.choice(choices)

    def address(self) -> str:
        """A memory, an offset and an address: mostly a cell of one frame, sometimes anything."""
        memory = self.pick("$m", "$m", "$n")
        if memory == "$n":
            offset = self.source.choice((8, 12))
            return f"$n offset={offset} (i32.const 0)"
        base = self.pick(
            "(local.get 3)",
            "(local.get 3)",
            "(local.get 3)",
            "(i32.add (local.get 3) (i32.const 4))",
            "(i32.sub (local.get 3) (i32.const 4))",
            "(i32.const 24)",
            "(local.get 0)",
            "(i32.and (local.get 1) (i32.const 60))",
        )
        return f"$m offset={self.source.choice((0, 4, 8, 8, 10))} {base}"

    def value(self, depth: int) -> str:
        pick = self.source.random()
        if depth == 0 or pick < 0.25:
            return self.pick("(i32.const 0)", "(i32.const 7)", "(local.get 1)", "(local.get 4)")
        if pick < 0.6:
            return f"({self.pick(*_LOADS)} {self.address()})"
        if pick < 0.66:
            return f"(i32.wrap_i64 (i64.load {self.address()}))"
        if pick < 0.7:
            return f"(i32.reinterpret_f32 (f32.load {self.address()}))"
        if pick < 0.8:
            return self.pick("(global.get $g)", "(global.get $h)")
        op = self.pick("add", "sub", "xor", "and", "lt_s", "eq")
        return f"(i32.{op} {self.value(depth - 1)} {self.value(depth - 1)})"

    def store(self) -> str:
        op = self.source.choice(list(_WIDTHS))
        value = self.value(2)
        if op == "i64.store":
            value = f"(i64.extend_i32_s {value})"
        if op == "f32.store":
            value = f"(f32.reinterpret_i32 {value})"
        return f"({op} {self.address()} {value})"

    def statement(self, depth: int) -> str:
        pick = self.source.random()
        if pick < 0.4:
            return self.store()
        if pick < 0.5:
            return f"(global.set {self.pick('$g', '$h')} {self.value(2)})"
        if pick < 0.6:
            return f"(local.set 4 {self.value(2)})"
        if pick < 0.64:
            return self.pick("(call $x)", "(drop (memory.grow $m (i32.const 0)))")
        if pick < 0.7 and self.labels:
            label = self.source.choice(self.labels)
            if label.startswith("$l"):
                return f"(br_if {label} {self.counted()})"
            return f"(br_if {label} {self.value(1)})"
        if depth == 0:
            return self.bulk()
        if pick < 0.8:
            arms = f"(then {self.statements(depth - 1)}) (else {self.statements(depth - 1)})"
            return f"(if {self.value(2)} {arms})"
        self.count += 1
        kind = "loop" if pick > 0.9 else "block"
        label = f"${kind[0]}{self.count}"
        self.labels.append(label)
        inside = self.statements(depth - 1)
        self.labels.pop()
        if kind == "loop":
            inside += f" (br_if {label} {self.counted()})"
        return f"({kind} {label} {inside})"

    def bulk(self) -> str:
        """Something about many bytes, or a check that ends in a trap."""
        size, pick = self.source.choice((1, 3, 4, 8, 12, 16)), self.source.random()
        if pick < 0.3:
            return f"(memory.fill $m (local.get 3) {self.value(0)} (i32.const {size}))"
        if pick < 0.6:
            spaces = self.pick("$m $n", "$n $m", "$m $m")
            source = self.pick("(i32.const 8)", "(local.get 0)")
            return f"(memory.copy {spaces} (local.get 3) {source} (i32.const {size}))"
        if pick < 0.8:
            return self.chain()
        op, bound = self.pick("ge_u", "eq", "lt_s", "ne"), self.source.choice((4, 5, 70_000))
        limit = f"(i32.{op} (local.get {self.source.choice((0, 1, 2))}) (i32.const {bound}))"
        return f"(if {limit} (then (global.set $h (i32.const 3))))"

    def chain(self) -> str:
        """Several tests of one value, in one of three shapes."""
        value = f"(local.get {self.source.choice((0, 1, 2))})"
        constants = self.source.sample((0, 1, 2, 3, 5, 7, 9, 16), self.source.choice((3, 4, 5)))
        tests = [
            f"(i32.eq {value} (i32.const {c}))" if c else f"(i32.eqz {value})" for c in constants
        ]
        shape = self.source.randrange(3)
        if shape == 0:
            return " ".join(f"(if {test} (then {self.store()}))" for test in tests)
        if shape == 1:
            text = self.value(1)
            for test in tests:
                text = f"(if (result i32) {test} (then {self.value(1)}) (else {text}))"
            return f"(local.set 4 {text})"
        labels = [f"$c{self.count}_{k}" for k in range(len(tests))]
        self.count += 1
        inside = " ".join(
            f"(br_if {name} {test})" for name, test in zip(labels, tests, strict=True)
        )
        for name in labels:
            inside = f"(block {name} {inside} {self.store()})"
        return inside

    def counted(self) -> str:
        return "(i32.and (i32.const 7) (local.tee 5 (i32.add (local.get 5) (i32.const 1))))"

    def statements(self, depth: int) -> str:
        return " ".join(self.statement(depth) for _ in range(self.source.randrange(1, 5)))


def program(seed: int) -> Module:
    """Function 1 of this module is a random one; function 0 is called by it and writes."""
    writer = Writer(random.Random(seed))
    text = f"""(module (memory $m (export "m") 1) (memory $n (export "n") 1)
      (global $g (export "g") (mut i32) (i32.const 5))
      (global $h (export "h") (mut i32) (i32.const 0))
      (data (memory $m) (i32.const 0) "\\01\\02\\03\\04\\05\\06\\07\\08\\f1\\f2\\f3\\f4")
      (func $x (global.set $g (i32.const 3)) (i32.store $m offset=20 (i32.const 0) (i32.const 77)))
      (func (export "f") (param i32 i32 i32) (result i32) (local i32 i32 i32)
        (local.set 3 (i32.sub (local.get 0) (i32.const -16)))
        {writer.statements(3)} {writer.statements(2)} {writer.statements(2)}
        {writer.value(3)}))"""
    return Module.parse(bytes(wasmtime.wat2wasm(text)))
