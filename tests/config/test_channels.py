"""`spec.notifications` of the project file: what becomes of it, and what is refused, where and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from reconciler import errors
from reconciler.config import channels, loader, schemas, shapes
from reconciler.config.load import load_project, load_project_file, shown_source
from reconciler.config.rules import examples
from reconciler.model.event import Condition
from reconciler.model.resources import NOTIFICATION_TYPES, Channel, Email, SecretRef, Slack, Tls, Webhook
from tests.config.helpers import write

ALL = """\
  notifications:
    - {name: chat, type: slack, url: {env: OPS_WEBHOOK}}
    - name: pager
      type: webhook
      url: {file: secrets/pager}
      secret: {env: PAGER_SECRET}
      conditions: [failing, needs-auth]
      documents: [acme-cs]
    - name: mail
      type: email
      smtp: {host: smtp.example.com, username: ops, password: {env: SMTP_PASSWORD}}
      from: reconcile@example.com
      to: [ops@example.com, data@example.com]
"""
SLACK = "{name: chat, type: slack, url: {env: OPS_WEBHOOK}}"
MAIL = "{name: mail, type: email, smtp: {host: smtp.example.com}, from: a@example.com, to: [b@example.com]}"


def project(*items: str) -> str:
    return examples.PROJECT + "  notifications:\n" + "".join(f"    - {item}\n" for item in items)


def loaded(root: Path, text: str) -> Any:
    return load_project(write(root, {"config/cs.yaml": examples.CS}, text), root, use_cache=False)


def refused(root: Path, text: str) -> list[tuple[str, int, str]]:
    """Code, line and message of everything that is wrong, of the shape or between documents."""
    try:
        found = loaded(root, text).diagnostics
    except errors.ConfigInvalid as error:
        found = error.diagnostics
    return [(diagnostic.code, diagnostic.position.line, diagnostic.message) for diagnostic in found]


def test_every_way_and_its_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, examples.PROJECT + ALL)
    assert found.diagnostics == ()
    chat, pager, mail = found.project.notifications
    assert chat == Channel(name="chat", way=Slack(url=SecretRef(source="env", name="OPS_WEBHOOK")))
    assert pager == Channel(
        name="pager",
        way=Webhook(
            url=SecretRef(source="file", name="secrets/pager"), secret=SecretRef(source="env", name="PAGER_SECRET")
        ),
        conditions=(Condition.FAILING, Condition.NEEDS_AUTH),
        documents=("acme-cs",),
    )
    assert mail.way == Email(
        host="smtp.example.com",
        port=587,
        tls=Tls.STARTTLS,
        username="ops",
        password=SecretRef(source="env", name="SMTP_PASSWORD"),
        sender="reconcile@example.com",
        recipients=("ops@example.com", "data@example.com"),
    )


def test_the_cache_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"config/cs.yaml": examples.CS}, examples.PROJECT + ALL)
    first = load_project(tmp_path, tmp_path).project
    assert load_project_file(tmp_path, tmp_path)[1] == first == load_project(tmp_path, tmp_path).project


@pytest.mark.parametrize(("tls", "port"), [("tls", 465), ("none", 25), ("starttls", 587), ("none, port: 2525", 2525)])
def test_the_port_follows_from_tls(tls: str, port: int, tmp_path: Path) -> None:
    text = project(MAIL.replace("{host: smtp.example.com}", f"{{host: 10.0.0.5, tls: {tls}}}"))
    assert loaded(tmp_path, text).project.notifications[0].way.port == port


WRONG = [
    (SLACK.replace("{env: OPS_WEBHOOK}", "https://hooks.example.com/T0/B0/x"), "E-SECRET", "a secret never stands"),
    (SLACK.replace("{env: OPS_WEBHOOK}", "{env: A, file: b}"), "E-SECRET-FORM", "either {env: NAME} or {file"),
    (SLACK.replace("slack", "slak"), "E-VALUE", "there is no type 'slak'"),
    (SLACK.replace("type: slack, ", ""), "E-REQUIRED", "the key 'type' is missing"),
    (SLACK.replace("type: slack", "type: 3"), "E-TYPE", "text is expected"),
    ("{name: chat, type: slack}", "E-REQUIRED", "the key 'url' is missing"),
    (SLACK.replace("name: chat", "name: The Chat"), "E-NAME", "this is no name"),
    (SLACK.replace("}}", "}, conditons: [failing]}"), "E-KEY", "there is no key 'conditons'"),
    (SLACK.replace("}}", "}, conditions: [failling]}"), "E-VALUE", "'failling' is not possible here"),
    (SLACK.replace("}}", "}, conditions: failing}"), "E-TYPE", "a list is expected"),
    (SLACK.replace("}}", "}, secret: {env: A}}"), "E-KEY", "there is no key 'secret'"),
    (SLACK.replace("}}", "}, documents: [acme]}"), "E-DOCUMENT", "there is no document 'acme'"),
    (MAIL.replace("to: [b@example.com]", "to: []"), "E-VALUE", "this list is empty"),
    (MAIL.replace("b@example.com", "'b@example.com\\nBcc: c@example.com'"), "E-VALUE", "one mail address"),
    (MAIL.replace("a@example.com", "Ops <a@example.com>"), "E-VALUE", "one mail address"),
    (MAIL.replace("host: smtp.example.com", "host: 'smtp.example.com:25'"), "E-VALUE", "a host name stands here"),
    (MAIL.replace("host: smtp.example.com", "host: h, port: 70000"), "E-VALUE", "this is too large"),
    (MAIL.replace("host: smtp.example.com", "host: h, tls: ssl"), "E-VALUE", "'ssl' is not possible here"),
    (MAIL.replace("host: smtp.example.com", "host: h, username: u"), "E-VALUE", "both `username` and `password`"),
    (
        MAIL.replace("host: smtp.example.com", "host: h, tls: none, username: u, password: {env: P}"),
        "E-VALUE",
        "a password is never sent without TLS",
    ),
    (MAIL.replace("host: smtp.example.com", "host: h, username: u, password: geheim"), "E-SECRET", "a secret never"),
]


@pytest.mark.parametrize(("item", "code", "message"), WRONG)
def test_a_mistake_is_found_at_its_line(item: str, code: str, message: str, tmp_path: Path) -> None:
    ((found, line, text),) = refused(tmp_path, project(SLACK.replace("chat", "other"), item))
    assert (found, line) == (code, 8)
    assert message in text


def test_hints_are_those_of_notifications(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigInvalid) as caught:
        loaded(
            tmp_path,
            project("{name: a, type: sms}", "{name: b}", "{name: c, type: slack, url: {env: A}, documets: [a]}"),
        )
    hints = [diagnostic.hint for diagnostic in caught.value.diagnostics]
    assert hints == [
        "known here: email, slack, webhook",
        "known types: email, slack, webhook",
        "did you mean 'documents'?",
    ]


def test_two_channels_of_one_name(tmp_path: Path) -> None:
    assert refused(tmp_path, project(SLACK, MAIL, SLACK)) == [
        ("E-DUPLICATE", 9, "there are two channels with the name 'chat'")
    ]


def test_nothing_is_said_about_documents_while_some_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"config/broken.yaml": "kind: ["})
    found = refused(tmp_path, project(SLACK.replace("}}", "}, documents: [acme]}")))
    assert [code for code, _, _ in found] == ["E-YAML-SYNTAX"]


def test_an_address_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    inline = "{name: chat, type: slack, url: https://hooks.example.com/T0/B0/verysecret}"
    write(tmp_path, {}, project(inline))
    shown = shown_source(tmp_path, "reconcile.yaml")
    assert shown is not None
    assert "name: chat" in shown and "verysecret" not in shown
    write(tmp_path, {}, project(SLACK))
    assert "url: {env: OPS_WEBHOOK}" in str(shown_source(tmp_path, "reconcile.yaml"))


def test_the_schema_agrees() -> None:
    validator = Draft202012Validator(schemas.document_schemas()["project.schema.json"])

    def errors_of(text: str) -> list[str]:
        return [error.message for error in validator.iter_errors(loader.load(text.encode(), "f").documents[0].data)]

    assert errors_of(examples.PROJECT + ALL) == []
    for item, code, _ in WRONG:
        beyond = code == "E-DOCUMENT" or "username" in item or "smtp.example.com:25" in item
        assert bool(errors_of(project(item))) or beyond, item


def test_words_are_those_of_the_model() -> None:
    assert set(get_args(channels.ConditionName)) == {condition.value for condition in Condition}
    models = get_args(get_args(channels.Notification)[0])
    assert tuple(get_args(model.model_fields["type"].annotation)[0] for model in models) == NOTIFICATION_TYPES


@pytest.mark.parametrize("text", ["a", "a@", "@b", "a@b c", "a..b@c.de", "ä@b.de", "a@b\r\n", "a,b@c.de", ".a@b.de"])
def test_no_mail_address(text: str) -> None:
    with pytest.raises(ValueError, match="one mail address"):
        shapes.mail_address(text)
