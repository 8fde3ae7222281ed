"""What all tests share: the evaluation data beside the repository, and the markers."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .browsing import launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BESIDE = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes longer than the rest together")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the user's cache; those that are about a cache name their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("EQSAT_CACHE", "off")
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the evaluation data; tests that ask for it are skipped where it is not."""
    folder = Path(os.environ.get("EQSAT_SHARED", BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no evaluation data: {folder} is not there (set EQSAT_SHARED)")
    return folder


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A Chromium for a file of tests: its event loop must not outlive it."""
    yield from launched()
