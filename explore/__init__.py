"""Looking into a module: its functions, what they could be instead, and why that is the same.

The package is also the public function: `eqsat.explore(module, "name")` is `notebook.view`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..optimize.options import Options
    from .notebook import View

__all__: list[str] = []


class _Callable(ModuleType):
    """A package that can be called."""

    def __call__(
        self, module: bytes, function: str | None = None, options: Options | None = None
    ) -> View:
        """Show functions in a notebook; see `notebook.view`."""
        from .notebook import view

        return view(module, function, options)


sys.modules[__name__].__class__ = _Callable
