"""The named steps at which a crash is interesting, so that tests can have one there.

`reached` does nothing unless the environment names a step (`RECONCILE_FAILPOINT`) and `reconciler.testing` is there, which
is not part of a release.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum

VARIABLE = "RECONCILE_FAILPOINT"


class Step(StrEnum):
    """In the order in which a cycle comes by; the last ones belong to an apply and to the state file."""

    LEASE_TAKEN = "lease-taken"
    RUN_OPENED = "run-opened"
    CALL_ANSWERED = "call-answered"
    COMPARED = "compared"
    BATCH_JOURNALLED = "batch-journalled"
    BATCH_SENT = "batch-sent"
    BATCH_RECORDED = "batch-recorded"
    RUN_CLOSED = "run-closed"
    LEASE_RELEASED = "lease-released"
    DOCUMENT_APPLIED = "document-applied"
    STATE_FILE_REPLACED = "state-file-replaced"


def reached(step: Step) -> None:
    """Come by a step."""
    if _hook is not None:
        _hook(step)


def _armed() -> Callable[[Step], None] | None:
    order = os.environ.get(VARIABLE)
    if not order:
        return None
    try:
        from reconciler.testing import failpoint
    except ImportError:
        return None  # a release
    return failpoint(order)


_hook = _armed()
