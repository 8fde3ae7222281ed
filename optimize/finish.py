"""From proven bodies to a finished module, and the last checks before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import OutputError
from .function import Outcome
from .options import Options
from .worklist import Worklist

if TYPE_CHECKING:
    from ..wasm.module import Module

__all__ = ["assembled", "build", "check", "finished", "invalid_bodies"]

DIFFERENTIAL_SECONDS = 0.2
"""Time for running input against output where no budget says less: enough for about a thousand
calls of small exports."""

DIFFERENTIAL_LEAST = 0.08
"""Time the run gets even when the budget is used up: no output goes out without a look."""

DIFFERENTIAL_CALLS = 400
"""Calls of the run under counted budgets, where time may not decide."""

SEED = 0x5EED
"""Of the generated arguments: fixed, so that a difference can be reproduced."""


def build(
    module: Module, outcomes: Mapping[int, Outcome], work: Worklist, options: Options
) -> tuple[bytes, tuple[str, ...]]:
    """Put the new bodies into the module; gives its bytes and warnings about dropped sections.

    Functions equal to an improved one get the same body. Unless `--cost fuel` asks for speed at
    any size the result is never larger than the input: when the note in `producers` would make it
    so, the note goes first, then all changes.
    """
    from ..wasm.rewrite import replace

    bodies, new_types = _changes(outcomes, work)
    has_note = any(section.name == "producers" for section in module.sections)
    for quiet in (False, True):
        strip = (*options.strip, "producers") if quiet and not has_note else options.strip
        keep = options.keep
        built = replace(module, bodies, new_types, strip=strip, keep=keep)
        if options.cost == "fuel" or len(built.data) <= len(module.data):
            return built.data, built.warnings
    if options.pin is not None or options.replay is not None:
        return built.data, built.warnings  # somebody wants just these bodies
    stripped = replace(module, {}, strip=options.strip, keep=options.keep)
    if len(stripped.data) <= len(module.data):
        return stripped.data, stripped.warnings
    return module.data, ()


def assembled(module: Module, outcomes: Mapping[int, Outcome], work: Worklist) -> bytes:
    """The module with the new bodies in it and no further change."""
    from ..wasm.rewrite import replace

    bodies, new_types = _changes(outcomes, work)
    return replace(module, bodies, new_types, note=False).data


def _changes(outcomes: Mapping[int, Outcome], work: Worklist) -> tuple[dict[int, bytes], list[Any]]:
    """New bodies by function, those of equal functions included, and new types."""
    bodies = {index: found.body for index, found in outcomes.items() if found.body is not None}
    for twin in work.duplicates:
        if twin.first in bodies:
            bodies[twin.index] = bodies[twin.first]
    new_types: list[Any] = []
    for _, found in sorted(outcomes.items()):
        new_types += [kind for kind in found.new_types if kind not in new_types]
    return bodies, new_types


def finished(module: Module, data: bytes, options: Options) -> tuple[bytes, tuple[str, ...]]:
    """A module that went through steps, with a note of that in it; the input if that is smaller.

    `data` is the input.
    """
    from ..wasm.rewrite import replace

    has_note = any(section.name == "producers" for section in module.sections)
    for quiet in (False, True):
        strip = (*options.strip, "producers") if quiet and not has_note else options.strip
        built = replace(module, {}, strip=strip, keep=options.keep, touched=not quiet)
        if options.cost == "fuel" or len(built.data) <= len(data):
            return built.data, built.warnings
    return data, ()


def invalid_bodies(module: Module, outcomes: Mapping[int, Outcome]) -> list[int]:
    """Functions whose new body alone makes the module invalid, by halving.

    A fault in the way back costs the functions it touches, not the module.
    """
    from ..wasm.errors import WasmError
    from ..wasm.rewrite import replace
    from ..wasm.validate import validate

    found: list[int] = []
    groups = [sorted(index for index, outcome in outcomes.items() if outcome.body is not None)]
    while groups:
        group = groups.pop()
        bodies = {index: outcomes[index].body or b"" for index in group}
        types = [kind for index in group for kind in outcomes[index].new_types]
        try:
            validate(replace(module, bodies, types).data)
        except WasmError:
            half = len(group) // 2
            if half == 0:
                found += group
            else:
                groups += [group[:half], group[half:]]
    return sorted(found)


def check(
    original: bytes,
    output: bytes,
    options: Options,
    left: float | None,
    behaviour: bytes | None = None,
) -> str:
    """Check a finished module as a whole; gives what the differential run covered.

    Frames are compared with `original`, behaviour with that or another module. `left` is the time
    until the end of the budget. Raises OutputError.
    """
    from ..verify.frame import check_frame
    from ..wasm.errors import WasmError
    from ..wasm.validate import validate

    violations = check_frame(original, output)
    if violations:
        raise OutputError("frame", f"the output differs elsewhere ({violations[0]})", output)
    try:
        validate(output)
    except WasmError as error:
        raise OutputError("validation", f"the output is not valid ({error})", output) from None
    return _differential(behaviour or original, output, options, left)


def _differential(original: bytes, output: bytes, options: Options, left: float | None) -> str:
    """Run both modules side by side, within what time is left."""
    from ..verify.differential import explore

    if not options.differential:
        return "not run: switched off"
    seconds = DIFFERENTIAL_SECONDS
    if not options.counted and left is not None:
        seconds = max(DIFFERENTIAL_LEAST, min(seconds, left / 2))
    found = explore(original, output, seconds=seconds, seed=SEED, calls=DIFFERENTIAL_CALLS)
    if found.difference is not None:
        raise OutputError(
            "behaviour", f"the output behaves differently ({found.difference})", output
        )
    return f"{found.calls} calls, no difference" + (f" ({found.reason})" if found.reason else "")
