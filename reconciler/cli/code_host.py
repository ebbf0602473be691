"""The job that we run in, from its environment, and the way to the comments of its pull request."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reconciler import errors

if TYPE_CHECKING:
    from reconciler.connectors.code_hosts import CodeHost
    from reconciler.connectors.http import HttpClient

Provider = Literal["github", "gitlab"]

GITLAB_TOKEN = "RECONCILE_GITLAB_TOKEN"  # noqa: S105 - the name of a variable
MAX_EVENT = 32 * 1024 * 1024
ATTEMPTS = 4

READ_ONLY = (
    "No comment was written: the token of this job may only read, as it is for pull requests from forks. "
    "The plan is in the job's {where}."
)
NO_TOKEN = (
    f"No comment was written: this job has no {GITLAB_TOKEN}, as it is for merge requests from forks. "
    "The plan is in the job's log."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job for a pull or merge request. `place` is `owner/name` at GitHub, the project's number at GitLab."""

    provider: Provider
    api: str
    place: str
    number: int
    token: str = field(repr=False)
    commit: str = ""
    url: str = ""
    summary: Path | None = None


def job(provider: str | None) -> Job:
    """The job by its environment. Raises `errors.UsageError` where there is none, or none for a pull request."""
    if provider is None:
        provider = "github" if _variable("GITHUB_ACTIONS") else "gitlab" if _variable("GITLAB_CI") else None
    match provider:
        case "github":
            return _github()
        case "gitlab":
            return _gitlab()
        case _:
            raise errors.UsageError(
                "this is neither a job of GitHub nor of GitLab",
                hint="`reconcile plan --base FOLDER --format markdown` prints what would be in the comment",
            )


def _github() -> Job:
    pull_request = _event(Path(_required("GITHUB_EVENT_PATH"))).get("pull_request")
    number = pull_request.get("number") if isinstance(pull_request, dict) else None
    if not isinstance(pull_request, dict) or not isinstance(number, int):
        raise _not_a_pull_request("run it for the event pull_request only")
    head = pull_request.get("head")
    repository = _required("GITHUB_REPOSITORY")
    run = f"{_variable('GITHUB_SERVER_URL')}/{repository}/actions/runs/{_variable('GITHUB_RUN_ID')}"
    summary = _variable("GITHUB_STEP_SUMMARY")
    return Job(
        provider="github",
        api=_variable("GITHUB_API_URL") or "https://api.github.com",
        place=repository,
        number=number,
        token=_variable("GITHUB_TOKEN"),
        commit=str(head.get("sha")) if isinstance(head, dict) else "",
        url=run if _variable("GITHUB_RUN_ID") else "",
        summary=Path(summary) if summary else None,
    )


def _gitlab() -> Job:
    number = _variable("CI_MERGE_REQUEST_IID")
    if not number.isascii() or not number.isdecimal():
        raise _not_a_pull_request("give it the rule $CI_PIPELINE_SOURCE == 'merge_request_event'")
    return Job(
        provider="gitlab",
        api=_required("CI_API_V4_URL"),
        place=_required("CI_PROJECT_ID"),
        number=int(number),
        token=_variable(GITLAB_TOKEN),
        commit=_variable("CI_COMMIT_SHA"),
        url=_variable("CI_JOB_URL"),
    )


def _not_a_pull_request(hint: str) -> errors.UsageError:
    return errors.UsageError("this job does not run for a pull or merge request", hint=hint)


def _event(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_EVENT:
            raise ValueError
        event = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise errors.UsageError("the file that GITHUB_EVENT_PATH names cannot be read as JSON") from None
    return event if isinstance(event, dict) else {}


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def _required(name: str) -> str:
    value = _variable(name)
    if not value:
        raise errors.UsageError(
            f"the variable {name} is missing, which every job of this provider has",
            hint="leave --provider away outside of its jobs",
        )
    return value


def say(job: Job, marker: str, body: str, *, allow_loopback: bool) -> str:
    """Write the comment, and return a line about what became of it. Raises `errors.RemoteError`.

    At GitHub the plan goes to the job's summary whenever there is no comment.
    """
    from reconciler.cli.redaction import KNOWN
    from reconciler.connectors.code_hosts import READ_ONLY_TOKEN, put_comment

    if not job.token:
        return NO_TOKEN if job.provider == "gitlab" else _without_comment(job, body)
    KNOWN.add(job.token)
    http = _http(job, allow_loopback)
    try:
        done = put_comment(_host(job, http), marker, body)
    except errors.RemoteRefused as refused:
        where = _without_comment(job, body)
        if job.provider == "github" and refused.status in READ_ONLY_TOKEN:
            return where
        raise
    except errors.RemoteError:
        _without_comment(job, body)
        raise
    finally:
        http.close()
    return f"Comment on the {'pull' if job.provider == 'github' else 'merge'} request {job.number}: {done}."


def _without_comment(job: Job, body: str) -> str:
    if job.summary is None:
        return READ_ONLY.format(where="log")
    try:
        with job.summary.open("a", encoding="utf-8") as file:
            file.write(f"{body}\n")
    except OSError:
        return READ_ONLY.format(where="log")
    return READ_ONLY.format(where="summary")


def _http(job: Job, allow_loopback: bool) -> HttpClient:
    from reconciler.clock import SystemClock
    from reconciler.connectors.base import Unlimited
    from reconciler.connectors.http import HttpClient

    return HttpClient(
        job.api,
        budget=Unlimited(),
        clock=SystemClock(),
        stop=threading.Event(),
        connections=1,
        allow_loopback=allow_loopback,
        allow_private=True,  # the runner says where its server is, and that is often within the company's network
        attempts=ATTEMPTS,
    )


def _host(job: Job, http: HttpClient) -> CodeHost:
    from reconciler.connectors.code_hosts import GitHub, GitLab
    from reconciler.connectors.secret import for_header

    token = for_header(job.token, what=f"the token for {job.provider}")
    if job.provider == "github":
        return GitHub(http=http, token=token, repository=job.place, number=job.number)
    return GitLab(http=http, token=token, project=job.place, number=job.number)
