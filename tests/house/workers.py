"""Where tests run in several workers: what is expensive to make for a file is made once.

`--dist loadgroup` would do this by a mark, but loses the marks with the pytest of today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/config/test_mistakes.py", "tests/delivery/test_image.py", "tests/delivery/test_wheel.py")
"""Files whose tests share something that takes seconds, or a minute, to make."""


class _Workers:
    @pytest.hookimpl
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
        from xdist.scheduler import LoadScopeScheduling

        class Together(LoadScopeScheduling):
            def _split_scope(self, nodeid: str) -> str:
                path = nodeid.partition("::")[0]
                return path if path in TOGETHER else nodeid

        return Together(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Only where there are workers: without xdist its hook is not known."""
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Workers())
