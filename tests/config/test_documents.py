"""From parsed YAML to documents and resources: normal forms, defaults, and what a recorded document may be."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.config import convert, defaults, documents, loader, projects, reading, shapes
from reconciler.config.git import address
from reconciler.config.rules import examples
from reconciler.model import resources
from reconciler.model.diagnostic import Position
from reconciler.model.document import (
    COMMUNITY_IMPORT,
    CONNECTION,
    MODEL,
    PROFILE_FIELD_MAPPING,
    SYNC,
    Document,
    DocumentId,
)

TITLE = "object: Person, attribute: Title, profileField: B"


def parse(text: str) -> Document:
    content = reading.read_file(text.encode(), "f.yaml")
    assert content.problems == ()
    return content.entries[0].document


def resource(text: str) -> Any:
    return convert.to_resource(parse(text))


def test_kinds_are_those_that_the_core_knows() -> None:
    assert set(documents.KINDS) == {COMMUNITY_IMPORT, CONNECTION, MODEL, PROFILE_FIELD_MAPPING, SYNC}
    field = documents.ProfileFieldSpec.model_fields
    assert set(get_args(field["type"].annotation)) == {kind.value for kind in resources.ProfileFieldType}
    assert set(get_args(field["visibility"].annotation)) == {visibility.value for visibility in resources.Visibility}


def test_a_cs_connection() -> None:
    assert resource(examples.CS) == resources.CsConnection(
        name="acme-cs",
        domain="acme.gainsightcloud.com",
        base_url=None,
        access_key=resources.SecretRef(source="env", name="ACME_CS_KEY"),
        sso=True,
        active=True,
        rate_limit=resources.CS_RATE_LIMIT,
        concurrency=8,
    )


def test_a_community() -> None:
    community = resource(examples.CC + "  rateLimit: {perMinute: 50}\n  concurrency: 2\n  active: false\n")
    assert isinstance(community, resources.CcConnection)
    assert community.rate_limit == resources.RateLimit(per_minute=50, per_day=None)
    assert (community.concurrency, community.active, community.path_prefix) == (2, False, "/api1")
    assert community.client_secret == resources.SecretRef(source="file", name="/run/secrets/acme_cc")
    assert [field.name for field in community.profile_fields] == ["Job Title", "Region", "Seats"]
    assert {field.visibility for field in community.profile_fields} == {resources.Visibility.PRIVATE}
    assert resource(examples.CC + '  pathPrefix: ""\n').path_prefix == ""


def test_a_limit_may_be_switched_off() -> None:
    limit = resource(examples.CS + "  rateLimit: {perMinute: null, perDay: null}\n").rate_limit
    assert limit == resources.RateLimit(per_minute=None, per_day=None)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("{every: 90m}", resources.Every(seconds=5400)),
        ("{every: 24h}", resources.Every(seconds=86400)),
        ('{cron: "0  6 * * mon-fri"}', resources.Cron(expression="0 6 * * MON-FRI", timezone="UTC")),
        (
            '{cron: "0 0 29 2 *", timezone: Europe/Berlin}',
            resources.Cron(expression="0 0 29 2 *", timezone="Europe/Berlin"),
        ),
        ('{cron: "*/5 * * * *"}', resources.Cron(expression="*/5 * * * *", timezone="UTC")),
        ('{cron: "0 0-7 * * SAT-SUN"}', resources.Cron(expression="0 0-7 * * SAT-SUN", timezone="UTC")),
        (
            '{cron: "7,*/30 */12 1-31/30 */11 */6"}',
            resources.Cron(expression="7,*/30 */12 1-31/30 */11 */6", timezone="UTC"),
        ),
        ('{cron: "55,0 1,3 * * *"}', resources.Cron(expression="55,0 1,3 * * *", timezone="UTC")),
    ],
)
def test_schedules(text: str, schedule: resources.Schedule) -> None:
    document = examples.mapping(TITLE).replace("  mappings:", f"  schedule: {text}\n  mappings:")
    assert resource(document).schedule == schedule


def test_the_default_schedule_is_four_hours() -> None:
    assert resource(examples.mapping(TITLE)).schedule == resources.Every(seconds=4 * 3600)


@pytest.mark.parametrize(
    ("implicit", "explicit"),
    [
        (examples.CS, examples.CS + "  active: true\n  concurrency: 8\n  baseUrl: null\n"),
        (examples.CS, examples.CS + "  rateLimit: {perMinute: 100, perDay: 50000}\n"),
        (examples.CS, examples.CS.replace("{name: acme-cs}", "{name: acme-cs, labels: {}}")),
        (examples.CC, examples.CC + "  pathPrefix: /api1\n  rateLimit: {perMinute: 100}\n"),
        (examples.CC, examples.CC.replace("Job Title,", "Job Title, type: text,")),
        (examples.mapping(TITLE), examples.mapping(TITLE).replace("  map", "  schedule: {every: 4h}\n  map")),
        (examples.mapping(TITLE), examples.mapping(TITLE).replace("  map", "  schedule: {every: 240m}\n  map")),
        (examples.mapping(TITLE, TITLE.replace("B", "A")), examples.mapping(TITLE.replace("B", "A"), TITLE)),
    ],
)
def test_what_means_the_same_has_the_same_digest(implicit: str, explicit: str) -> None:
    assert parse(implicit).spec == parse(explicit).spec
    assert parse(implicit).digest == parse(explicit).digest


def test_what_means_something_else_has_another() -> None:
    assert parse(examples.CS).digest != parse(examples.CS + "  active: false\n").digest
    labelled = examples.CS.replace("{name: acme-cs}", "{name: acme-cs, labels: {a: b}}")
    assert parse(labelled).digest != parse(examples.CS).digest


def test_sorted_items_remember_where_they_stood() -> None:
    entry = reading.read_file(
        examples.mapping(TITLE, TITLE.replace("B", "C"), TITLE.replace("B", "A")).encode(), "f.yaml"
    ).entries[0]
    assert [item["profileField"] for item in entry.document.spec["mappings"]] == ["A", "B", "C"]  # type: ignore
    assert entry.place("spec", "mappings", 0, "attribute").path == ("spec", "mappings", 2, "attribute")
    assert entry.place("spec", "from").path == ("spec", "from")


def test_a_project() -> None:
    content = reading.read_project(examples.PROJECT.encode(), "reconcile.yaml")
    document = content.entries[0].document
    project = convert.to_project(document.id.name, document.spec)
    assert project == resources.Project(
        name="acme",
        configs=("config",),
        database=defaults.DATABASE,
        state_file="var/state.json",
        catalog="catalog",
        limits=resources.Limits(max_change_percent=30, min_records=10),
    )
    text = examples.PROJECT + "  database: postgresql://me@host:5432/db\n"
    project = convert.to_project("x", reading.read_project(text.encode(), "f").entries[0].document.spec)
    assert project.database == "postgresql://me@host:5432/db"
    text = (
        examples.PROJECT
        + "  database: {file: db}\n  limits: {maxChangePercent: 5}\n  stateFile: s.json\n  catalog: c\n"
    )
    project = convert.to_project("x", reading.read_project(text.encode(), "f").entries[0].document.spec)
    assert project.database == resources.SecretRef(source="file", name="db")
    assert project.limits == resources.Limits(max_change_percent=5, min_records=10)
    assert (project.state_file, project.catalog) == ("s.json", "c")


BOOTSTRAP = examples.PROJECT.replace("  configs: [config]\n", "")


def bootstrap(source: str) -> reading.FileContent:
    return reading.read_project(f"{BOOTSTRAP}  source: {source}\n".encode(), "reconcile.yaml")


def git_source(text: str) -> resources.GitSource:
    content = bootstrap(text)
    assert content.problems == ()
    project = convert.to_project("acme", content.entries[0].document.spec)
    assert project.configs == ()
    assert project.source is not None
    return project.source


def test_a_git_source() -> None:
    assert git_source("{git: https://git.example.com/acme/data.git}") == resources.GitSource(
        url="https://git.example.com/acme/data.git",
        branch="main",
        path=".",
        every=timedelta(minutes=1),
        username=None,
        token=None,
        ssh_key=None,
        on_rewrite=resources.OnRewrite.REFUSE,
    )
    whole = git_source(
        "{git: https://git.example.com/a, branch: release/2026, path: ./deploy//acme/, every: 90s, username: bot, "
        "token: {env: TOKEN}, onRewrite: accept}"
    )
    assert (whole.branch, whole.path, whole.every) == ("release/2026", "deploy/acme", timedelta(seconds=90))
    assert (whole.username, whole.token) == ("bot", resources.SecretRef(source="env", name="TOKEN"))
    assert whole.on_rewrite is resources.OnRewrite.ACCEPT
    key = git_source("{git: git@git.example.com:acme/data.git, sshKey: {file: /run/secrets/key}}").ssh_key
    assert key == resources.SecretRef(source="file", name="/run/secrets/key")


GOOD_URLS = (
    "https://git.example.com:8443/a/b.git",
    "http://localhost:3000/a",
    "http://127.0.0.1/a",
    "http://[::1]:80/a",
    "ssh://git@git.example.com:2222/a/b",
    "ssh://git.example.com/a",
    "git@git.example.com:a/b.git",
    "git@git.example.com:/srv/a.git",
    "git@git.example.com:~ann/a.git",
    "file:///srv/a.git",
)
BAD_URLS = {
    "https://ann:hunter2@git.example.com/a": "E-SECRET",
    "https://hunter2@git.example.com/a": "E-SECRET",
    "ssh://git:hunter2@git.example.com/a": "E-SECRET",
    "https://git.example.com/a?private_token=hunter2": "E-SECRET",
    "http://git.example.com/a": "E-VALUE",
    "http://10.0.0.1/a": "E-VALUE",
    "git://git.example.com/a": "E-VALUE",
    "ftp://git.example.com/a": "E-VALUE",
    "ext::sh": "E-VALUE",
    "/srv/a.git": "E-VALUE",
    "a.git": "E-VALUE",
    "git.example.com:a": "E-VALUE",
    "file://srv/a.git": "E-VALUE",
    "file:///": "E-VALUE",
    "file:///srv/%0a": "E-VALUE",
    "https://git.example.com": "E-VALUE",
    "https://git.example.com/": "E-VALUE",
    "https:///a": "E-VALUE",
    "https://git.example.com:99999/a": "E-VALUE",
    "https://[::1/a": "E-VALUE",
    "https://git.example.com/a b": "E-VALUE",
    "https://git.example.com/a#b": "E-VALUE",
    "https://git.example.com/ä": "E-VALUE",
    "ssh://-oProxyCommand=x/a": "E-VALUE",
    "ssh://-x@git.example.com/a": "E-VALUE",
    "ssh://git.example.com/%00": "E-VALUE",
    "git@-oProxyCommand=x:a": "E-VALUE",
    "git@git.example.com:-a": "E-VALUE",
}


@pytest.mark.parametrize("url", GOOD_URLS)
def test_urls_of_repositories(url: str) -> None:
    assert git_source(f"{{git: '{url}'}}").url == url
    assert re.fullmatch(address.URL, url)


@pytest.mark.parametrize(("url", "code"), BAD_URLS.items())
def test_urls_that_are_refused(url: str, code: str) -> None:
    (problem,) = bootstrap(f"{{git: '{url}'}}").problems
    assert problem.code == code
    assert problem.position == Position("reconcile.yaml", 5, 17, len(url) + 2)
    assert "hunter2" not in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{}", "E-REQUIRED"),
        ("{git: 1}", "E-TYPE"),
        ("null", "E-REQUIRED"),
        ("{git: file:///a, every: 9s}", "E-VALUE"),
        ("{git: file:///a, every: 2d}", "E-VALUE"),
        ("{git: file:///a, every: often}", "E-VALUE"),
        ("{git: file:///a, onRewrite: maybe}", "E-VALUE"),
        ("{git: file:///a, token: {env: A}}", "E-VALUE"),
        ("{git: https://h.example/a, username: ann}", "E-VALUE"),
        ("{git: https://h.example/a, username: 'a:b', token: {env: A}}", "E-VALUE"),
        ("{git: https://h.example/a, token: hunter2}", "E-SECRET"),
        ("{git: https://h.example/a, token: {env: A, file: B}}", "E-SECRET-FORM"),
        ("{git: https://h.example/a, sshKey: {file: key}}", "E-VALUE"),
        ("{git: ssh://h.example/a, token: {env: A}}", "E-VALUE"),
        ("{git: ssh://h.example/a, sshKey: {env: KEY}}", "E-SECRET-FORM"),
        ("{git: ssh://h.example/a, sshKey: hunter2}", "E-SECRET"),
        *((f"{{git: file:///a, path: '{path}'}}", "E-PATH") for path in ("/etc", "..", "a/../b", "~", "a\\b", "a\tb")),
        *(
            (f"{{git: file:///a, branch: '{name}'}}", "E-VALUE")
            for name in (
                "-x", "/a", "a/", "a//b", "a..b", "a.lock", "a.lock/b", ".a", "a/.b", "a.", "a b", "a~1", "a^", "a:b", "a?",
                "a*", "a[", "a\\b", "@", "a@{1}", "HEAD", "refs/heads/main",
            )
        ),
    ],
)  # fmt: skip
def test_sources_with_errors(source: str, code: str) -> None:
    problems = bootstrap(source).problems
    assert [problem.code for problem in problems] == [code]
    assert problems[0].position is not None
    assert "hunter2" not in f"{problems[0].message} {problems[0].hint}"


def test_what_is_missing_from_a_project() -> None:
    (problem,) = reading.read_project(f"{BOOTSTRAP}  database: sqlite:///x.db\n".encode(), "f").problems
    assert (problem.code, problem.message) == ("E-REQUIRED", "the key 'configs' is missing here")
    assert [found.code for found in bootstrap("{git: file:///a}\n  configs: []").problems] == ["E-VALUE"]
    assert bootstrap("{git: file:///a}\n  configs: [config]").problems == ()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["E-EMPTY"]),
        (examples.PROJECT + "---\n" + examples.PROJECT, ["E-EMPTY"]),
        (examples.CS, ["E-VALUE", "E-KEY"]),
        (examples.PROJECT + "  database: 1\n", ["E-TYPE"]),
        (examples.PROJECT + "  database: {env: 1}\n", ["E-SECRET-FORM"]),
        (examples.PROJECT + "  limits: {maxChangePercent: 101}\n", ["E-VALUE"]),
        (examples.PROJECT.replace("[config]", "config"), ["E-TYPE"]),
        (examples.PROJECT.replace("configs", "config"), ["E-KEY"]),
    ],
)
def test_project_files_with_errors(text: str, codes: list[str]) -> None:
    found = [problem.code for problem in reading.read_project(text.encode(), "reconcile.yaml").problems]
    assert [code for code in codes if code not in found] == []


def test_defaults_of_models_and_of_conversion_are_one() -> None:
    """Every optional key is left out of the normal form when it has its default; the conversion must then mean the default."""
    for text in (examples.CS, examples.CC, examples.mapping(TITLE)):
        (raw,) = loader.load(text.encode(), "f").documents
        model: Any = documents.DOCUMENTS.validate_python(raw.data)
        whole = model.spec.model_dump(by_alias=True)
        document = parse(text)
        assert set(document.spec) < set(whole)
        explicit = Document(id=document.id, spec={**whole, **document.spec})
        assert convert.to_resource(explicit) == convert.to_resource(document)
    spec = projects.ProjectSpec(configs=["a"])
    assert convert.to_project("x", spec.model_dump()) == convert.to_project("x", {"configs": ["a"]})


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Connection", {}),
        ("Connection", {"type": "sql"}),
        ("Connection", {"type": "gainsight-cs"}),
        ("Connection", {"type": "gainsight-cs", "domain": "a", "accessKey": {}}),
        ("Connection", {"type": "gainsight-cs", "domain": "a", "accessKey": None}),
        ("Sync", {"from": "a"}),
        ("ProfileFieldMapping", {"from": "a", "to": "b", "mappings": 1}),
        ("ProfileFieldMapping", {"from": "a", "to": "b", "mappings": ["x"]}),
        ("ProfileFieldMapping", {"from": "a", "to": "b", "mappings": [], "schedule": {"every": "soon"}}),
        ("ProfileFieldMapping", {"from": "a", "to": "b", "mappings": [], "schedule": {}}),
    ],
)
def test_a_recorded_document_that_cannot_be_understood(kind: str, spec: dict[str, Any]) -> None:
    with pytest.raises(errors.StateDamaged, match=f"{kind}/x cannot be understood"):
        convert.to_resource(Document(id=DocumentId(kind, "x"), spec=spec))


@given(st.integers(min_value=300, max_value=366 * 86400), st.sampled_from("smhd"))
def test_periods_have_one_spelling(number: int, unit: str) -> None:
    text = f"{number}{unit}"
    if shapes.seconds(text) > shapes.MAX_PERIOD:
        with pytest.raises(ValueError, match="at most"):
            shapes.period(text)
    else:
        assert shapes.seconds(shapes.period(text)) == shapes.seconds(text)
        assert len(shapes.period(text)) <= len(text)


@pytest.mark.parametrize(
    "name", ["10.0.0.1", "0x7f.1", "2130706433", "[::1]", "::ffff:127.0.0.1", "017700000001", "127.1."]
)
def test_addresses_in_any_spelling(name: str) -> None:
    assert shapes.is_address(name)
    with pytest.raises(ValueError, match="host name"):
        shapes.host(name)


@pytest.mark.parametrize("name", ["acme.gainsightcloud.com", "1and1.example", "xn--bcher-kva.example"])
def test_names_are_no_addresses(name: str) -> None:
    assert not shapes.is_address(name) and not shapes.is_loopback(name)
    assert shapes.host(name) == name


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_zones(name: str) -> None:
    assert shapes.timezone_name(name) == name


@pytest.mark.parametrize("name", ["Mars", "America", "/etc/passwd", "../UTC", "", "Europe/Berlin\0"])
def test_no_zones(name: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        shapes.zone(name)


def test_odd_documents() -> None:
    def found(text: str) -> list[tuple[str, str]]:
        content = reading.read_file(text.encode(), "f")
        return [(problem.code, problem.message) for problem in content.problems]

    assert found("[]") == [("E-TYPE", "a mapping is expected here, found a list")]
    assert found("text") == [("E-TYPE", "a mapping is expected here, found text")]
    assert found("{}") == [("E-REQUIRED", "the key 'kind' is missing here")]
    for text, hint in {
        "spec: {}": "known kinds",
        "ada@acme.com: eve@acme.com": "aliasesFile of a CommunityImport",
    }.items():
        (problem,) = (one for one in reading.read_file(text.encode(), "f").problems if "'kind'" in one.message)
        assert hint in (problem.hint or "")
    assert found("kind: [a]") == [("E-TYPE", "text is expected here, found a list")]
    assert found("kind: {a: b}") == [("E-TYPE", "text is expected here, found a mapping")]
    assert ("E-REQUIRED", "the key 'type' is missing here") in found(examples.CS.replace("  type: gainsight-cs\n", ""))
    assert ("E-TYPE", "text is expected here, found a number") in found(examples.CS.replace("reconciler/v1", "1"))
    assert ("E-KEY", "there is no key 'Connection' here") in found(examples.CS.replace("spec:", "Connection: 1\nspec:"))
    assert ("E-TYPE", "a mapping is expected here, found nothing") in found("kind: Connection\nspec:\n")


def test_aliases_are_repaired_like_anything_else() -> None:
    item = "- &m {object: Person, attribute: Name, profileField: a, extra: 1}\n    - *m\n    - {x: 1}"
    text = examples.mapping(TITLE).replace(f"- {{{TITLE}}}", item)
    content = reading.read_file(text.encode(), "f")
    assert {problem.code for problem in content.problems} == {"E-KEY", "E-REQUIRED"}
    assert content.doubtful == (DocumentId("ProfileFieldMapping", "acme-profile"),)
