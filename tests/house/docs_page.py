"""A page of the documentation, read for the parts that a reader would type.

    ```console            commands (`$ …`, continued after a backslash), then what they print; `...` stands for the rest of
    $ reconcile plan      a line, or alone on a line for any lines; `[exit N]` is the exit code when it is not 0.
    ...                   A command without output below it may print anything.
    ```
    ```yaml               with the first line `# file: PATH`: the block is that file.
    ```text               and every other language: not run.

Comments before the first block ask for what the page needs:
`<!-- sandbox: people=200 seed=3 -->` a sandbox of that size, `<!-- example: NAME -->` the example of examples/NAME to begin
with (`none`: an empty folder).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,})(?P<language>[\w-]*)[^`]*$")
SETTING = re.compile(r"<!--\s*(?P<name>sandbox|example):(?P<value>.*?)-->", re.DOTALL)
FILE = re.compile(r"^# file: (?P<path>\S+)\s*$")
EXIT = re.compile(r"^\[exit (?P<code>\d+)\]$")


class PageError(Exception):
    """A page that cannot be understood, or that does not tell the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    line: int
    text: str
    output: tuple[str, ...]
    exit_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    line: int
    path: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`sandbox` is None when the page asks for none; `example` is None when it does not say."""

    steps: tuple[Command | File, ...]
    sandbox: dict[str, int] | None = None
    example: str | None = None


def parse(text: str) -> Page:
    """Read a page. Raises PageError with a line number for a block or comment that cannot be understood."""
    lines = text.splitlines()
    steps: list[Command | File] = []
    first_block = len(lines) + 1
    for start, language, content in _blocks(lines):
        first_block = min(first_block, start)
        if language == "console":
            steps += _commands(start + 1, content)
        elif language == "yaml" and content and (found := FILE.match(content[0])):
            steps.append(File(line=start, path=found["path"], content="\n".join(content) + "\n"))
    settings = {
        found["name"]: found["value"].strip() for found in SETTING.finditer("\n".join(lines[: first_block - 1]))
    }
    sandbox = settings.get("sandbox")
    return Page(
        steps=tuple(steps),
        sandbox=None if sandbox is None else _sizes(sandbox),
        example=settings.get("example"),
    )


def matches(expected: tuple[str, ...], actual: list[str]) -> bool:
    """Whether the output is as shown: line by line, `...` within a line for anything, alone for any lines."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += "[^\n]*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in actual)) is not None


def _blocks(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Each fenced block: the number of the line of its fence, its language, its lines without the fence's indentation."""
    numbered = enumerate(lines, 1)
    for start, line in numbered:
        if not (fence := FENCE.match(line)):
            continue
        content = []
        for _, inner in numbered:
            if inner.strip() == fence["mark"]:
                break
            content.append(inner.removeprefix(fence["indent"]))
        else:
            raise PageError(f"line {start}: the block is not closed")
        yield start, fence["language"], content


def _commands(first: int, content: list[str]) -> list[Command]:
    found: list[Command] = []
    lines = iter(enumerate(content, first))
    for number, line in lines:
        if line.startswith("$ "):
            text = line[2:]
            while text.endswith("\\"):
                text += "\n" + next(lines, (number, ""))[1].removeprefix("> ")
            found.append(Command(line=number, text=text, output=()))
        elif found:
            found[-1] = _with_output(found[-1], line.rstrip())
        elif line.strip():
            raise PageError(f"line {number}: a console block begins with a command: `$ …`")
    return [_without_blank_end(command) for command in found]


def _with_output(command: Command, line: str) -> Command:
    exit_code = command.exit_code
    output = command.output
    if found := EXIT.match(line):
        exit_code = int(found["code"])
    else:
        output = (*output, line)
    return Command(line=command.line, text=command.text, output=output, exit_code=exit_code)


def _without_blank_end(command: Command) -> Command:
    """A blank line between two commands is for the eye."""
    output = list(command.output)
    while output and not output[-1]:
        output.pop()
    return Command(line=command.line, text=command.text, output=tuple(output), exit_code=command.exit_code)


def _sizes(text: str) -> dict[str, int]:
    found = {}
    for word in text.split():
        name, separator, value = word.partition("=")
        if not separator or not value.isdecimal():
            raise PageError(f"sandbox: expected name=number, found {word!r}")
        found[name] = int(value)
    return found
