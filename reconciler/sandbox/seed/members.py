"""Community members: most are people of the CS tenant, some are strangers to it."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.sandbox.cc.community import RANKS, Community
from reconciler.sandbox.seed import fields, identities, words
from reconciler.sandbox.seed.load import EPOCH_DAY, Loader

if TYPE_CHECKING:
    from reconciler.sandbox.seed.people import Human

OUTSIDER_EVERY, OUTSIDER_AT = 17, 4
STRANGER_EVERY, STRANGER_AT = 20, 19
TWICE_EVERY, TWICE_AT = 23, 6
SHOUTING_EVERY, SHOUTING_AT = 41, 8


def _plain(text: str) -> str:
    """Letters of ASCII, which is what registration allows in a username: Søren is Soren."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ø", "o"))
    return "".join(char for char in decomposed if char.isascii() and char.isalpha())


PLAIN = {text: _plain(text) for text, _ in (*words.FIRST, *words.LAST)}
CHOICES: dict[str, tuple[str, ...]] = {
    "A bit about yourself": words.SENTENCES,
    "Department": words.DEPARTMENTS,
    "Region": words.REGIONS,
    "Lifecycle Stage": fields.STARTING[9][3],
    "Products": fields.PRODUCT_NAMES,
    "Renewal Date": ("2026-01-31", "2026-06-30", "2027-03-15"),
    "Seats": ("5", "25", "100"),
    "Health Score": ("40", "72.5", "90"),
}
COLUMNS = (
    "community, userid, email, email_key, username, username_key, joindate, lastactivity, posts, topics, solved,"
    " likes, likes_given, rank_id, roles, badges, sso, avatar, profile"
)
INSERT = f"INSERT INTO member ({COLUMNS}) VALUES ({','.join('?' * 19)})"


def insert(loader: Loader, rows: list[tuple[Any, ...]]) -> None:
    loader.store.bulk(INSERT, sorted(rows))


def of(loader: Loader, human: Human) -> list[tuple[Any, ...]]:
    """The memberships of one human, and now and then a stranger who joined the same day."""
    size, index = loader.config.communities, human.index
    home = index % size + 1
    if not loader.config.quirks:
        return [_member(loader, human, home, human.email)]
    rows = []
    if not human.duplicate and index % OUTSIDER_EVERY != OUTSIDER_AT:
        email = human.email.title() if index % SHOUTING_EVERY == SHOUTING_AT else human.email
        rows.append(identities.usual(_member(loader, human, home, email), human, home))
        if size > 1 and index % TWICE_EVERY == TWICE_AT:
            rows.append(_member(loader, human, home % size + 1, email))
    if index % STRANGER_EVERY == STRANGER_AT:
        rows.append(identities.stranger(_member(loader, human, home, f"visitor{index}@mail.example"), human, home))
    return rows


def _member(loader: Loader, human: Human, number: int, email: str) -> tuple[Any, ...]:
    community, draw = loader.communities[number], loader.random
    userid = community.next_userid()
    community.userids.append(userid)
    joined = (EPOCH_DAY - 30 - int(draw() * 900)) * 86_400 + int(draw() * 86_400)
    active = max(joined, (EPOCH_DAY - int(draw() * 60)) * 86_400 + int(draw() * 86_400))
    username = f"{PLAIN[human.first]}.{PLAIN[human.last]}.{userid}"
    posts = int(draw() * 40)
    counts = (posts, posts // 3, posts // 8, posts // 2, int(draw() * 30), 1 + posts * len(RANKS) // 41)
    sso = f'{{"oauth2":"sb-{number}-{userid}"}}' if userid % 2 else "{}"
    return (
        number, userid, email, email.strip().lower(), username, username.lower(), joined, active, *counts,
        _roles(userid), "[]" if posts < 20 else "[1]", sso, "", _profile(loader, community, human),
    )  # fmt: skip


def _roles(userid: int) -> str:
    if userid % 500 == 12:
        return "[2]"
    return "[4,7]" if userid % 5 == 0 else "[4]"


def _profile(loader: Loader, community: Community, human: Human) -> str:
    """What members had before any sync: the first of a community fills in everything, most leave it empty."""
    everything = community.last_userid == community.userids[0]
    if not everything and loader.random() >= loader.config.profile_share:
        return "{}"
    values: dict[str, str] = {}
    for item in fields.filled_by_hand(community):
        if everything or loader.random() < 0.5:
            values[str(item.id)] = _value(loader, human, item.name)
    return orjson.dumps(values).decode()


def _value(loader: Loader, human: Human, name: str) -> str:
    choices = CHOICES.get(name)
    if choices is not None:
        return loader.pick(choices)
    known = {
        "First Name": human.first, "Last Name": human.last, "City": human.place[1], "Country": human.place[0],
        "Job Title": human.title, "Timezone": human.place[2], "Champion": "false", "Company": "Self-employed",
    }  # fmt: skip
    return known[name]
