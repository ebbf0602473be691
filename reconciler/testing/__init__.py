"""What only tests may do to a running program. This package is left out of releases."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count

from reconciler.failpoints import Step

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


def failpoint(order: str) -> Callable[[Step], None]:
    """From `STEP:NUMBER:ACTION`: the process sends itself a signal (kill, stop, term) when it comes by STEP for the NUMBERth
    time. Raises `ValueError` for an order that makes no sense."""
    name, number, action = order.split(":")
    wanted, at, what = Step(name), int(number), _SIGNALS[action]
    passed = count(1)

    def hook(step: Step) -> None:
        if step is wanted and next(passed) == at:
            os.kill(os.getpid(), what)

    return hook
