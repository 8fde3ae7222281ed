"""eqsat: an equality-saturation superoptimizer for WebAssembly."""

# pytest loads this file once by path, outside the package: no relative import may run here.
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eqsat.explore.notebook import view as explore
    from eqsat.optimize.driver import optimize
    from eqsat.optimize.options import Options
    from eqsat.optimize.report import FunctionRecord, Report
    from eqsat.optimize.run import Progress, Result
    from eqsat.verify.modules import prove_modules as prove

__version__ = "0.1.0"

__all__ = [
    "FunctionRecord",
    "Options",
    "Progress",
    "Report",
    "Result",
    "__version__",
    "explore",
    "optimize",
    "prove",
]

_HOMES = {
    "FunctionRecord": ("optimize.report", "FunctionRecord"),
    "Options": ("optimize.options", "Options"),
    "Progress": ("optimize.run", "Progress"),
    "Report": ("optimize.report", "Report"),
    "Result": ("optimize.run", "Result"),
    "prove": ("verify.modules", "prove_modules"),
}
"""Where the public names live: they are imported when they are first used."""


def __getattr__(name: str) -> object:
    import importlib

    if name in ("explore", "optimize"):  # the rooms of these names answer calls
        return importlib.import_module(f"eqsat.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'eqsat' has no attribute '{name}'")
    found: object = getattr(importlib.import_module(f"eqsat.{home[0]}"), home[1])
    return found
