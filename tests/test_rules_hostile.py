"""Rule files that are wrong, broken or hostile: one clear line, a documented exit code, no harm."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import wasmtime
from eqsat.cli.main import main
from eqsat.verify import rules
from eqsat.verify.rules import prove_rule

GOOD = "(rewrite (i32.add x x) (i32.shl x (i32.const 1)))\n"
PYTHON = """from __future__ import annotations
from eqsat.rules.language import Learns, Rows, rules, zeros
from eqsat.rules.memory import load, store
from eqsat.rules.terms import I32, K, N, Tok, V, Val


@rules("i32", kind="{kind}", ruleset="{ruleset}")
def mine(x: V, y: V, k: K, a: K, t: Tok, p: I32, o: N, s: N, v: I32, u: Val) -> Rows:
    yield {row}
"""
WRONG = {
    "algebraic": '"mine", x - y, y - x',
    "a guard too weak": '"mine", x.op("div_s", k), x.shr_s(1), k > 1',
    "effect": '"mine", load("I32", store(t, p, o, 2, v), p, o, 4, 0), v',
    "effect on a history": '"mine", store(store(t, p, o, 1, u), p, o, 2, u), store(t, p, o, 1, u)',
    "walk": (
        '"mine", load("I32", store(t, p, N("1"), s, u), p, o, 4, 0), '
        'load("I32", t, p, o, 4, 0), o > 1'
    ),
    "analysis": '"mine", x + y, Learns(zeros=a), zeros(x, a)',
    "fold": '"mine", x.of(k) * x.of(a), k + a',
}


def _verify(path: Path, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `rules verify` for a file."""
    code = main(["rules", "verify", "--rules", str(path), *more])
    caught = capfd.readouterr()
    assert "Traceback" not in caught.err
    return code, caught.out, caught.err


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_of_each_kind_is_refuted_at_its_line(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kind = name if name in ("effect", "analysis", "fold") else "algebraic"
    ruleset = name if name in ("walk", "analysis", "fold") else "opt"
    path = tmp_path / "mine.py"
    path.write_text(PYTHON.format(kind=kind, ruleset=ruleset, row=WRONG[name]))
    code, out, err = _verify(path, capfd)
    assert code == 1
    assert re.match(rf"refuted i32/mine \({path}:9\): .*wrong for \w+=-?\w+", out), out
    assert out.count("\n") == 1
    assert err == "eqsat: 1 rules: 0 proven, 1 refuted, 0 unknown\n"


def test_what_the_counterexample_says_is_wrong(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    row = '"mine", x.op("div_s", k), x.shr_s(1), k.is_(2)'
    path.write_text(PYTHON.format(kind="algebraic", ruleset="opt", row=row))
    _, out, _ = _verify(path, capfd)
    values = {name: int(value) for name, value in re.findall(r"\b([kx])=(-?\d+)", out)}
    assert values["k"] == 2
    assert int(values["x"] / 2) != values["x"] >> 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(rewrite (f32.add x y) (f32.add y x))", "depends on what f32.add computes"),
        ("(rewrite (i32.frob x) x)", "unknown constructor i32.frob"),
        ("(rewrite (i32.add x (i32.const a)) (i32.const (bit-rev a)))", "unknown primitive"),
        ("(rule ((= e (i32.eqz x))) ((delete (i32.eqz x))))", "no action that can be proven"),
        ('(rule ((= e (i32.eqz x))) ((panic "no")))', "neither a variable"),
        ('(rule ((= e (i32.eqz x))) ((input f "/etc/passwd")))', "neither a variable"),
        ("(rule ((= e (i32.eqz x))) ((extract e)))", "e is used as I32 and as i64"),
        ("(rewrite (i32.sub _ _) (i32.const 0))", "'_' is neither a variable"),
        ("(rewrite (i32.sub x true) (i32.sub x true))", "'true' is neither a variable"),
        ("(rewrite (i32.add x (i32.const +5)) (i32.add x (i32.const 5)))", "'+5' is neither"),
        ("(rewrite (i32.add x (i32.const 1_0)) (i32.add x (i32.const 1_0)))", "'1_0' is neither"),
        ("(rewrite (i32.add x i32.add) x)", "'i32.add' is neither"),
        ("(rule ((= e (i32.eqz x))) ((union e e)) :subsume)", "unknown option ':subsume'"),
        ("(rewrite (i32.add x x) (i32.add x x) :unextractable y)", "unknown option"),
        ("(rewrite (i32.add x a) x :when ((> a 1) (< a 1)))", "a is used as I32 and as i64"),
    ],
)
def test_what_is_not_proven_is_refused(
    text: str, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.egg"
    path.write_text(f"; two lines\n\n{text}\n")
    code, out, _ = _verify(path, capfd)
    assert code == 1
    assert out.startswith(f"unknown mine:3 ({path}:3): "), out
    assert reason in out
    assert main(["opt", str(_module(tmp_path)), "--diff", "--no-cache", "--rules", str(path)]) == 3
    err = capfd.readouterr().err
    assert f"error[E0305]: {path}:3: mine:3 is unknown" in err
    assert err.count("\n") == 1


def _module(folder: Path) -> Path:
    path = folder / "m.wasm"
    text = '(module (func (export "f") (param i32) (result i32) local.get 0 i32.const 1 i32.add))'
    path.write_bytes(bytes(wasmtime.wat2wasm(text)))
    return path


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('(include "/etc/passwd")', 1, "only rewrite and rule commands, not include"),
        (GOOD + "(run 1000000)", 2, "not run"),
        (GOOD + '(output "x.csv" i32.add)', 2, "not output"),
        ('(input i32.add "/etc/passwd")', 1, "not input"),
        ('(push) (sort S) (system "rm")', 1, "not push"),
        ("(function f (i64) i64)", 1, "not function"),
        ("((rewrite))", 1, "not a list"),
        ("()", 1, "not ()"),
        ("(rewrite x)", 1, "two sides"),
        (GOOD + ")", 2, "')' outside a command"),
        (GOOD + "\n\n(rewrite (i32.add x y)", 4, "not closed"),
        ('(rewrite x x :name "a', 1, "a string is not closed"),
        ('(rewrite x x :name "a b")', 1, "'a b' is no name"),
        ('(rewrite x x :name "")', 1, "'' is no name"),
        ('(rewrite x x :name "a" :name "b")', 1, "an option is expected"),
        ("(rewrite x x :ruleset $$)", 1, "unknown rule set $$"),
        ("(rewrite x x :ruleset (a))", 1, "unknown rule set (a)"),
        ("(rewrite (i32.add x (i32.const 9223372036854775808)) x)", 1, "more than 64 bits"),
        (f"(rewrite (i32.add x (i32.const {'9' * 100_000})) x)", 1, "more than 64 bits"),
        ("(" * 100_000, 1, "levels of parentheses"),
        ("(rewrite " + "(i32.eqz " * 5_000 + "x" + ")" * 5_000 + " x)", 1, "levels of parentheses"),
        ("(rewrite x \x1b[31mred)", 1, r"'\x1b[31mred' is no word"),
        ("(rewrite x \0)", 1, r"'\x00' is no word"),
        ("(rewrite (i32.add x ²) x)", 1, "'²' is no word"),
        ('(rewrite (i32.add x y) y :name "i32/add-0")', 1, "a rule named i32/add-0 already stands"),
        (GOOD.replace(")))", ')) :name "n")') * 2, 2, "a rule named n already stands"),
        ("; nothing", 1, "no rules"),
        (";" + "x" * (1 << 20), 1, "longer than"),
    ],
)
def test_a_broken_or_hostile_file_gives_one_line(
    text: str, line: int, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.egg"
    path.write_text(text)
    code, out, err = _verify(path, capfd)
    assert (code, out) == (3, "")
    assert err.startswith(f"eqsat: error[E0305]: {path}:{line}: "), err
    assert reason in err
    assert err.count("\n") == 1
    assert len(err) < 400


def test_bytes_that_are_no_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.egg"
    path.write_bytes(GOOD.encode() + b"; \xff\xfe\n")
    code, _, err = _verify(path, capfd)
    assert (code, err) == (3, f"eqsat: error[E0305]: {path}:2: not UTF-8 text\n")


def test_input_without_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "endless.egg"
    path.symlink_to("/dev/zero")
    code, _, err = _verify(path, capfd)
    assert code == 3
    assert "longer than" in err
    pipe = tmp_path / "pipe.egg"
    os.mkfifo(pipe)

    def fill() -> None:
        with pipe.open("w") as sink:
            try:
                while True:
                    sink.write(GOOD * 1000)
            except BrokenPipeError:
                sink.flush = lambda: None  # type: ignore[method-assign]

    writer = threading.Thread(target=fill)
    writer.start()
    code, _, err = _verify(pipe, capfd)
    writer.join(10)
    assert code == 3
    assert "longer than" in err


@pytest.mark.parametrize("name", ["no.egg", "folder.egg"])
def test_files_that_cannot_be_read(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.egg").mkdir()
    code, _, err = _verify(tmp_path / name, capfd)
    assert code == 3
    assert err.startswith(f"eqsat: error[E0302]: {tmp_path / name}: cannot be read")


@pytest.mark.parametrize("name", ["rules.egg", "rules.txt", "rules", "rules.py.egg"])
def test_only_a_file_called_py_is_run(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    code, _, err = _verify(path, capfd)
    assert code == 3
    assert err.startswith("eqsat: error[E0305]: ")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("\nimport sys; sys.exit(0)", 2, "SystemExit: 0"),
        ("def f(): f()\nf()", 1, "RecursionError"),
        ("x = '\0'", 1, "null bytes"),
        ("raise MemoryError", 1, "MemoryError"),
    ],
)
def test_a_python_file_that_fails(
    text: str, line: int, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    code, _, err = _verify(path, capfd)
    assert code == 3
    assert err.startswith(f"eqsat: error[E0305]: {path}:{line}: "), err
    assert reason in err
    assert err.count("\n") == 1


def test_a_rule_of_a_user_cannot_give_a_host_number_another_meaning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.egg"
    path.write_text(
        "(rule ((= e (i32.rotl (i32.const a) (i32.const b)))) ((ask.I32 e 3 a b)) :ruleset fold)"
    )
    code, out, _ = _verify(path, capfd)
    assert code == 1
    assert "only our own rules ask the host" in out
    assert main(["opt", str(_module(tmp_path)), "--diff", "--no-cache", "--rules", str(path)]) == 3
    assert "only our own rules ask the host" in capfd.readouterr().err


def test_work_without_end_is_given_up() -> None:
    stores = "t"
    for number in range(12):
        stores = f"(tok.store {stores} p {number} s{number} v{number})"
    proof = prove_rule(f"(rewrite (load.I32 {stores} p 90 4 0) (load.I32 t p 90 4 0))")
    assert (proof.status, "choices of sizes" in proof.reason) == ("unknown", True)


def test_a_proof_that_takes_too_many_units_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "(rewrite (i64.mul x (i64.const c)) (i64.shl x (i64.const (log2 c)))"
        " :when ((> c 1) (= 0 (& c (- c 1)))))"
    )
    assert prove_rule(text).status == "proven"
    monkeypatch.setattr(rules, "TOTAL_RLIMIT", 1_000)
    proof = prove_rule(text)
    assert (proof.status, proof.reason) == ("unknown", "more than 1,000 solver units")


def test_a_good_file_is_proven_and_used(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.egg"
    path.write_text(GOOD)
    code, out, err = _verify(path, capfd, "-v")
    assert code == 0
    assert out.startswith("proven mine:1 (direct, ")
    assert err == "eqsat: 1 rules: 1 proven, 0 refuted, 0 unknown\n"
    assert main(["opt", str(_module(tmp_path)), "--diff", "--no-cache", "--rules", str(path)]) == 0


def test_the_recorded_proofs_are_compared_without_a_proof(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from eqsat.rules import book
    from eqsat.verify import rules_lock

    def no_proof(text: str) -> None:
        raise AssertionError(text)

    monkeypatch.setattr(rules_lock, "prove_rule", no_proof)
    assert main(["rules", "verify", "--recorded"]) == 0
    own = book.built_in()
    monkeypatch.setattr(book, "built_in", lambda: own[1:])
    assert main(["rules", "verify", "--recorded"]) == 1
    assert f"{own[0].name} is no rule any more" in capfd.readouterr().out
    assert main(["rules", "verify", "--recorded", "--rules", "x.egg"]) == 2


def test_a_lock_is_compared_in_much_less_than_ten_seconds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eqsat", "rules", "verify", "--recorded", "-q"],
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=10,
    )
    assert done.returncode == 0


@pytest.mark.slow
def test_all_rules_are_proven_cold_within_five_minutes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eqsat", "rules", "verify", "-v"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(re.fullmatch(r"proven \S+ \(\w+, \d+\.\d{3} s\)", line) for line in lines)
    assert f"{len(lines)} rules: {len(lines)} proven, 0 refuted, 0 unknown" in done.stderr
