from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.config import builder, loader, scalars, source
from reconciler.config.loader import Loaded

C = loader.parser()
PYTHON = yaml.SafeLoader


def one(text: str, make_parser: Any = None) -> Any:
    """The only document of a text without problems."""
    loaded = loader.load(text.encode(), "f.yaml", make_parser)
    assert loaded.problems == () and loaded.readable, loaded.problems
    (document,) = loaded.documents
    return document.data


def problems(text: str | bytes, make_parser: Any = None) -> list[tuple[str, int, int]]:
    """Code, line and column of everything that is wrong with a text."""
    data = text if isinstance(text, bytes) else text.encode()
    loaded = loader.load(data, "f.yaml", make_parser)
    assert all(problem.position is not None for problem in loaded.problems)
    return [(problem.code, *problem.position[1:3]) for problem in loaded.problems if problem.position]


def test_the_c_parser_is_used_here() -> None:
    assert C is yaml.CSafeLoader


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("true", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("False", False),
        ("0", 0),
        ("-0", 0),
        ("-17", -17),
        ("+4", 4),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("4h", "4h"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("...x", "...x"),
        ("12:61", "12:61"),
        ("2026-11", "2026-11"),
        ("2026-1-1x", "2026-1-1x"),
        ("yess", "yess"),
        ("one", "one"),
        ("Norway", "Norway"),
        ("+49 30 1234", "+49 30 1234"),
        ("acme.gainsightcloud.com", "acme.gainsightcloud.com"),
        ("-" + "a" * 100, "-" + "a" * 100),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert scalars.resolve(text) == value
    assert type(scalars.resolve(text)) is type(value)


def test_nan_is_a_float() -> None:
    assert math.isnan(scalars.resolve(".NaN"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "old", "new", "also"),
    [
        *((word, "true", f'the text "{word}"', "true") for word in ("yes", "Yes", "YES", "yEs", "on", "ON", "y", "Y")),
        *((word, "false", f'the text "{word}"', "false") for word in ("no", "No", "NO", "off", "OFF", "n", "N")),
        ("4:00", "the number 240", 'the text "4:00"', None),
        ("-1:30.5", "the number -90.5", 'the text "-1:30.5"', None),
        ("12:30:45", "the number 45045", 'the text "12:30:45"', None),
        ("012", "the number 10", "the number 12", "12"),
        ("-012", "the number -10", "the number -12", "-12"),
        ("08", 'the text "08"', "the number 8", "8"),
        ("0o14", 'the text "0o14"', "the number 12", "12"),
        ("0b1", "a number", 'the text "0b1"', None),
        ("1_000", "a number", 'the text "1_000"', None),
        ("0x_1", "a number", 'the text "0x_1"', None),
        ("2026-11-22", "a date", 'the text "2026-11-22"', None),
        ("2026-13-45", "a date", 'the text "2026-13-45"', None),
        ("2026-11-22T10:00:00Z", "a date", 'the text "2026-11-22T10:00:00Z"', None),
        ("=", "the default value of a mapping", 'the text "="', None),
        ("<<", "a merge key", 'the text "<<"', None),
    ],
)
def test_what_versions_of_yaml_read_differently_is_refused_with_both_readings(
    text: str, old: str, new: str, also: str | None
) -> None:
    assert scalars.resolve(text) == scalars.Ambiguous(old, new, also)
    loaded = loader.load(f"key: {text}\nother: fine\n".encode(), "f.yaml")
    (problem,) = loaded.problems
    assert problem.code == "E-YAML-AMBIGUOUS"
    assert problem.position == ("f.yaml", 1, 6, len(text))
    assert old in problem.message and new in problem.message
    assert problem.hint == f'write "{text}"' + (f", or {also} if that is meant" if also else "")
    assert one(f'key: "{text}"\n') == {"key": text}


def test_a_number_of_thousands_of_digits_is_not_converted() -> None:
    assert problems("a: " + "9" * 5000) == [("E-YAML-NUMBER", 1, 4)]
    assert problems("a: 0x" + "f" * 5000) == [("E-YAML-NUMBER", 1, 4)]
    assert one("a: " + "9" * 64) == {"a": int("9" * 64)}


@pytest.mark.parametrize("make_parser", [C, PYTHON])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", [("E-YAML-DUPLICATE", 2, 1)]),
        ("a: {b: 1, b: 2}\n", [("E-YAML-DUPLICATE", 1, 11)]),
        ('a: 1\n"a": 2\n', [("E-YAML-DUPLICATE", 2, 1)]),
        ("1: a\ntrue: b\n", [("E-YAML-KEY", 1, 1), ("E-YAML-KEY", 2, 1)]),
        ("~: a\n", [("E-YAML-KEY", 1, 1)]),
        ("1.5: a\n", [("E-YAML-KEY", 1, 1)]),
        ("? [a]\n: 1\n", [("E-YAML-KEY", 1, 3)]),
        ("? {a: 1}\n: 1\nb: 2\n", [("E-YAML-KEY", 1, 3)]),
        ("a: &x b\n*x : 1\n", [("E-YAML-KEY", 2, 1)]),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", [("E-YAML-MERGE", 3, 3)]),
        ("a: !!str 1\n", [("E-YAML-TAG", 1, 4)]),
        ("a: !!python/object:os.system {}\n", [("E-YAML-TAG", 1, 4)]),
        ("a: ! x\n", [("E-YAML-TAG", 1, 4)]),
        ("a: !custom [1]\n", [("E-YAML-TAG", 1, 4)]),
        ("a: *none\n", [("E-YAML-ALIAS", 1, 4)]),
        ("a: &a [*a]\n", [("E-YAML-ALIAS", 1, 8)]),
        ("a: &x 1\n---\nb: *x\n", [("E-YAML-ALIAS", 3, 4)]),
        ("%YAML 1.1\n---\na: 1\n", [("E-YAML-SYNTAX", 2, 1)]),
        ("a: [1, 2\nb: 3\n", [("E-YAML-SYNTAX", 1, 4)]),
        ("a: {b: 1\nc: 2\n", [("E-YAML-SYNTAX", 1, 4)]),
        ('a: "x\nb: 1\n', [("E-YAML-SYNTAX", 1, 4)]),
        ("a: b: c\n", [("E-YAML-SYNTAX", 1, 5)]),
        ("a:\n\t- b\n", [("E-YAML-SYNTAX", 2, 1)]),
        ("a: @x\n", [("E-YAML-SYNTAX", 1, 4)]),
        ("a: no\nb: yes\n", [("E-YAML-AMBIGUOUS", 1, 4), ("E-YAML-AMBIGUOUS", 2, 4)]),
        ("on: 1\n", [("E-YAML-AMBIGUOUS", 1, 1)]),
        ("a: 1\x07\n", [("E-YAML-ENCODING", 1, 5)]),
        ("a: 1\nb: \x00\n", [("E-YAML-ENCODING", 2, 4)]),
        ("a: x\u2028y\n", [("E-YAML-ENCODING", 1, 5)]),
        ("a: \ufeff1\n", [("E-YAML-ENCODING", 1, 4)]),
        ("a: \x85\n", [("E-YAML-ENCODING", 1, 4)]),
    ],
)
def test_problems_have_exact_places_with_either_parser(
    text: str, expected: list[tuple[str, int, int]], make_parser: Any
) -> None:
    if "%YAML" in text:
        # The mark of a document start is that of the directive in one parser and of the dashes in the other.
        assert [code for code, *_ in problems(text, make_parser)] == ["E-YAML-SYNTAX"]
    else:
        assert problems(text, make_parser) == expected


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\xff\xfea\x00", (1, 1)),
        (b"\xfe\xff\x00a", (1, 1)),
        (b"\x00\x00\xfe\xff\x00\x00\x00a", (1, 1)),
        (b"a: 1\r\nb: \xff\n", (2, 4)),
        (b"a: \xed\xa0\x80\n", (1, 4)),
    ],
)
def test_only_utf_8_is_read(data: bytes, place: tuple[int, int]) -> None:
    assert problems(data) == [("E-YAML-ENCODING", *place)]


def test_a_byte_order_mark_is_dropped_and_moves_nothing() -> None:
    assert problems(b"\xef\xbb\xbfa: no\n") == [("E-YAML-AMBIGUOUS", 1, 4)]


@pytest.mark.parametrize("text", ['a: "\\ud800"\n', 'a: "\\UFFFFFFFF"\n', 'a: "\\q"\n'])
@pytest.mark.parametrize("make_parser", [C, PYTHON])
def test_escapes_that_stand_for_no_character_are_refused(text: str, make_parser: Any) -> None:
    (problem,) = loader.load(text.encode(), "f.yaml", make_parser).problems
    assert problem.code in ("E-YAML-SYNTAX", "E-YAML-ENCODING")


def test_a_duplicate_key_shows_both_places() -> None:
    (problem,) = loader.load(b"a: 1\nb: 2\na: 3\n", "f.yaml").problems
    assert problem.related == (("first here", ("f.yaml", 1, 1, 1)),)


def test_anchors_and_documents() -> None:
    loaded = loader.load(b"a: &x {b: [1]}\nc: *x\n---\n---\n- &y z\n- *y\n...\n", "f.yaml")
    assert loaded.problems == ()
    assert [(d.number, d.data) for d in loaded.documents] == [(0, {"a": {"b": [1]}, "c": {"b": [1]}}), (2, ["z", "z"])]


def test_a_document_that_lost_a_part_says_so() -> None:
    loaded = loader.load(b"<<: {a: 1}\nb: 2\n---\nc: 3\n", "f.yaml")
    assert [(d.data, d.whole) for d in loaded.documents] == [({"b": 2}, False), ({"c": 3}, True)]


def test_an_ambiguous_secret_is_not_repeated() -> None:
    loaded = loader.load(b"accessKey: 0123\nnested: {clientSecret: [1_000], token: {7: 8}}\n", "f.yaml")
    assert [problem.code for problem in loaded.problems] == ["E-SECRET", "E-SECRET", "E-YAML-KEY"]
    assert not any(
        secret in f"{problem.message}{problem.hint}" for problem in loaded.problems for secret in ("0123", "1_000")
    )
    assert "7" not in loaded.problems[2].message


# -- limits ------------------------------------------------------------------------------------------------------------


def _laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


BOMBS = {
    "9^8 aliases": _laughs(8, 9),
    "100,000 brackets": "a: " + "[" * 100_000,
    "100,000 braces": "a: " + "{" * 100_000,
    "100,000 dashes": "- " * 100_000,
    "100,000 question marks": "? " * 100_000,
    "deep by aliases": "".join(f"a{n}: &a{n} {'[' * 30}{f'*a{n - 1}' if n else 'x'}{']' * 30}\n" for n in range(5)),
    "10 MB": "a: " + "x" * 10_000_000,
    "250,000 values": "[" + "1," * 250_000 + "1]",
    "101 aliases": "- &a x\n" + "- *a\n" * 101,
    "500,000 tags": "!a " * 300_000,
    "1 MB of colons": ":" * 1_000_000,
    "1 MB of quotes": "'" * 1_000_001,
    "keys that clash": "a: 1\n" * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    loaded = loader.load(BOMBS[name].encode(), "f.yaml")
    assert loaded.problems and len(loaded.problems) <= builder.MAX_PROBLEMS
    assert not loaded.readable


def test_every_answer_is_given_at_once(tmp_path: Path) -> None:
    """CPU time in a process of its own: what measures coverage here would be measured as well."""
    large = {"1 MB scalar": "a: " + "x" * 1_000_000, "95,000 keys": "\n".join(f"k{n}: 1" for n in range(95_000))}
    for number, text in enumerate({**BOMBS, **large}.values()):
        (tmp_path / f"{number}.yaml").write_bytes(text.encode())
    code = (
        "import sys, time, pathlib; from reconciler.config import loader\n"
        "for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    data, start = file.read_bytes(), time.process_time()\n"
        "    loader.load(data, 'f.yaml')\n"
        "    print(time.process_time() - start)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert max(map(float, done.stdout.split())) < 1


def test_a_hundred_thousand_keys_pass_the_limit_of_values() -> None:
    text = "\n".join(f"k{n}:" for n in range(110_000))
    assert problems(text)[0][0] == "E-YAML-LIMIT"


def test_a_bomb_takes_no_memory() -> None:
    tracemalloc.start()
    loader.load(BOMBS["9^8 aliases"].encode(), "f.yaml")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_the_limits_themselves_are_allowed() -> None:
    assert one("[" * 64 + "]" * 64)
    assert problems("[" * 65 + "]" * 65) == [("E-YAML-LIMIT", 1, 65)]
    assert one("- &a x\n" + "- *a\n" * 100)
    assert len(one("[" + "1," * 199_998 + "1]")) == 199_999
    assert source.decode(b"a" * source.MAX_FILE_BYTES) == "a" * source.MAX_FILE_BYTES


def test_aliases_count_with_what_they_stand_for() -> None:
    list_of_3000 = "a: &a [" + "1," * 3000 + "]\n"
    assert problems(list_of_3000 + "b: [" + "*a," * 80 + "]\n")[0][0] == "E-YAML-LIMIT"
    assert len(one(list_of_3000 + "b: [" + "*a," * 60 + "]\n")["b"]) == 60


# -- properties --------------------------------------------------------------------------------------------------------


def check(loaded: Loaded) -> None:
    for problem in loaded.problems:
        assert problem.position is not None and problem.position.line >= 1 and problem.position.column >= 1
        assert problem.code.startswith(("E-YAML-", "E-SECRET"))
    assert loaded.readable or loaded.problems


YAML_TEXT = st.text(
    st.sampled_from("ab: -[]{},&*!|>'\"%@`#?\n\t\\~<=0123456789.eE+_xuU\r\x00\x85\u2028\ud7ff😀é"), max_size=60
)


@given(st.binary(max_size=200))
def test_no_foreign_exception_on_bytes(data: bytes) -> None:
    check(loader.load(data, "f.yaml"))


@settings(max_examples=400)
@given(YAML_TEXT)
@example('"\\UFFFFFFFF"')
@example("? - a\n  - &b [*b]\n: {<<: 1}")
def test_no_foreign_exception_on_text(text: str) -> None:
    check(loader.load(text.encode(), "f.yaml"))
    check(loader.load(text.encode(), "f.yaml", PYTHON))
    loader.places(text.encode(), "f.yaml").value(0, ("a", 1))


# Characters that YAML does not allow unescaped are escaped by any JSON writer that is asked to write ASCII.
JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**60), max_value=10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(JSON_TEXT, inner, max_size=5),
    max_leaves=20,
)


def as_json(value: object, indent: int | None = None) -> str:
    """JSON that YAML can read: characters that YAML does not show are escaped, and those beyond the basic plane are not, because
    JSON escapes them as two halves.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(c if ord(c) < 0x7F or ord(c) > 0xFFFF else f"\\u{ord(c):04x}" for c in text)


@given(JSON_VALUE, st.sampled_from([None, 0, 2]))
def test_every_json_document_means_the_same(value: object, indent: int | None) -> None:
    loaded = loader.load(as_json(value, indent).encode(), "f.json")
    assert loaded.problems == ()
    data = loaded.documents[0].data if loaded.documents else None
    assert json.dumps(data) == json.dumps(json.loads(json.dumps(value)))


@given(st.dictionaries(JSON_TEXT.filter(str.isprintable), JSON_VALUE, min_size=1, max_size=6))
def test_positions_point_at_what_they_name(value: dict[str, object]) -> None:
    text = as_json(value)
    places = loader.places(text.encode(), "f.json")
    for key, inner in value.items():
        position = places.key(0, (key,))
        assert text[position.column - 1 :].startswith('"')
        written = text[position.column - 1 : position.column - 1 + position.length]
        assert json.loads(written) == key
        at = places.value(0, (key,))
        assert json.dumps(json.loads(text[at.column - 1 : at.column - 1 + at.length])) == json.dumps(inner)
