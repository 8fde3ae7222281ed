"""A pytest fixture, `eqsat_check`: the gate as a test of a project's own.

Registered through the entry point `pytest11`, so installing eqsat is enough. Nothing but pytest is
imported before a test asks for the fixture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .config import CheckConfig
    from .lock import Lock

__all__ = ["Gate", "eqsat_check"]


class Gate:
    """The check of one project: its configuration and its lock."""

    def __init__(self, config: CheckConfig, lock: Lock | None) -> None:
        self._config = config
        self._lock = lock

    def assert_no_regression(self, module: str | Path) -> None:
        """Fail, with the report for people, if eqsat makes less of a module than the lock says.

        `module` is a path, relative to the configuration's folder unless absolute; it has to be one
        that the configuration names. A lock of other tools is told, but no failure.
        """
        __tracebackhide__ = True
        from ..optimize.cache import default_path
        from .gate import check
        from .measure import ModuleError
        from .reports import render

        path = Path(module)
        if path.is_absolute():
            path = path.relative_to(self._config.folder)
        name = path.as_posix()
        if name not in self._config.files():
            pytest.fail(f"{name} is no module of {self._config.source}", pytrace=False)
        options = self._config.options(default_path(), 0)
        try:
            context = check(
                self._config, options, self._lock, locked=False, paths=[name], partial=True
            )
        except ModuleError as error:
            pytest.fail(str(error), pytrace=False)
        found = [one for one in context.comparison.findings if one.rule == "EQ007"]
        if context.comparison.failing or found:
            pytest.fail(render("human", context), pytrace=False)


@pytest.fixture(scope="session")
def eqsat_check(pytestconfig: pytest.Config) -> Gate:
    """The gate of the project in which pytest runs; the test is skipped where there is none."""
    from .config import ConfigError, find_config, read_config
    from .gate import read_lock
    from .lock import LockError

    path = find_config(pytestconfig.rootpath)
    if path is None:
        pytest.skip("no [check] in an eqsat.toml or pyproject.toml")
    try:
        config = read_config(path)
        return Gate(config, read_lock(config))
    except (ConfigError, LockError) as error:
        pytest.fail(str(error), pytrace=False)
