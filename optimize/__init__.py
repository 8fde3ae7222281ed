"""Stages, budget, workers, report: what turns one module into a better one.

The package is also the public function: `eqsat.optimize(module)` and `eqsat.optimize.driver`
are the same name, so the package answers a call with `driver.optimize`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .options import Options
    from .run import Progress, Result

__all__: list[str] = []


class _Callable(ModuleType):
    """A package that can be called."""

    def __call__(
        self,
        module: bytes,
        *,
        options: Options | None = None,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Result:
        """Optimize a module; see `driver.optimize`."""
        from .driver import optimize

        return optimize(module, options=options, progress=progress, stop=stop)


sys.modules[__name__].__class__ = _Callable
