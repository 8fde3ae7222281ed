"""egglog's compiled module, loaded without the Python package around it.

`import egglog.bindings` first runs the package's `__init__`, which costs ten times the compiled
module itself for a language layer that nothing here uses. The module is entered in `sys.modules`
under its own full name, so a later `import egglog` shares it: loading it twice under two names
panics (the Rust side builds its global thread pool once).
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

NAME = "egglog.bindings"
"""The one name under which the compiled module may exist in a process."""

VERSION = "13.2.0"
"""The egglog release whose command classes and frozen tables this room was written against."""

_THREADS = "RAYON_NUM_THREADS"


def load() -> ModuleType:
    """Return the compiled module, loading it at the first call.

    The engine's thread pool is pinned to one thread while the module initialises: more threads
    make row order vary from run to run. Raises ImportError where egglog is not installed.
    """
    loaded = sys.modules.get(NAME)
    if loaded is not None:
        return loaded
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        path = _compiled_file()
        return importlib.import_module(NAME) if path is None else _load_file(path)
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


def _compiled_file() -> Path | None:
    """Return the compiled file inside the installed package, or None to import the usual way."""
    spec = importlib.util.find_spec("egglog")  # a top-level name: nothing of the package runs
    if spec is None or spec.submodule_search_locations is None:
        return None
    for folder in spec.submodule_search_locations:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / f"bindings{suffix}"
            if path.is_file():
                return path
    return None


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(NAME, path)
    if spec is None or spec.loader is None:
        return importlib.import_module(NAME)
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[NAME]
        raise
    return module
