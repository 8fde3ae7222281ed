"""The house keeps what it promises: packaging, lock, documents and CI agree with each other."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from eqsat.cli.errors import CODES
from eqsat.optimize.report import SCHEMA_VERSION, STATUSES, FunctionRecord, Report

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_ROOMS = {"tests", "bench", "docs", "examples"}


def rooms() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_ROOMS


def test_wheel_names_every_room() -> None:
    included = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    files = {path.name for path in ROOT.glob("*.py")} | {"py.typed"}
    assert included == rooms() | files


def test_rooms_are_covered_by_the_import_contract() -> None:
    layers = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    named = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    assert named | {"verify"} == rooms()
    banned = set(PROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"])
    assert banned == rooms()


def test_editable_install_is_a_plain_path() -> None:
    link = ROOT / ".dev" / "eqsat"
    assert link.is_symlink()
    assert link.readlink() == Path("..")


def test_lock_pins_what_the_project_asks_for() -> None:
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    )
    wanted = PROJECT["project"]["dependencies"]
    wanted += PROJECT["project"]["optional-dependencies"]["dev"]
    wanted += PROJECT["build-system"]["requires"]
    for line in wanted:
        name, version = line.split("==")
        assert locked.get(name) == version, line


def test_both_locks_name_the_same_versions() -> None:
    uv = tomllib.loads((ROOT / "uv.lock").read_text())
    # A package may have one version for each range of Pythons.
    versions = {(package["name"], package.get("version")) for package in uv["package"]}
    text = (ROOT / "requirements.lock").read_text()
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.M):
        assert (name, version) in versions


def test_every_locked_package_has_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.M)[1:]
    assert len(entries) > 20
    assert all("--hash=sha256:" in entry for entry in entries)


def quick_start(kind: str) -> list[str]:
    readme = (ROOT / "README.md").read_text()
    part = readme.split(f"<!-- quick start: {kind} -->")[1].split("<!-- end -->")[0]
    return [line.strip() for line in part.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize("kind", ["pip", "uv"])
def test_readme_has_two_commands(kind: str) -> None:
    first, second = quick_start(kind)
    assert "examples/json.wasm" in first
    assert (ROOT / "examples" / "json.wasm").read_bytes()[:4] == b"\0asm"
    assert "pytest" in second


def test_ci_takes_its_commands_from_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "quick start: pip" in script
    assert "readme 1" in script
    assert "readme 2" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_error_page_lists_every_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| (E\d{4}) \| (\d+) \| (.*) \|$", page, re.M)
    assert {code: (int(exit), text) for code, exit, text in rows} == {
        code: (int(exit), text) for code, (exit, text) in CODES.items()
    }


def test_links_in_documents_lead_somewhere() -> None:
    missing = []
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                missing.append(f"{page.name}: {target}")
    assert not missing


def conforms(value: Any, schema: dict[str, Any], where: str = "$") -> None:  # noqa: ANN401
    """Check a value against the part of JSON Schema that our schema uses."""
    known = {"$schema", "title", "version", "minimum", "minItems", "maxItems"}
    known |= {"type", "const", "enum", "items", "properties", "required", "additionalProperties"}
    assert set(schema) <= known, where
    if "const" in schema:
        assert value == schema["const"], where
    if "enum" in schema:
        assert value in schema["enum"], where
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else kinds
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if names:
        assert any(isinstance(value, types[name]) for name in names), (where, value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        assert set(schema.get("required", ())) <= set(value), where
        extra = schema.get("additionalProperties", True)
        for key, item in value.items():
            if key in properties:
                conforms(item, properties[key], f"{where}.{key}")
            else:
                assert extra is not False, f"{where}.{key}"
                if isinstance(extra, dict):
                    conforms(item, extra, f"{where}.{key}")
    if isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)), where
        for position, item in enumerate(value):
            conforms(item, schema.get("items", {}), f"{where}[{position}]")


def test_report_fits_its_schema() -> None:
    schema = json.loads((ROOT / "docs" / "report-schema.json").read_text())
    assert schema["version"] == SCHEMA_VERSION
    record = FunctionRecord(
        index=3,
        name="f",
        status="proven",
        reason="",
        bytes_before=10,
        bytes_after=8,
        cost_before=4.5,
        cost_after=3,
        rules=("i32/mul-pow2",),
        method="normalised",
    )
    report = Report(functions=[record], contracts=(("trap-kills", ()),))
    report.entries = (("run*", ("trim",)),)
    report.budget = {"seconds": 2.0, "max_iters": None, "max_nodes": None, "rlimit": None}
    conforms(json.loads(json.dumps(report.as_json())), schema)
    assert schema["properties"]["functions"]["items"]["properties"]["status"]["enum"] == [*STATUSES]
    broken = report.as_json()
    broken["functions"][0]["status"] = "fine"
    with pytest.raises(AssertionError):
        conforms(broken, schema)
