"""The harness of test_docs_commands: a page that does not tell the truth fails."""

from __future__ import annotations

import re
import textwrap
import time
from pathlib import Path

import pytest

from tests.house.docs_page import Command, File, PageError, matches, parse
from tests.house.docs_run import CC_URL, CS_URL, LOOP, Desk, run_page


def console(*lines: str) -> str:
    return "\n".join(["<!-- example: none -->", "", "```console", *lines, "```", ""])


def carry_out(text: str, folder: Path) -> None:
    run_page(parse(text), folder)


def test_a_page_is_read_in_order_with_line_numbers() -> None:
    page = parse(
        textwrap.dedent("""\
        <!-- sandbox: people=200 seed=3 -->
        <!-- example: first -->
        # Title

        ```yaml
        # file: a/b.yaml
        x: 1
        ```
        ```yaml
        not: a file
        ```
        ```text
        $ not-run
        ```
        1. A list:

           ```console
           $ one \\
           > two
           printed

           $ three
           [exit 4]
           ```
        """)
    )
    assert page.sandbox == {"people": 200, "seed": 3}
    assert page.example == "first"
    assert page.steps == (
        File(line=5, path="a/b.yaml", content="# file: a/b.yaml\nx: 1\n"),
        Command(line=18, text="one \\\ntwo", output=("printed",)),
        Command(line=22, text="three", output=(), exit_code=4),
    )


def test_a_page_asks_for_nothing_by_default() -> None:
    page = parse("# Title\n")
    assert (page.steps, page.sandbox, page.example) == ((), None, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ true\n", "line 1: the block is not closed"),
        ("```console\nprinted\n```\n", "line 2: a console block begins with a command"),
        ("<!-- sandbox: many -->\n", "expected name=number, found 'many'"),
        ("<!-- sandbox: people=many -->\n", "expected name=number"),
    ],
)
def test_a_page_that_cannot_be_understood_is_an_error(text: str, complaint: str) -> None:
    with pytest.raises(PageError, match=re.escape(complaint)):
        parse(text)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
        (["run ... took ... s"], ["run 7 took 0.1 s"], True),
        (["run ... took ... s"], ["run 7 took 0.1 h"], False),
        (["a", "...", "z"], ["a", "z"], True),
        (["a", "...", "z"], ["a", "b", "c", "z"], True),
        (["a", "...", "z"], ["a", "b", "c"], False),
        (["a...z"], ["a", "z"], False),
        (["a.c (x)"], ["abc x"], False),
        (["..."], [], True),
    ],
)
def test_dots_stand_for_what_is_left_out(expected: list[str], actual: list[str], same: bool) -> None:
    assert matches(tuple(expected), actual) is same


def test_a_true_page_passes(tmp_path: Path) -> None:
    carry_out(console("$ echo hello; echo world >&2", "hello", "world", "$ exit 3", "[exit 3]"), tmp_path)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["$ echo hello", "goodbye"], "line 4: `echo hello` prints something else"),
        (["$ true", "$ false"], "line 5: `false` exits 1, the page says 0"),
        (["$ true", "[exit 2]"], "exits 0, the page says 2"),
        (["$ there-is-no-such-command"], "exits 127"),
        (["$ cat", "waiting for input"], "prints something else"),
    ],
)
def test_a_false_page_fails(lines: list[str], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(PageError, match=re.escape(complaint)):
        carry_out(console(*lines), tmp_path)


def test_folder_and_variables_stay_for_the_next_command(tmp_path: Path) -> None:
    carry_out(
        console("$ mkdir 'a b' && cd 'a b'", "$ export NAME='x y'", '$ basename "$PWD"; echo "$NAME"', "a b", "x y"),
        tmp_path,
    )


def test_what_runs_in_the_background_goes_on_for_the_next_commands(tmp_path: Path) -> None:
    background = "$ (trap 'echo stopped; exit 0' TERM; echo started; while :; do sleep 0.01; done) > log.txt &"
    carry_out(
        console(
            background,
            "$ until grep -qs started log.txt; do sleep 0.01; done; echo seen",
            "seen",
            "$ kill %1; wait %1",
            "$ cat log.txt",
            "started",
            "stopped",
        ),
        tmp_path,
    )


def test_a_command_that_ends_the_shell_is_the_last_one(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="line 6: a command before it has ended the shell"):
        carry_out(console("$ exit 3", "[exit 3]", "$ true"), tmp_path)


def test_a_loop_listens_at_an_address_of_its_own(tmp_path: Path) -> None:
    carry_out(console(f"$ echo {LOOP}", LOOP, f"$ echo {LOOP} > address"), tmp_path)
    assert re.fullmatch(r"127\.0\.0\.1:(?!8080$)\d+", (tmp_path / "project" / "address").read_text().strip())


def test_a_yaml_block_becomes_a_file(tmp_path: Path) -> None:
    block = "<!-- example: none -->\n```yaml\n# file: configs/a.yaml\nx: 1\n```\n"
    carry_out(block + console("$ tail -n 1 configs/a.yaml", "x: 1"), tmp_path)


def test_a_file_outside_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="outside the project"):
        carry_out("<!-- example: none -->\n```yaml\n# file: ../a.yaml\nx: 1\n```\n", tmp_path)


def test_an_example_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"no examples/no-such/reconcile\.yaml"):
        carry_out("<!-- example: no-such -->\n```console\n$ true\n```\n", tmp_path)


def test_addresses_of_the_sandbox_are_exchanged_both_ways(tmp_path: Path) -> None:
    urls = {CS_URL: "http://127.0.0.1:5001", CC_URL: "http://127.0.0.1:5002"}
    desk = Desk(folder=tmp_path, private=tmp_path, urls=urls)
    text = f"from {CS_URL}/v1 to {CC_URL}"
    assert desk.real(text) == "from http://127.0.0.1:5001/v1 to http://127.0.0.1:5002"
    assert desk.shown(desk.real(text)) == text


def test_a_page_can_ask_for_a_sandbox(tmp_path: Path) -> None:
    page = textwrap.dedent(f"""\
        <!-- sandbox: people=5 -->
        <!-- example: none -->
        ```yaml
        # file: a.yaml
        baseUrl: {CS_URL}
        ```
        ```console
        $ grep -c "$SANDBOX_CS_URL" a.yaml
        1
        $ tail -n 1 a.yaml
        baseUrl: {CS_URL}
        $ echo "$RECONCILE_ALLOW_LOOPBACK $SANDBOX_ACCESS_KEY"
        1 sandbox-access-key
        $ python -c "import urllib.request as u; u.urlopen('{CC_URL}/_sandbox/no-such-page')" 2>&1 | tail -n 1
        urllib.error.HTTPError: HTTP Error 4...
        ```
        """)
    carry_out(page, tmp_path)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    carry_out(console("$ sleep 600 >/dev/null 2>&1 & echo $! >pid"), tmp_path)
    pid = int((tmp_path / "project" / "pid").read_text())
    deadline = time.monotonic() + 10
    while _alive(pid):  # a signal takes its moment
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
