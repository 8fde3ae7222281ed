"""egglog's compiled module is loaded alone, and is the release the engine was written against."""

import subprocess
import sys
from importlib.metadata import version

from eqsat.egraph import bindings


def test_release() -> None:
    assert version("egglog") == bindings.VERSION


def test_loads_once_under_its_full_name() -> None:
    module = bindings.load()
    assert sys.modules[bindings.NAME] is module
    assert bindings.load() is module
    assert module.EGraph is not None


def test_package_around_it_stays_out() -> None:
    code = (
        "import os, sys; from eqsat.egraph import bindings; bindings.load();"
        "heavy = [m for m in ('egglog', 'graphviz', 'black', 'cloudpickle') if m in sys.modules];"
        "print(heavy, os.environ.get('RAYON_NUM_THREADS'))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] None"


def test_the_engine_loads_neither_solver_nor_runtime() -> None:
    code = (
        "import sys; from eqsat.egraph import Engine; from eqsat.extract import apply;"
        "print([m for m in ('z3', 'wasmtime', 'rich', 'egglog.bindings') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
