"""What all tests share: the evaluation data beside the repository, and the markers."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes longer than the rest together")


def find_shared() -> Path | None:
    """Return the folder with the evaluation data, or None where there is none."""
    folder = Path(os.environ.get("EQSAT_SHARED", BESIDE))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = find_shared()
    if folder is None:
        pytest.skip(f"no evaluation data: EQSAT_SHARED is not set and {BESIDE} is not there")
    return folder
