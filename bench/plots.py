"""Plots as SVG, from the JSON alone; the same bytes for the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .render import code_ratio, of_group

__all__ = ["plot"]

SIZE = (8.0, 4.5)
COLOURS = ("#7f7f7f", "#4c72b0", "#c44e52", "#dd8452", "#55a868")


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw what the result holds; gives the files."""
    import matplotlib as mpl

    mpl.use("svg")
    # Without these the file names its date and numbers its parts at random.
    mpl.rcParams["svg.hashsalt"] = "eqsat"
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["axes.grid"] = True
    mpl.rcParams["grid.alpha"] = 0.3
    if "points" in result:
        return [_scaling(result, folder)]
    return [
        _modules(result, group, folder)
        for group in sorted({row["group"] for row in result["rows"]})
    ]


def _modules(result: dict[str, Any], group: str, folder: Path) -> Path:
    """Code ratios of all modules of a group, each variant sorted by itself."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    for variant, colour in zip(result["variants"], COLOURS, strict=False):
        ratios = sorted(code_ratio(row) for row in of_group(result, group, variant))
        axes.plot(range(1, len(ratios) + 1), ratios, "o-", color=colour, label=variant, ms=3)
    axes.axhline(1.0, color="black", lw=0.8)
    axes.set(title=f"{group}: bytes of code, new / old", xlabel="modules, best first")
    axes.legend(fontsize=8)
    return _saved(figure, folder / f"code-{_plain(group)}.svg")


def _scaling(result: dict[str, Any], folder: Path) -> Path:
    """Time, memory and functions reached by size of the module."""
    from matplotlib.figure import Figure

    points = result["points"]
    size = [point["bytes"] / 1e3 for point in points]
    figure = Figure(figsize=(SIZE[0], 1.6 * SIZE[1]), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.loglog(size, [p["seconds"] for p in points], "o-", label="seconds, start to end")
    above.loglog(size, [p["cpu"] for p in points], "o-", label="seconds of CPU")
    above.loglog(size, [p["memory"] / 1e9 for p in points], "o-", label="GB, largest process")
    above.legend(fontsize=8)
    above.set(title=f"eqsat opt --budget {result['budget']}")
    once = [(s, p["per_hundred"]) for s, p in zip(size, points, strict=True) if p["per_hundred"]]
    below.semilogx([s for s, _ in once], [1000 * value for _, value in once], "o-")
    below.set(
        title="decode, lower, emit once, encode: ms of CPU for 100 operations",
        xlabel="kB of code",
        ylim=(0, None),
    )
    return _saved(figure, folder / "scaling.svg")


def _saved(figure: Any, path: Path) -> Path:  # noqa: ANN401 (matplotlib is loaded late)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _plain(text: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in text)
