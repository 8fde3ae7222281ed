"""The same question to several processes."""

import os
import subprocess
import sys


def answers(module: str) -> set[str]:
    """What a test module prints when it is run, in processes with different hash seeds."""
    found = set()
    for seed in ("0", "12345"):
        run = subprocess.run(
            [sys.executable, "-m", f"eqsat.tests.{module}"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        found.add(run.stdout.strip())
    return found
