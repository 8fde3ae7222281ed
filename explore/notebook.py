"""The explorer in a notebook: a cell that shows functions beside what became of them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

from ..optimize.options import DEFAULT_MAX_ITERS, Options
from .page import static_page

__all__ = ["View", "view"]

HEIGHT: Final = 640
"""Pixels of a cell: the comparison and the panel below it without a scroll bar around them."""


@dataclass(frozen=True, slots=True)
class View:
    """A page that a notebook shows as the value of a cell."""

    page: str
    height: int = HEIGHT

    def _repr_html_(self) -> str:
        """A frame of its own: neither its style nor its scripts meet those of the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )


def view(module: bytes, function: str | None = None, options: Options | None = None) -> View:
    """Show functions of a module (binary): `function` is a glob of names or indices, None for all.

    Without `options` limits are counted, so that the cell says the same every time. Raises
    SessionError if no function is meant, InputError for bytes that are no module.
    """
    chosen = options or Options(max_iters=DEFAULT_MAX_ITERS)
    return View(static_page(module, chosen, "module.wasm", function)[0])
