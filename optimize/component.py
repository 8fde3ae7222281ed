"""A component: its core modules are optimized one after the other and put back in their places.

What a core module imports and exports is what the rest of the component refers to, so it stays as
it is, whatever the options would allow for a module that stands alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .describe import sha256
from .errors import InputError
from .options import Options
from .report import Report
from .run import Progress, Result

if TYPE_CHECKING:
    from ..wasm.module import Module

__all__ = ["optimize_component"]


def optimize_component(
    data: bytes,
    options: Options,
    optimize: Callable[[bytes, Options, Callable[[Progress], None] | None], Result],
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Optimize all core modules of a component, nested ones too, with `optimize`.

    A wall budget is shared among them by the size of what is left. Raises what `optimize` raises,
    and InputError for bytes that are no component or hold a module that is not valid.
    """
    from ..wasm.component import core_modules, rewrap
    from ..wasm.errors import WasmError

    began = time.monotonic()
    start = options.started if options.started is not None else began
    try:
        places = core_modules(data)
    except WasmError as error:
        raise InputError(error.message, error.offset) from None
    watch = _Watch(progress)
    known: dict[bytes, Result] = {}
    outputs: list[bytes] = []
    total = Report(input_hash=sha256(data))
    for ordinal, (first, last) in enumerate(places):
        module = data[first:last]
        left = sum(end - begin for begin, end in places[ordinal:])
        if module not in known:
            share = _share(options, start, (last - first) / left)
            try:
                known[module] = optimize(module, share, watch.part)
            except InputError as error:
                offset = None if error.offset is None else first + error.offset
                message = f"core module {ordinal}: {error.message}"
                raise InputError(message, offset) from None
            watch.next()
        result = known[module]
        if not _same_interface(module, result.output):
            result = _untouched(module, result)
        outputs.append(result.output)
        _add(total, result.report, ordinal)
    output = rewrap(data, outputs)
    total.output_hash = sha256(output)
    total.file_bytes = (len(data), len(output))
    total.seconds = time.monotonic() - start
    if places:
        total.budget["seconds"] = options.seconds
    if not places:
        total.unchanged_reason = "a component without core modules"
    if options.entry:
        total.entries = tuple((glob, ()) for glob in options.entry)
        total.warnings = (
            *total.warnings,
            "--entry is not used: a component needs all exports of its core modules",
        )
    return Result(output, total)


def _share(options: Options, start: float, share: float) -> Options:
    """The options for one module, with its share of what is left of a wall budget."""
    inner = replace(options, entry=(), keep_imports=True)
    if options.seconds is None:
        return inner
    now = time.monotonic()
    left = max(1e-3, start + options.seconds - now)
    # Counting from now on: what was spent so far was the others'.
    return replace(inner, started=now, budget=left * share)


class _Watch:
    """Adds up the progress of one module after the other."""

    def __init__(self, tell: Callable[[Progress], None] | None) -> None:
        self._tell = tell
        self._done = self._last = Progress(0, 0, 0, 0)

    def part(self, progress: Progress) -> None:
        """The module in work has come this far."""
        before = self._done
        self._last = Progress(
            before.done + progress.done,
            before.total + progress.total,
            before.saved + progress.saved,
            before.proven + progress.proven,
        )
        if self._tell is not None:
            self._tell(self._last)

    def next(self) -> None:
        """The module is done."""
        self._done = self._last


def _same_interface(before: bytes, after: bytes) -> bool:
    """Whether a module imports and exports the same under the same types."""
    from ..wasm.module import Module

    if before == after:
        return True
    return _interface(Module.parse(before)) == _interface(Module.parse(after))


def _interface(module: Module) -> list[object]:
    spaces: dict[str, Sequence[object]] = {
        "func": [module.types[kind] for kind in module.functions],
        "table": [replace(one, init=None) for one in module.tables],
        "memory": module.memories,
        "global": [(one.type, one.mutable) for one in module.globals],
        "tag": [module.types[one.type] for one in module.tags],
    }
    imports = [
        (one.module, one.name, module.types[one.desc] if isinstance(one.desc, int) else one.desc)
        for one in module.imports
    ]
    exports = [(one.name, one.kind, spaces[one.kind][one.index]) for one in module.exports]
    return [imports, exports]


def _untouched(module: bytes, result: Result) -> Result:
    """The module as it was, when what became of it would not fit its surroundings."""
    report = replace(
        result.report,
        unchanged_reason="what it imports or exports would have changed",
        output_hash=result.report.input_hash,
        file_bytes=(len(module), len(module)),
        code_bytes=(result.report.code_bytes[0],) * 2,
        functions=[
            replace(
                record,
                status="skipped" if record.status == "proven" else record.status,
                reason=record.reason or "the module stays as it was",
                bytes_after=record.bytes_before,
                cost_after=record.cost_before,
                rules=(),
            )
            for record in result.report.functions
        ],
    )
    return Result(module, report)


def _add(total: Report, part: Report, ordinal: int) -> None:
    """Add one module's report to that of the component."""
    total.versions |= part.versions
    total.cost = part.cost
    total.budget = total.budget or part.budget
    users = dict(total.contracts)
    for name, found in part.contracts:
        labelled = tuple(f"core module {ordinal}: {user}" for user in found)
        users[name] = (*users.get(name, ()), *labelled)
    total.contracts = tuple(users.items())
    total.features = tuple(sorted({*total.features, *part.features}))
    total.code_bytes = (
        total.code_bytes[0] + part.code_bytes[0],
        total.code_bytes[1] + part.code_bytes[1],
    )
    label = f"core module {ordinal}"
    total.warnings += tuple(f"{label}: {warning}" for warning in part.warnings)
    if part.unchanged_reason:
        total.warnings += (f"{label}: unchanged ({part.unchanged_reason})",)
    total.interrupted |= part.interrupted
    total.cached += part.cached
    total.differential += f"{'; ' if total.differential else ''}{label}: {part.differential}"
    for name, seconds in part.phases.items():
        total.phases[name] = total.phases.get(name, 0.0) + seconds
    total.functions += [replace(record, module=ordinal) for record in part.functions]
