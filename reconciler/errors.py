"""Everything that can go wrong and is expected to.

    ReconcileError            exit 1
    ├── UsageError            exit 64   the command line cannot be understood
    ├── ConfigInvalid         exit 1    documents with errors; carries the diagnostics
    ├── ConfigIncomplete      exit 1    the documents could not be loaded as a whole
    ├── SecretUnavailable     exit 6    a secret reference leads nowhere
    ├── StateProblem          exit 1    database or state file
    │   ├── StateDamaged
    │   ├── StateForeign                belongs to another project (lineage)
    │   ├── StateNewer                  written by a newer version of this program
    │   └── StateUnavailable            cannot be reached, or cannot be written (disk full)
    │       └── StateBusy     exit 5    another process keeps it locked
    ├── NotFound              exit 1    no such document, run, file
    ├── Locked                exit 5    somebody else holds the lease
    │   └── FenceLost                   the lease was lost while we worked
    ├── NotDue                exit 5    somebody else has served the occasion
    ├── StalePlan             exit 5
    ├── SafetyStop            exit 4
    ├── RemoteError           exit 1    the other side of a connection
    │   ├── AuthenticationFailed  exit 6
    │   ├── RemoteUnavailable           transient: try again later
    │   ├── RemoteRefused               permanent: the same request will fail again
    │   ├── RemoteMalformed             an answer that is not what the API documents
    │   └── AddressRefused              we refuse to talk to that address
    └── Interrupted           exit 130

The docstring of a class is its default message. A message says what is wrong; `hint` says what to do about it.
Messages are made of configuration names and remote error codes; never of secrets or response bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from reconciler.model.diagnostic import Diagnostic


class ReconcileError(Exception):
    """The command failed."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        super().__init__(self.message)

    def add(self, more: str) -> None:
        """Say more about what happened, where more is known than at the place that raised it."""
        self.message = f"{self.message.rstrip('.')}; {more}"
        self.args = (self.message,)


class UsageError(ReconcileError):
    """The command line cannot be understood."""

    exit_code = 64


class ConfigInvalid(ReconcileError):
    """The configuration has errors."""

    def __init__(
        self,
        diagnostics: Sequence[Diagnostic],
        message: str | None = None,
        *,
        root: str = ".",
        files: Sequence[str] = (),
    ) -> None:
        """`files` are those that were read, relative to the folder `root`, as the diagnostics' positions are."""
        self.diagnostics = tuple(diagnostics)
        self.root = root
        self.files = tuple(files)
        super().__init__(message)


class ConfigIncomplete(ReconcileError):
    """The configuration could not be loaded as a whole, so nothing may be concluded from what is missing."""


class SecretUnavailable(ReconcileError):
    """A secret that this command needs is missing or empty."""

    exit_code = 6


class StateProblem(ReconcileError):
    """The recorded state cannot be used."""


class StateDamaged(StateProblem):
    """The recorded state is damaged."""


class StateForeign(StateProblem):
    """The recorded state belongs to another project."""


class StateNewer(StateProblem):
    """The recorded state was written by a newer version of reconcile."""


class StateUnavailable(StateProblem):
    """The recorded state cannot be reached."""

    retryable = True


class StateBusy(StateUnavailable):
    """Another process keeps the recorded state locked."""

    exit_code = 5


class NotFound(ReconcileError):
    """There is no such thing."""


class Locked(ReconcileError):
    """Another process is working on this."""

    exit_code = 5


class FenceLost(Locked):
    """The lease was lost to another process; nothing more was recorded."""


class NotDue(ReconcileError):
    """There is nothing to do for this document at the moment."""

    exit_code = 5


class StalePlan(ReconcileError):
    """The plan is stale."""

    exit_code = 5


class SafetyStop(ReconcileError):
    """Stopped by a safety limit; nothing was changed."""

    exit_code = 4


class RemoteError(ReconcileError):
    """The remote system answered with an error."""


class AuthenticationFailed(RemoteError):
    """The remote system refused the credentials."""

    exit_code = 6


class RemoteUnavailable(RemoteError):
    """The remote system cannot be reached at the moment.

    `outcome_unknown` says that the request may have been carried out although no answer came. `status` is that of the last
    answer, 0 when there was none.
    """

    retryable = True

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, outcome_unknown: bool = False, status: int = 0
    ) -> None:
        super().__init__(message or "The remote system cannot be reached at the moment.", hint=hint)
        self.outcome_unknown = outcome_unknown
        self.status = status


class RemoteRefused(RemoteError):
    """The remote system refused the request."""

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, status: int = 0, code: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class RemoteMalformed(RemoteError):
    """The remote system answered with something that its API does not document."""


class AddressRefused(RemoteError):
    """This address may not be used by a connection."""


class Interrupted(ReconcileError):
    """Interrupted."""

    exit_code = 130
