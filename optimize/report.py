"""The record of one run: what the report file, the summary and later faces are views of.

`docs/report-schema.json` is the schema of `Report.as_json`; its version changes with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["SCHEMA_VERSION", "STATUSES", "FunctionRecord", "Report", "Status"]

SCHEMA_VERSION = 1

Status = Literal["proven", "unknown", "refuted", "unchanged", "skipped"]
STATUSES: tuple[Status, ...] = ("proven", "unknown", "refuted", "unchanged", "skipped")


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """What happened to one function.

    `proven`: changed, and the change is proven. `unknown`, `refuted`: a cheaper candidate was
    there but not proven, so the original stays. `unchanged`: nothing cheaper was found.
    `skipped`: not looked at, for the stated reason. Costs are in units of the cost model, bytes
    are those of the body without its size field, `seconds` is the worker's wall time.
    """

    index: int
    name: str
    status: Status
    reason: str
    bytes_before: int
    bytes_after: int
    cost_before: float
    cost_after: float
    rules: tuple[str, ...] = ()
    method: str = ""
    queries: int = 0
    rlimit: int = 0
    rejected: int = 0
    """Candidates that were cheaper but not proven."""
    module: int = 0
    """Which core module of a component it belongs to, in the order in which they lie."""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The record as plain values, in the schema's order."""
        return {
            "module": self.module,
            "index": self.index,
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "bytes": [self.bytes_before, self.bytes_after],
            "cost": [_number(self.cost_before), _number(self.cost_after)],
            "rules": list(self.rules),
            "proof": {
                "method": self.method,
                "queries": self.queries,
                "rlimit": self.rlimit,
                "rejected": self.rejected,
            },
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step over the whole module that was proposed: what it was, and what came of it.

    `status` is the validator's verdict, `functions` how many bodies it changes, `used` the
    contracts and facts that its proof needs, `seconds` the time of the proof.
    """

    kind: str
    status: str
    reason: str
    functions: int
    seconds: float
    used: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The record as plain values, in the schema's order."""
        return {
            "kind": self.kind,
            "status": self.status,
            "reason": self.reason,
            "functions": self.functions,
            "used": list(self.used),
            "seconds": round(self.seconds, 6),
        }


@dataclass(slots=True)
class Report:
    """What one run did. Sizes are in bytes; hashes are SHA-256 in hex."""

    versions: dict[str, str] = field(default_factory=dict)
    """Of the tool, its rules and the engines, by name."""
    input_hash: str = ""
    output_hash: str = ""
    file_bytes: tuple[int, int] = (0, 0)
    code_bytes: tuple[int, int] = (0, 0)
    cost: str = ""
    budget: dict[str, float | int | None] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    contracts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each stated contract with the names of what used it (empty: unused)."""
    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each glob of `--entry` with the kinds of step that used it (empty: unused)."""
    warnings: tuple[str, ...] = ()
    unchanged_reason: str = ""
    """Why the whole module was left alone, if it was."""
    interrupted: bool = False
    differential: str = ""
    """What the run of input against output at the end covered, or why there was none."""
    cached: int = 0
    """Functions answered from earlier runs."""
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds by phase."""
    places: tuple[int | None, ...] = ()
    """Function of the input -> function of the output, None if it is gone; empty: as it was."""
    steps: tuple[StepRecord, ...] = ()
    """What was proposed for the module as a whole, in order."""
    functions: list[FunctionRecord] = field(default_factory=list)
    pins: tuple[dict[str, str | int | bool], ...] = ()
    """Each choice made by hand, with whether it was kept, or why not."""
    replay: list[dict[str, Any]] = field(default_factory=list)
    """The new bodies, for `--replay`."""

    def counts(self) -> dict[Status, int]:
        """How many functions have which status; every status is there."""
        found = Counter(record.status for record in self.functions)
        return {status: found.get(status, 0) for status in STATUSES}

    def visited(self) -> int:
        """Functions that were looked at."""
        return sum(record.status != "skipped" for record in self.functions)

    def unproven(self) -> list[FunctionRecord]:
        """Functions with a cheaper candidate that could not be proven."""
        return [record for record in self.functions if record.status in ("unknown", "refuted")]

    def as_json(self) -> dict[str, Any]:
        """The report as plain values, in the schema's order."""
        return {
            "schema": SCHEMA_VERSION,
            "versions": dict(sorted(self.versions.items())),
            "input": {"sha256": self.input_hash, "bytes": self.file_bytes[0]},
            "output": {"sha256": self.output_hash, "bytes": self.file_bytes[1]},
            "code_bytes": list(self.code_bytes),
            "cost": self.cost,
            "budget": self.budget,
            "features": list(self.features),
            "contracts": [{"name": name, "used_by": list(users)} for name, users in self.contracts],
            "entries": [{"glob": glob, "used_by": list(users)} for glob, users in self.entries],
            "warnings": list(self.warnings),
            "unchanged_reason": self.unchanged_reason,
            "interrupted": self.interrupted,
            "differential": self.differential,
            "cached": self.cached,
            "seconds": round(self.seconds, 6),
            "phases": {name: round(value, 6) for name, value in self.phases.items()},
            "steps": [step.as_json() for step in self.steps],
            "totals": {"functions": len(self.functions), **self.counts()},
            "functions": [record.as_json() for record in self.functions],
            "pins": list(self.pins),
            "replay": self.replay,
        }


def _number(value: float) -> float | int:
    """Whole numbers without a point: most costs are counts."""
    return int(value) if value == int(value) else round(value, 6)
