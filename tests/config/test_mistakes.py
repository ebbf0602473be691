"""A corpus of mistakes that people make, seeded into a correct project: each must be reported at the line where it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config.load import load_project, shown_source
from reconciler.config.rules import examples, playground
from reconciler.config.rules.base import Example
from reconciler.model.diagnostic import Diagnostic
from reconciler.report import diagnostics as report

GOOD = "\n---\n".join(
    text.rstrip()
    for text in (
        examples.CS + "  rateLimit: {perMinute: 60, perDay: 40000}\n  concurrency: 4\n",
        examples.CC + "  pathPrefix: /api1\n",
        examples.mapping(
            "object: Company Person, attribute: Title, profileField: Job Title",
            "object: Company Person, attribute: Region__gc, profileField: Region",
            "object: Company Person, attribute: Seats__gc, profileField: Seats",
        ).replace("  mappings:", "  schedule: {every: 4h}\n  mappings:"),
    )
) + "\n"  # fmt: skip

CS, CC, MAPPING = "name: acme-cs}", "name: acme-community}", "name: acme-profile}"

# (what is replaced, by what, code, the text on the reported line if it is not the replacement's own line)
MISTAKES: list[tuple[str, str, str]] = [
    # words of YAML
    *((f"{{{CS}", f"{{name: acme-cs, labels: {{a: {word}}}}}", "E-YAML-AMBIGUOUS") for word in (
        "NO", "no", "yes", "Yes", "on", "OFF", "y", "N", "4:00", "12:30:45", "012", "0777", "08", "0b101", "1_000", "0o17",
        "2026-11-22", "2026-13-45", "2026-11-22 10:00:00", "=",
    )),
    ("sso: true\n  rateLimit", "sso: yes\n  rateLimit", "E-YAML-AMBIGUOUS"),
    ("sso: true\n  rateLimit", "sso: on\n  rateLimit", "E-YAML-AMBIGUOUS"),
    ("  concurrency: 4", "  concurrency: 010", "E-YAML-AMBIGUOUS"),
    ("  sso: true\n  rateLimit", "  sso: true\n  sso: true\n  rateLimit", "E-YAML-DUPLICATE"),
    ("profileField: Seats}", "profileField: Seats, object: Person}", "E-YAML-DUPLICATE"),
    ("kind: ProfileFieldMapping", "kind: ProfileFieldMapping\nkind: Connection", "E-YAML-DUPLICATE"),
    ("region: eu-west-1", "region: !!str eu-west-1", "E-YAML-TAG"),
    ("accessKey: {env: ACME_CS_KEY}", "accessKey: !env ACME_CS_KEY", "E-YAML-TAG"),
    (f"{{{CS}", "{<<: *base, name: acme-cs}", "E-YAML-MERGE"),
    ("every: 4h", "every: *period", "E-YAML-ALIAS"),
    (f"{{{CS}", "{name: acme-cs, labels: {1: a}}", "E-YAML-KEY"),
    (f"{{{CS}", "{name: acme-cs, labels: {true: a}}", "E-YAML-KEY"),
    (f"{{{CS}", "{name: acme-cs, labels: {? [a] : b}}", "E-YAML-KEY"),
    (f"{{{CS}", "{name: acme-cs", "E-YAML-SYNTAX"),
    ("every: 4h}", "every: 4h", "E-YAML-SYNTAX"),
    ("domain: acme.gainsightcloud.com", 'domain: "acme.gainsightcloud.com', "E-YAML-SYNTAX"),
    ("domain: acme.gainsightcloud.com", "domain: 'acme.gainsightcloud.com", "E-YAML-SYNTAX"),
    ("domain: acme.gainsightcloud.com", "domain: acme: gainsightcloud", "E-YAML-SYNTAX"),
    ("domain: acme.gainsightcloud.com", "domain: @acme", "E-YAML-SYNTAX"),
    ("domain: acme.gainsightcloud.com", "domain: `acme`", "E-YAML-SYNTAX"),
    ("domain: acme.gainsightcloud.com", "domain: %acme", "E-YAML-SYNTAX"),
    ("  domain: acme.gainsightcloud.com", "\tdomain: acme.gainsightcloud.com", "E-YAML-SYNTAX"),
    ("  domain: acme.gainsightcloud.com", "   domain: acme.gainsightcloud.com", "E-YAML-SYNTAX"),
    ("  region: eu-west-1", " region: eu-west-1", "E-YAML-SYNTAX"),
    ("  tenant: acme", "  tenant acme", "E-YAML-SYNTAX"),
    ("profileField: Seats}", "profileField: Seats]", "E-YAML-SYNTAX"),
    ("attribute: Title,", "attribute: \"Title,", "E-YAML-SYNTAX"),
    ("tenant: acme", 'tenant: "acme\\q"', "E-YAML-SYNTAX"),
    ("tenant: acme", "tenant: ac\x07me", "E-YAML-ENCODING"),
    ("tenant: acme", "tenant: ac\u2028me", "E-YAML-ENCODING"),
    # keys
    *((old, new, "E-KEY") for old, new in (
        ("domain: acme.g", "domian: acme.g"), ("accessKey:", "accesKey:"), ("sso: true\n  rateLimit", "SSO: true\n  rateLimit"),
        ("rateLimit:", "ratelimit:"), ("perMinute:", "perminute:"), ("perDay:", "per_day:"), ("concurrency: 4", "concurency: 4"),
        ("tenant:", "tennant:"), ("region:", "regoin:"), ("clientId:", "client_id:"), ("clientSecret:", "clientSecrt:"),
        ("connectedTo:", "connectedto:"), ("profileFields:", "profilefields:"), ("pathPrefix:", "prefix:"),
        ("{name: Job Title, visibility", "{name: Job Title, visiblity"), ("type: dropdown", "typ: dropdown"),
        ("schedule:", "shedule:"), ("every: 4h", "evry: 4h"), ("attribute: Title", "atribute: Title"),
        ("profileField: Job", "profilefield: Job"), ("profileField: Region", "field: Region"), ("  mappings:", "  mapping:"),
        (f"metadata: {{{CS}", f"metdata: {{{CS}"), (f"{{{CC}", "{nam: acme-community}"),
        ("kind: ProfileFieldMapping", "kind: ProfileFieldMapping\nstatus: ok"),
        (f"{{{MAPPING}", "{name: acme-profile, label: {}}"),
        ("attribute: Seats__gc,", "attribute: Seats__gc, whenNull: clear,"),
    )),
    # kinds, types, values
    *((old, new, "E-KIND") for old, new in (
        ("kind: ProfileFieldMapping", "kind: ProfileFieldMappings"), ("kind: ProfileFieldMapping", "kind: Mapping"),
        ("kind: ProfileFieldMapping", "kind: profileFieldMapping"), ("kind: ProfileFieldMapping", "kind: Sinc"),
        ("kind: ProfileFieldMapping", "kind: Project"),
    )),
    ("type: gainsight-cs", "type: gainsight", "E-VALUE"),
    ("type: gainsight-cc", "type: sqll", "E-VALUE"),
    ("apiVersion: reconciler/v1\nkind: ProfileFieldMapping", "apiVersion: v1\nkind: ProfileFieldMapping", "E-VALUE"),
    ("type: dropdown", "type: select", "E-VALUE"),
    ("{name: Seats, type: number, visibility: private}", "{name: Seats, type: number, visibility: secret}", "E-VALUE"),
    ("concurrency: 4", "concurrency: 0", "E-VALUE"),
    ("concurrency: 4", "concurrency: 33", "E-VALUE"),
    ("perMinute: 60", "perMinute: 0", "E-VALUE"),
    ("perDay: 40000", "perDay: -1", "E-VALUE"),
    ("region: eu-west-1", "region: Europe", "E-VALUE"),
    ("tenant: acme", "tenant: acme us", "E-VALUE"),
    ("pathPrefix: /api1", "pathPrefix: /api2", "E-VALUE"),
    ("domain: acme.gainsightcloud.com", "domain: https://acme.gainsightcloud.com/", "E-VALUE"),
    ("domain: acme.gainsightcloud.com", "domain: acme", "E-VALUE"),
    ("domain: acme.gainsightcloud.com", "domain: 127.0.0.1", "E-VALUE"),
    ("domain: acme.gainsightcloud.com", "domain: localhost", "E-VALUE"),
    ("domain: acme.gainsightcloud.com", "domain: metadata.google.internal", "E-VALUE"),
    ("domain: acme.gainsightcloud.com", "domain: ACME.gainsightcloud.com", "E-VALUE"),
    ("sso: true\n  rateLimit", "sso: true\n  baseUrl: ftp://acme.gainsightcloud.com\n  rateLimit", "E-VALUE"),
    ("sso: true\n  rateLimit", "sso: 'true'\n  rateLimit", "E-TYPE"),
    ("sso: true\n  rateLimit", "sso: 1\n  rateLimit", "E-TYPE"),
    ("concurrency: 4", "concurrency: four", "E-TYPE"),
    ("concurrency: 4", 'concurrency: "4"', "E-TYPE"),
    ("concurrency: 4", "concurrency: 4.0", "E-TYPE"),
    ("domain: acme.gainsightcloud.com", "domain: 42", "E-TYPE"),
    ("domain: acme.gainsightcloud.com", "domain:", "E-TYPE"),
    ("domain: acme.gainsightcloud.com", "domain: [acme.gainsightcloud.com]", "E-TYPE"),
    ("tenant: acme", "tenant: true", "E-TYPE"),
    ("{name: Seats, type", "{name: 7, type", "E-TYPE"),
    ("attribute: Title,", "attribute: 1.5,", "E-TYPE"),
    (f"{{{CS}", "{name: acme-cs, labels: {a: 1}}", "E-TYPE"),
    (f"{{{CS}", "{name: acme-cs, labels: [a]}", "E-TYPE"),
    (f"metadata: {{{CS}", "metadata: acme-cs", "E-TYPE"),
    ("rateLimit: {perMinute: 60, perDay: 40000}", "rateLimit: 60", "E-TYPE"),
    *((f"{{{CS}", f"{{name: {name}}}", "E-NAME") for name in ("Acme", "acme_cs", '"acme cs"', "a" * 64, '""')),
    ("from: acme-cs", "from: Acme CS", "E-NAME"),
    # secrets
    ("accessKey: {env: ACME_CS_KEY}", "accessKey: canary-8f3a2", "E-SECRET"),
    ("clientSecret: {file: /run/secrets/acme_cc}", 'clientSecret: "canary-8f3a2"', "E-SECRET"),
    ("clientId: {env: ACME_CC_ID}", "clientId: [canary-8f3a2]", "E-SECRET"),
    ("accessKey: {env: ACME_CS_KEY}", "accessKey: {env: canary-8f3a2}", "E-SECRET-FORM"),
    ("accessKey: {env: ACME_CS_KEY}", "accessKey: {value: canary-8f3a2}", "E-SECRET-FORM"),
    ("accessKey: {env: ACME_CS_KEY}", "accessKey: {env: A, file: b}", "E-SECRET-FORM"),
    ("accessKey: {env: ACME_CS_KEY}", "accessKey: {}", "E-SECRET-FORM"),
    ("accessKey: {env: ACME_CS_KEY}", 'accessKey: {file: ""}', "E-SECRET-FORM"),
    # schedules
    *(("schedule: {every: 4h}", f"schedule: {schedule}", "E-SCHEDULE") for schedule in (
        "{every: 4m}", "{every: 1s}", "{every: 4}", "{every: 4 h}", "{every: 4h30m}", "{every: 367d}", "{every: 1w}",
        '{cron: "0 0 31 2 *"}', '{cron: "0 0 * *"}', '{cron: "0 0 * * * *"}', '{cron: "@daily"}', '{cron: "R * * * *"}',
        '{cron: "H * * * *"}', '{cron: "* * * * *"}', '{cron: "*/4 * * * *"}', '{cron: "0,58 * * * *"}', '{cron: "61 * * * *"}',
        '{cron: "0 6 * * MON-FREE"}', '{cron: "0 6 * * *", timezone: Europe/Berln}', '{cron: "0 6 * * *", timezone: ../etc}',
        '{cron: "0 6 * * *", timezone: localtime}', '{cron: "0 6 * * *", timezone: right/UTC}', '{cron: "0 0 30 2 *"}',
        '{cron: "*/90 * * * *"}', '{cron: "0 */24 * * *"}', '{cron: "*,5 0 * * *"}', '{cron: "5-5 * * * *"}',
        '{cron: "0 6 * * 0-7"}', '{cron: "0 6 * DEC-12 *"}', '{cron: "0 6 * * MON-1"}', '{cron: "0,58 0,23 1,29 2,3 *"}',
        '{cron: "0,3 * * * *"}', '{cron: "0 0 */2 * */1"}', '{cron: "0 0 1-31 * 1"}', '{cron: "0 0 1 * SUN-SAT"}',
        '{cron: "0 22-2/2 * * *"}', '{cron: "58 0 L * *"}', '{cron: "0 0 * * MON#1"}', '{cron: "0 0 0 * * * *"}',
        '{every: 4h, timezone: Europe/Berlin}', '{every: 4h, cron: "0 6 * * *"}', "{}",
    ) if schedule != "{every: 4}"),
    ("schedule: {every: 4h}", "schedule: {every: 4}", "E-TYPE"),
    ("schedule: {every: 4h}", "schedule: 4h", "E-TYPE"),
    # meaning
    ("from: acme-cs", "from: acme-css", "E-CONNECTION"),
    ("to: acme-community", "to: acme", "E-CONNECTION"),
    ("connectedTo: acme-cs", "connectedTo: acmecs", "E-CONNECTION"),
    ("to: acme-community", "to: acme-cs", "E-CONNECTION"),
    ("object: Company Person, attribute: Title", "object: compny_person, attribute: Title", "E-OBJECT"),
    ("object: Company Person, attribute: Title", "object: Company, attribute: Title", "E-OBJECT"),
    ("object: Company Person, attribute: Title", "object: CompanyPerson, attribute: Title", "E-OBJECT"),
    ("attribute: Title", "attribute: title", "E-ATTRIBUTE"),
    ("attribute: Region__gc", "attribute: Region", "E-ATTRIBUTE"),
    ("attribute: Seats__gc", "attribute: Seats_gc", "E-ATTRIBUTE"),
    ("attribute: Title", "attribute: Company_ID", "E-LOOKUP"),
    ("attribute: Title", "attribute: Company_ID__gr.Name", "E-LOOKUP"),
    ("profileField: Job Title", "profileField: Jobtitle", "E-PROFILE-FIELD"),
    ("profileField: Seats}", "profileField: Region}", "E-WRITER"),
    ("attribute: Region__gc, profileField: Region}", "attribute: Region__gc, profileField: Seats}\n#", "E-WRITER"),
    ("attribute: Title, profileField: Job Title", "attribute: Region__gc, profileField: Job Title", ""),
    ("attribute: Seats__gc", "attribute: Title", "E-FIELD-TYPE"),
    (f"{{{CC}", f"{{{CS}", "E-DUPLICATE"),
    ("sso: true\n  rateLimit", "sso: true\n  baseUrl: https://example.com\n  rateLimit", "E-BASE-URL"),
    ("sso: true\n  rateLimit", "sso: true\n  baseUrl: http://acme.gainsightcloud.com\n  rateLimit", "E-BASE-URL"),
    ("profileField: Job Title", 'profileField: ".."', "E-UNUSABLE-NAME"),
]  # fmt: skip
MISTAKES = [mistake for mistake in MISTAKES if mistake[2]]


def seeded(old: str, new: str) -> tuple[str, range]:
    """The project with one mistake in it, and the lines that differ."""
    assert GOOD.count(old) >= 1, old
    before, after = GOOD.split(old, 1)
    common = 0
    while common < min(len(old), len(new)) and old[common] == new[common]:
        common += 1
    # A line that was changed is meant even where the change only begins with its end.
    first = before.count("\n") + new[:common].count("\n") + (new[common : common + 1] == "\n") + 1
    last = before.count("\n") + new.rstrip("\n").count("\n") + 1
    return before + new + after, range(first, max(first, last) + 1)


def diagnose(root: Path, text: str) -> tuple[list[Diagnostic], str]:
    loaded = load_project(playground.write(Example(text=text), root), root, use_cache=False)
    return list(loaded.diagnostics), report.to_text(loaded.diagnostics, source=loaded.source, files=loaded.files)


def test_the_project_without_a_mistake_is_correct(tmp_path: Path) -> None:
    assert diagnose(tmp_path, GOOD)[0] == []


def test_the_corpus_is_large() -> None:
    assert len(set(MISTAKES)) >= 120


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, list[Diagnostic], range, str]]:
    found = []
    for number, (old, new, code) in enumerate(MISTAKES):
        text, lines = seeded(old, new)
        diagnostics, shown = diagnose(tmp_path_factory.mktemp(f"m{number}"), text)
        found.append((code, diagnostics, lines, shown))
    return found


def test_every_mistake_is_found_under_its_code(answers: list[tuple[str, list[Diagnostic], range, str]]) -> None:
    missed = [(new, code, [d.code for d in found]) for (_, new, _), (code, found, *_) in zip(MISTAKES, answers, strict=True)
              if code not in {d.code for d in found}]  # fmt: skip
    assert missed == []


def test_nearly_every_mistake_is_found_at_its_line(answers: list[tuple[str, list[Diagnostic], range, str]]) -> None:
    elsewhere = [
        (new, lines, [(d.code, str(d.position)) for d in found])
        for (_, new, _), (code, found, lines, _) in zip(MISTAKES, answers, strict=True)
        if not any(d.code == code and d.position and d.position.line in lines for d in found)
    ]
    assert len(elsewhere) <= 0.05 * len(MISTAKES), elsewhere


def test_nearly_every_mistake_gets_a_way_out(answers: list[tuple[str, list[Diagnostic], range, str]]) -> None:
    without = [
        new for (_, new, _), (_, found, *_) in zip(MISTAKES, answers, strict=True) if not any(d.hint for d in found)
    ]
    assert len(without) <= 0.10 * len(MISTAKES), without


def test_one_mistake_is_nearly_always_one_error(answers: list[tuple[str, list[Diagnostic], range, str]]) -> None:
    chatty = [
        (new, [d.code for d in found])
        for (_, new, _), (_, found, *_) in zip(MISTAKES, answers, strict=True)
        if len(found) > 1
    ]
    assert len(chatty) <= 0.10 * len(MISTAKES), chatty


def test_no_secret_is_ever_repeated(answers: list[tuple[str, list[Diagnostic], range, str]]) -> None:
    assert sum("canary" in new for _, new, _ in MISTAKES) >= 5
    for _, found, _, shown in answers:
        assert "canary" not in shown
        assert "canary" not in repr(found) + report.to_json(found) + report.to_github(found)


SECRET_LINES = [
    "  accessKey: canary-8f3a2",
    '  accessKey: "canary-8f3a2',
    "  accessKey: 'canary-8f3a2, x: {",
    "  accesKey: canary-8f3a2",
    "  access_key: canary-8f3a2",
    "  apiKey: canary-8f3a2",
    "  clientSecret: canary-8f3a2",
    "  clientSecrt: canary-8f3a2",
    "  password: canary-8f3a2",
    "  token: canary-8f3a2",
    "  accessKey: |\n    canary-8f3a2\n  x: [",
    "  accessKey: >-\n\n    canary-8f3a2\n\n    canary-8f3a2\n  x: ]",
    "  accessKey:\n    value: canary-8f3a2",
    "  accessKey:\n    - canary-8f3a2",
    '  accessKey: "x\n    canary-8f3a2\n    @"\n  y: @',
    "  accessKey: {env: canary-8f3a2}",
    "  accessKey: {env: A, value: canary-8f3a2}",
    "  accessKey: {plain: canary-8f3a2, nested: {a: canary-8f3a2}}",
    "  accessKey: !secret canary-8f3a2",
    "  accessKey: &a canary-8f3a2\n  z: *b",
    "  domain: https://user:canary-8f3a2@acme.gainsightcloud.com",
    "  baseUrl: https://user:canary-8f3a2@acme.gainsightcloud.com",
    "  x: {accessKey: canary-8f3a2, y: no}",
    "  accessKey: 0777  # canary-8f3a2",
    "  ? accessKey\n  : canary-8f3a2\n  oops: 1",
]


@pytest.mark.parametrize("line", SECRET_LINES)
def test_no_secret_is_repeated_whatever_else_is_wrong(line: str, tmp_path: Path) -> None:
    text = examples.CS.replace("  accessKey: {env: ACME_CS_KEY}", line)
    found, shown = diagnose(tmp_path, text)
    assert found
    assert "canary" not in shown + repr(found) + report.to_json(found) + report.to_github(found)


def test_a_database_password_is_not_repeated(tmp_path: Path) -> None:
    for url in ("postgresql://me:canary-8f3a2@db/x", "postgresql://db/x?password=canary-8f3a2"):
        project = examples.PROJECT + f"  database: {url}\n  catalg: x\n"
        with pytest.raises(errors.ConfigInvalid) as caught:
            load_project(playground.write(Example(text=GOOD, project=project), tmp_path), tmp_path)
        found = caught.value.diagnostics
        assert [d.code for d in found] == ["E-SECRET", "E-KEY"]
        shown = report.to_text(found, source=lambda file: shown_source(tmp_path, file), files=["reconcile.yaml"])
        assert "canary" not in shown + repr(found)
