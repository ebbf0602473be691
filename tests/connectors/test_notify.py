"""Notices on their way to people, over real HTTP and SMTP on loopback."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.connectors.notify.base import Sender, idempotency_key
from reconciler.connectors.notify.mail import compose
from reconciler.connectors.notify.senders import senders
from reconciler.connectors.notify.slack import escaped, text
from reconciler.connectors.urls import origin_and_target
from reconciler.model.event import Condition
from reconciler.model.notice import Notice, lasted
from reconciler.model.resources import Channel, Email, SecretRef, Slack, Tls, Webhook
from tests.connectors.mail import PASSWORD, USER, Post, mail_server
from tests.connectors.servers import NOON, FakeClock, reply, serving

BEGAN = Notice(
    project="acme",
    subject="ProfileFieldMapping/acme-profile",
    condition=Condition.FAILING,
    began=True,
    reason="the community cannot be reached <at> the moment & later\n*bold*",
    hint="reconcile status acme-profile",
    since=NOON,
    at=NOON,
)
ENDED = Notice(
    project="acme",
    subject="ProfileFieldMapping/acme-profile",
    condition=Condition.FAILING,
    began=False,
    reason="",
    hint="",
    since=NOON,
    at=NOON + timedelta(hours=26, minutes=3),
)
MAIL = Email(
    host="localhost",
    port=0,
    tls=Tls.NONE,
    username=None,
    password=None,
    sender="reconcile@example.com",
    recipients=("ops@example.com", "data@example.com"),
)
KEY = "0123456789abcdef"


def sender(way: Slack | Webhook | Email, secrets: dict[str, str] | None = None, *, loopback: bool = True) -> Sender:
    def resolve(ref: SecretRef) -> str:
        found = (secrets or {}).get(ref.name)
        if found is None:
            raise errors.SecretUnavailable(f"the secret {ref} is missing or empty")
        return found

    channel = Channel(name="ops", way=way)
    made = senders([channel], resolve, clock=FakeClock(), stop=threading.Event(), allow_loopback=loopback)
    return made["ops"]


def env(name: str) -> SecretRef:
    return SecretRef(source="env", name=name)


SLACK = Slack(url=env("URL"))


# ---- Slack


def test_a_message_in_a_chat() -> None:
    with serving(lambda request: reply(body=b"ok", kind="text/plain")) as server:
        assert sender(SLACK, {"URL": f"{server.url}/services/T0/B0/x%2Fy?a=b%20c"}).send(BEGAN, KEY, NOON) == ""
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/services/T0/B0/x%2Fy?a=b%20c")
    assert request.headers["content-type"] == "application/json"
    assert request.json()["text"].split("\n") == [
        ":red_circle: *acme: ProfileFieldMapping/acme-profile: cycles fail*",
        "the community cannot be reached &lt;at&gt; the moment &amp; later ∗bold∗",
        "What to do: reconcile status acme-profile",
        "Since 2026-11-22 12:00:00 UTC",
    ]


def test_the_end_says_how_long_it_lasted() -> None:
    assert text(ENDED).split("\n") == [
        ":large_green_circle: *acme: ProfileFieldMapping/acme-profile: cycles work again*",
        "From 2026-11-22 12:00:00 UTC to 2026-11-23 14:03:00 UTC, 1 d 2 h",
    ]
    unknown = replace(ENDED, since=None)
    assert unknown.lines == ["Until 2026-11-23 14:03:00 UTC"]
    assert lasted(timedelta(0)) == "0 s"
    assert lasted(timedelta(minutes=61)) == "1 h 1 min"


def test_no_text_mentions_anybody_or_goes_on_for_ever() -> None:
    assert escaped("<!channel> <@U1> `a`") == "&lt;!channel&gt; &lt;@U1&gt; `a`"
    assert len(escaped("x" * 5000)) == 1000


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (reply(404, b"no_service"), errors.RemoteRefused, "refused the notification (HTTP 404)"),
        (reply(500), errors.RemoteUnavailable, "answered HTTP 500"),
        (reply(429, headers={"Retry-After": "30"}), errors.RemoteUnavailable, "allows no more calls"),
        (reply(302, headers={"Location": "http://127.0.0.1/"}), errors.RemoteMalformed, "redirect"),
        (b"nonsense\r\n\r\n", errors.RemoteMalformed, "valid HTTP"),
        (None, errors.RemoteUnavailable, "closed the connection"),
    ],
)
def test_whatever_else_is_answered_is_no_success(
    answer: bytes | None, kind: type[errors.RemoteError], message: str
) -> None:
    with serving(lambda request: answer) as server, pytest.raises(kind) as caught:
        sender(SLACK, {"URL": f"{server.url}/T0/verysecret"}).send(BEGAN, KEY, NOON)
    assert message in caught.value.message
    assert len(server.requests) == 1, "it is the outbox that tries again"
    assert "verysecret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example.com/x", "ftp://a/b", "https://u:p@a/b", "https://a/b#c", "https://a/ b", "https://a/%2e%2e/b",
     "https://a/../b", "https://ä/b", "https://[::1/b", "https:///b", "https://a:99999/b", "https://a/\nb"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises((errors.AddressRefused, errors.SecretUnavailable)) as caught:
        sender(SLACK, {"URL": url}).send(BEGAN, KEY, NOON)
    assert caught.value.message.startswith("the address of the webhook is none")
    assert url == "" or url not in caught.value.message
    assert caught.value.__context__ is None


def test_an_address_is_sent_as_it_is_given() -> None:
    origin, target = origin_and_target("https://example.com:444/a//b/?x=%20&y")
    assert (origin, target.text) == ("https://example.com:444", "/a//b/?x=%20&y")
    assert origin_and_target("https://example.com")[1].text == "/"
    assert "%20" not in repr(target)


def test_loopback_and_plain_http_are_the_operators_word() -> None:
    with serving(lambda request: reply()) as server, pytest.raises(errors.AddressRefused, match="plain http"):
        sender(SLACK, {"URL": server.url}, loopback=False).send(BEGAN, KEY, NOON)
    assert server.requests == []


def test_a_secret_is_read_for_every_notice() -> None:
    secrets: dict[str, str] = {}
    made = sender(SLACK, secrets)
    with pytest.raises(errors.SecretUnavailable):
        made.send(BEGAN, KEY, NOON)
    with serving(lambda request: reply()) as server:
        secrets["URL"] = server.url
        made.send(BEGAN, KEY, NOON)
    assert len(server.requests) == 1


# ---- our own webhook


def test_a_signed_webhook_can_be_checked_by_its_receiver() -> None:
    with serving(lambda request: reply(204)) as server:
        way = Webhook(url=env("URL"), secret=env("KEY"))
        sender(way, {"URL": f"{server.url}/hook", "KEY": "schlüssel"}).send(BEGAN, KEY, NOON)
    (request,) = server.requests
    stamp = request.headers["x-reconcile-timestamp"]
    assert datetime.fromtimestamp(int(stamp), UTC) == NOON
    expected = hmac.new("schlüssel".encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-reconcile-signature"] == f"sha256={expected}"
    assert request.headers["idempotency-key"] == KEY
    assert request.json() == {
        "formatVersion": 1,
        "id": KEY,
        "project": "acme",
        "subject": "ProfileFieldMapping/acme-profile",
        "condition": "failing",
        "status": "began",
        "title": "acme: ProfileFieldMapping/acme-profile: cycles fail",
        "reason": BEGAN.reason,
        "hint": BEGAN.hint,
        "since": "2026-11-22T12:00:00+00:00",
        "at": "2026-11-22T12:00:00+00:00",
    }


def test_without_a_secret_nothing_is_signed() -> None:
    with serving(lambda request: reply()) as server:
        sender(Webhook(url=env("URL"), secret=None), {"URL": server.url}).send(ENDED, KEY, NOON)
    assert "x-reconcile-signature" not in server.requests[0].headers
    assert server.requests[0].json()["status"] == "ended"


def test_a_key_is_that_of_one_notice() -> None:
    keys = {idempotency_key(BEGAN, 1), idempotency_key(BEGAN, 2), idempotency_key(ENDED, 1)}
    assert len(keys) == 3
    assert idempotency_key(BEGAN, 1) in keys


def test_a_notice_survives_the_outbox() -> None:
    for notice in (BEGAN, ENDED):
        assert Notice.from_json(notice.to_json()) == notice  # type: ignore[arg-type]


# ---- mail


def mail(post: Post, **changes: object) -> Email:
    values = {name: getattr(MAIL, name) for name in Email.__slots__}
    return Email(**{**values, "port": post.port, **changes})


def test_a_mail_arrives() -> None:
    with mail_server(Post()) as post:
        assert sender(mail(post)).send(BEGAN, KEY, NOON) == ""
    (got,) = post.mails
    assert post.recipients == [["ops@example.com", "data@example.com"]]
    assert got["Subject"] == "acme: ProfileFieldMapping/acme-profile: cycles fail"
    assert (got["From"], got["To"]) == ("reconcile@example.com", "ops@example.com, data@example.com")
    assert got["Message-ID"] == f"<{KEY}@example.com>"
    assert got["Date"] == "Sun, 22 Nov 2026 12:00:00 +0000"
    assert got.get_content_type() == "text/plain"
    content = got.get_content()
    assert BEGAN.hint in content and "Since 2026-11-22 12:00:00 UTC" in content


def test_no_text_becomes_a_header() -> None:
    evil = Notice(
        project="acme\r\nBcc: everybody@example.com",
        subject="config",
        condition=Condition.CONFIG_INVALID,
        began=True,
        reason="ä\r\n.\r\nRCPT TO:<x@example.com>",
        hint="",
        since=None,
        at=NOON,
    )
    assert "Bcc" not in compose(MAIL, evil, KEY, NOON)
    with mail_server(Post()) as post:
        sender(mail(post)).send(evil, KEY, NOON)
    (got,) = post.mails
    assert "Bcc" not in got and "everybody" in got["Subject"]
    assert len(post.recipients[0]) == 2
    assert "ä" in got.get_content() and "RCPT TO" in got.get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the server knows only of STARTTLS
@pytest.mark.parametrize(("tls", "implicit"), [(Tls.STARTTLS, False), (Tls.TLS, True)])
def test_with_tls_and_a_login(
    tls: Tls, implicit: bool, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with mail_server(Post(), certificate, implicit=implicit, login=True) as post:
        way = mail(post, tls=tls, username=USER, password=env("PASSWORD"))
        sender(way, {"PASSWORD": PASSWORD}).send(BEGAN, KEY, NOON)
        for wrong, word in (("wrong", "refused the login (SMTP 535)"), ("pässwort", "outside ASCII")):
            with pytest.raises(errors.AuthenticationFailed) as caught:
                sender(way, {"PASSWORD": wrong}).send(BEGAN, KEY, NOON)
            assert word in caught.value.message
            assert caught.value.__context__ is None, "it would hold the password"
    assert len(post.mails) == 1
    assert post.logins[0].startswith(USER)


@pytest.mark.parametrize(("tls", "implicit"), [(Tls.STARTTLS, False), (Tls.TLS, True)])
def test_a_certificate_that_nobody_signed(tls: Tls, implicit: bool, certificate: tuple[Path, Path]) -> None:
    refused = pytest.raises(errors.AddressRefused, match="certificate of localhost cannot be trusted")
    with mail_server(Post(), certificate, implicit=implicit) as post, refused:
        sender(mail(post, tls=tls)).send(BEGAN, KEY, NOON)
    assert post.mails == []


def test_a_server_without_tls_gets_nothing() -> None:
    with mail_server(Post()) as post, pytest.raises(errors.RemoteRefused, match="does not offer"):
        sender(mail(post, tls=Tls.STARTTLS)).send(BEGAN, KEY, NOON)
    assert post.mails == []


def test_refusals_are_told_in_codes() -> None:
    everybody = frozenset(MAIL.recipients)
    for post, message in (
        (Post(refuses=everybody), "localhost refused every recipient (SMTP 550)"),
        (Post(answer="554 spam, said at length"), "localhost refused the mail (SMTP 554)"),
    ):
        with mail_server(post), pytest.raises(errors.RemoteRefused) as caught:
            sender(mail(post)).send(BEGAN, KEY, NOON)
        assert caught.value.message == message


def test_one_refused_recipient_keeps_no_other_from_hearing() -> None:
    with mail_server(Post(refuses=frozenset({"data@example.com"}))) as post:
        assert sender(mail(post)).send(BEGAN, KEY, NOON) == "refused for data@example.com"
    assert post.recipients == [["ops@example.com"]]


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.RemoteUnavailable, match="localhost did not take the mail"):
        sender(mail(Post(port=port))).send(BEGAN, KEY, NOON)


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.connectors.notify.mail.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(errors.RemoteUnavailable, match="localhost does not answer") as caught:
            sender(mail(Post(port=port))).send(BEGAN, KEY, NOON)
    assert caught.value.outcome_unknown
