"""What a sandbox is made of, and the one error it raises to its caller."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "127.0.0.1"
ACCESS_KEY = "sandbox-access-key"
M2M_KEY = "sandbox-m2m-key"
M2M_SECRET = "sandbox-m2m-secret"  # noqa: S105 - a published credential of a server that holds invented data
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105

MAX_PEOPLE = 5_000_000
MAX_COMMUNITIES = 20
MAX_TOPICS = 1_000_000
TENANTS = ("acme-en", "acme-partners-en")
MAX_PORT = 65_535


class SandboxError(Exception):
    """The sandbox could not be built or started. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Size, seed and first settings of a sandbox; equal configs give equal data.

    `quirks=False` removes every irregularity (duplicates, strangers, several companies), so that members of all
    communities together == people and each person has exactly one company person.
    `person_null_share` is the share of empty values among attributes that may be empty.
    `topics` is the number of topics of all communities together; each has about four replies.
    `community_objects` are the custom objects that a community import writes to; `missing_objects` names those that are
    left out all the same, by their labels.
    """

    people: int = 1000
    communities: int = 2
    topics: int = 200
    seed: int = 1
    cs_port: int = 0
    cc_port: int = 0
    person_null_share: float = 0.05
    quirks: bool = True
    community_objects: bool = True
    missing_objects: tuple[str, ...] = ()
    profile_share: float = 0.3
    latency: float = 0.0
    rate_limit: bool = True
    per_minute: int = 100
    per_day: int = 50_000
    max_body: int = 1_048_576
    request_log: int = 10_000

    def __post_init__(self) -> None:
        _within("people", self.people, 0, MAX_PEOPLE)
        _within("communities", self.communities, 1, MAX_COMMUNITIES)
        _within("topics", self.topics, 0, MAX_TOPICS)
        _within("cs_port", self.cs_port, 0, MAX_PORT)
        _within("cc_port", self.cc_port, 0, MAX_PORT)
        _within("person_null_share", self.person_null_share, 0, 1)
        _within("profile_share", self.profile_share, 0, 1)
        _within("latency", self.latency, 0, 600)
        _within("per_minute", self.per_minute, 1, 10**9)
        _within("per_day", self.per_day, 1, 10**9)


def client_id(community: int) -> str:
    """The CC client id of community 1, 2, …: the host is shared, so the client decides the tenant."""
    return CLIENT_ID if community == 1 else f"{CLIENT_ID}-{community}"


def tenant(community: int) -> str:
    """The tenant of community 1, 2, …, as connections name it. The first two are those of `reconcile init --sandbox`."""
    return TENANTS[community - 1] if community <= len(TENANTS) else f"acme-{community}-en"


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SandboxError(
            f"{name} is {value}, which is outside {low} to {high}", f"choose a value from {low} to {high}"
        )
