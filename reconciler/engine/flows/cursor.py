"""Models with a cursor: which cycles read everything, and which only what came since the last one.

A mark is taken before any row is read, so what comes meanwhile is read again. It moves on when a cycle has come to its end and
nothing that it read is left to be tried again. A cursor is only as good as whoever fills it: every so often everything is read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from reconciler.connectors.base import RowSource
from reconciler.model.document import DocumentId
from reconciler.model.outcome import PERMANENT, SKIPS, Reason
from reconciler.model.resources import Model
from reconciler.model.run import Extent, Tally
from reconciler.model.watermark import Mark, Since
from reconciler.state import watermarks
from reconciler.state.session import Session
from reconciler.state.watermarks import Watermark

SETTLED = PERMANENT | SKIPS | {Reason.KEY_NULL, Reason.KEY_CONFLICT}
"""Reasons after which a row need not be read again before it changes. Every other one keeps the mark where it is."""


@dataclass(slots=True, kw_only=True)
class Cursor:
    """The cursor of one cycle's model. `applied` names the documents and the catalog that decide about values, as applied."""

    document: DocumentId
    model: Model
    column: str
    source: RowSource
    applied: str
    since: Since | None = field(default=None, init=False)
    """None: everything is read."""
    _past: Watermark | None = field(default=None, init=False)
    _stand: Mark | None = field(default=None, init=False)

    @property
    def extent(self) -> Extent:
        return Extent.FULL if self.since is None else Extent.CURSOR

    @property
    def _basis(self) -> str:
        parts = (self.applied, self.source.label, self.column)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def recall(self, session: Session) -> None:
        """Look up what earlier cycles left. What was applied since then may make other values of the same rows."""
        found = watermarks.get(session, self.document)
        self._past = found if found is not None and found.basis == self._basis else None

    def look(self) -> None:
        """Ask the source where the cursor stands, and decide what to read. Raises `errors.RemoteError`."""
        past = self._past
        found = self.source.highest(self.model.query, self.column, None if past is None else past.mark)
        self._stand = None if found is None else found.mark
        # A cursor that went back is one that somebody restored, emptied or made anew.
        if past is not None and found is not None and found.reached and past.cycles + 1 < self.model.full_every:
            self.since = Since(column=self.column, mark=past.mark)

    def settle(self, session: Session, tally: Tally) -> None:
        """Record how far this cycle has come, in the transaction that closes it. `tally` is of what it read."""
        settled = all(reason in SETTLED for reason, count in tally.reasons.items() if count)
        kept = None if self._past is None else self._past.mark
        mark = self._stand if settled else kept
        if mark is None:
            watermarks.forget(session, self.document)
        elif self.since is not None:
            watermarks.advance(session, self.document, mark)
        else:
            watermarks.start(session, self.document, Watermark(basis=self._basis, mark=mark))
