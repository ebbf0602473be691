"""The configuration plane of the loop: look at the source, check what is there, plan, and apply or wait for somebody.

Cycles run what is recorded. So a source that cannot be reached, a broken commit or a plan that waits changes nothing about
what goes on: the last good one does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reconciler import errors
from reconciler.clock import Clock
from reconciler.config.load import LoadedProject, load_project
from reconciler.engine.applier import Applied, apply
from reconciler.engine.asking import APPROVE, SHORT
from reconciler.engine.occasion import Announce
from reconciler.engine.planner import make_plan
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.event import CONFIG, Condition, Emit, Event, EventName, Level, Scalar
from reconciler.model.plan import Plan
from reconciler.model.resources import ApplyPolicy, GitSource, OnRewrite, Project
from reconciler.planning.limits import exceeded, needed
from reconciler.report.plan import counted, limits_exceeded
from reconciler.report.text import plural
from reconciler.state import applies, conditions, meta
from reconciler.state.database import Database

if TYPE_CHECKING:
    from reconciler.config.git.checkout import GitCheckout

SHOWN = 50
"""Errors of one configuration that are logged."""

UNCONFIRMED = 1_000_000_000
"""The limits are checked here, by the settings of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A configuration that was found. `commit` is None outside git; `rewritten` says why it is no step forward."""

    root: Path
    commit: str | None = None
    rewritten: str | None = None


class Source(Protocol):
    """Where the configuration comes from."""

    def fetch(self, good: str | None) -> Candidate:
        """What is there now; `good` is the last commit that was good. Raises `errors.ReconcileError`."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that somebody else keeps up to date."""

    root: Path
    commit: Callable[[], str | None]

    def fetch(self, good: str | None) -> Candidate:
        return Candidate(root=self.root, commit=self.commit())

    def close(self) -> None:
        """Nothing to let go of: it is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch of a git repository, fetched at each look. `applied` says which of some commits were applied at any time."""

    checkout: GitCheckout
    source: GitSource
    stop: threading.Event
    applied: Callable[[], Collection[str]]

    def fetch(self, good: str | None) -> Candidate:
        fetched = self.checkout.fetch(self.stop, last_good=good, applied=self.applied())
        rewritten = fetched.rewritten if self.source.on_rewrite is OnRewrite.REFUSE else None
        folder = self.checkout.materialise(fetched.commit, self.stop, last_good=good)
        return Candidate(root=folder, commit=fetched.commit, rewritten=rewritten)

    def close(self) -> None:
        self.checkout.close()


Found = dict[Condition, tuple[str, str] | None]


@dataclass(kw_only=True)
class Follower:
    """One look at the source at a time. `last_problem` is what stands in the way of what was found, or empty."""

    source: Source
    project: Project
    database: Database
    clock: Clock
    holder: str
    emit: Emit
    announce: Announce | None
    last_problem: str = ""
    _told: tuple[Scalar, ...] = field(default=())
    _reported: tuple[object, ...] = field(default=())
    _differing: Mapping[str, object] = field(default_factory=dict)

    def poll(self) -> Applied | None:
        """Look once. Gives what was applied, if anything. Raises `errors.StateProblem`; other trouble becomes a condition."""
        found: Found = dict.fromkeys(_OURS)
        applied = None
        try:
            applied = self._advance(found)
        except (errors.Locked, errors.Interrupted):
            return None  # another replica is at it, or this one stops
        self._settle(found)
        return applied

    def _advance(self, found: Found) -> Applied | None:
        with self.database.read() as session:
            current = meta.read(session)
        good = current.commit if current else None
        candidate = self._fetch(good, found)
        if candidate is None or self._waits_for_approval_of_rewriting(candidate, found):
            return None
        loaded = self._load(candidate, found)
        if loaded is None:
            return None
        plan = make_plan(loaded, self.database)
        if plan.empty and current is not None and current.commit == candidate.commit:
            return None
        return self._apply(candidate, loaded, plan, found)

    def _fetch(self, good: str | None, found: Found) -> Candidate | None:
        try:
            return self.source.fetch(good)
        except (errors.StateProblem, errors.Interrupted):
            raise
        except errors.ConfigIncomplete as error:
            found[Condition.CONFIG_INVALID] = (error.message, error.hint or "")
            return None
        except errors.ReconcileError as error:
            found[Condition.SOURCE_FAILED] = (error.message, error.hint or "")
            return None

    def _waits_for_approval_of_rewriting(self, candidate: Candidate, found: Found) -> bool:
        if candidate.rewritten is None or candidate.commit is None or self._approved(candidate.commit):
            return False
        hint = f"{APPROVE}{candidate.commit[:SHORT]}"
        found[Condition.SOURCE_REWRITTEN] = (candidate.rewritten, hint)
        return True

    def _load(self, candidate: Candidate, found: Found) -> LoadedProject | None:
        """The project of a candidate; None when it is not good as a whole."""
        where = f"commit {candidate.commit[:SHORT]}" if candidate.commit else "the configuration"
        try:
            loaded = load_project(candidate.root, candidate.root)
            loaded.require_valid()
        except errors.ConfigInvalid as error:
            self._report(candidate, error.diagnostics)
            found[Condition.CONFIG_INVALID] = (
                f"{where} is refused: {_summary(error.diagnostics)}",
                "reconcile validate",
            )
            return None
        except (errors.ConfigIncomplete, errors.NotFound, errors.UsageError) as error:
            found[Condition.CONFIG_INVALID] = (f"{where} is refused: {error.message}", error.hint or "")
            return None
        if loaded.project.name != self.project.name:
            reason = f"{where} is refused: it is project '{loaded.project.name}', this is '{self.project.name}'"
            found[Condition.CONFIG_INVALID] = (reason, "correct metadata.name in one of the two project files")
            return None
        self._tell_settings(loaded.project)
        return loaded

    def _tell_settings(self, found: Project) -> None:
        """What belongs to the process is not taken from the configuration that it follows; say so once when they differ."""
        ours, theirs = _settings(self.project), _settings(found)
        if self.project.source is None and theirs not in (ours, self._differing):
            self._differing = theirs
            changed = sorted(name for name in ours if ours[name] != theirs[name])
            fields: Mapping[str, Scalar] = {"keys": ", ".join(changed), "hint": "restart to take them up"}
            self.emit(Event(name=EventName.CONFIG_SETTINGS, level=Level.WARNING, fields=fields))

    def _report(self, candidate: Candidate, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Every error with its position goes to the log, once for each state of the configuration."""
        wrong = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
        digest = (candidate.commit, *(diagnostic.sort_key for diagnostic in wrong))
        if digest == self._reported:
            return
        self._reported = digest
        for diagnostic in wrong[:SHOWN]:
            fields: Mapping[str, Scalar] = {
                "commit": candidate.commit,
                "position": str(diagnostic.position or ""),
                "code": diagnostic.code,
                "reason": diagnostic.message,
                "hint": diagnostic.hint,
            }
            self.emit(Event(name=EventName.CONFIG_ERROR, level=Level.ERROR, fields=fields))

    def _apply(self, candidate: Candidate, loaded: LoadedProject, plan: Plan, found: Found) -> Applied | None:
        approved = self._approved(plan.digest)
        why = None if approved or plan.empty else self._why_to_wait(plan)
        if why is not None:
            found[Condition.NEEDS_APPROVAL] = (why, f"{APPROVE}{plan.digest[:SHORT]}")
            return None
        try:
            applied = apply(
                loaded,
                self.database,
                clock=self.clock,
                holder=self.holder,
                allow=UNCONFIRMED,
                saved=plan.to_json(),  # this plan and no other: it has been looked at
                commit=candidate.commit,
            )
        except errors.StalePlan:
            return None  # another replica was faster; the next look tells
        except errors.ConfigIncomplete as error:
            found[Condition.CONFIG_INVALID] = (error.message, error.hint or "")
            return None
        self._use_up(plan.digest, candidate.commit)
        self.emit(
            Event(
                name=EventName.CONFIG_APPLIED,
                fields={"commit": candidate.commit, "serial": applied.serial, "changes": len(applied.plan.changes)},
            )
        )
        return applied

    def _why_to_wait(self, plan: Plan) -> str | None:
        """By the limits and the policy that this process was started with: a commit cannot loosen what it is judged by."""
        waits = f"a plan waits ({counted(plan)})"
        if self.project.loop.apply_policy is ApplyPolicy.MANUAL:
            return f"{waits}: applyPolicy is manual"
        broken = exceeded(plan, self.project.limits)
        return f"{waits}: {limits_exceeded(broken)}" if needed(broken) else None

    def _approved(self, subject: str) -> bool:
        with self.database.read() as session:
            return applies.approved_by(session, subject[:SHORT]) is not None

    def _use_up(self, *subjects: str | None) -> None:
        with self.database.begin() as session:
            for subject in subjects:
                if subject is not None:
                    applies.used(session, subject[:SHORT])

    def _settle(self, found: Found) -> None:
        """Record what stands in the way, and tell what is new about it."""
        held = {condition: why for condition, why in found.items() if why is not None}
        self.last_problem = next((reason for reason, _ in held.values()), "")
        now = self.clock.now()
        with self.database.read() as session:
            before = {entry.condition: (entry.reason, entry.hint) for entry in conditions.read(session, CONFIG)}
        if before != held:
            with self.database.begin() as session:
                changed = conditions.settle(session, CONFIG, found, now=now)
                if changed and self.announce is not None:
                    self.announce(session, changed, now)
        told = tuple(reason for reason, _ in held.values())
        if told != self._told:
            for condition, (reason, hint) in held.items():
                fields: Mapping[str, Scalar] = {"condition": condition.value, "reason": reason, "hint": hint}
                self.emit(Event(name=_EVENTS[condition], level=Level.WARNING, fields=fields))
        self._told = told


_EVENTS = {
    Condition.SOURCE_FAILED: EventName.SOURCE_FAILED,
    Condition.SOURCE_REWRITTEN: EventName.CONFIG_WAITS,
    Condition.CONFIG_INVALID: EventName.CONFIG_REFUSED,
    Condition.NEEDS_APPROVAL: EventName.CONFIG_WAITS,
}

_OURS = tuple(_EVENTS)


def _settings(project: Project) -> dict[str, object]:
    """What a project file says about the process and not about what it syncs."""
    return {
        "database": project.database,
        "stateFile": project.state_file,
        "limits": project.limits,
        "loop": project.loop,
        "notifications": project.notifications,
        "source": project.source,
    }


def _summary(diagnostics: tuple[Diagnostic, ...]) -> str:
    """How many errors, and where the first one is."""
    wrong = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    first = wrong[0]
    where = f"{first.position}: " if first.position else ""
    return f"{plural(len(wrong), 'error')}; {where}{first.message} [{first.code}]"
