"""Draws `docs/images/demo.svg` from what `reconcile demo` prints, or with `--check` says that it is out of date.

Moments are replaced by fixed ones, so that equal output gives an equal picture.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGE = ROOT / "docs" / "images" / "demo.svg"
SHOWN = ("plan", "sync acme-profile", "sync companies", "sync acme-community", "status")
"""Commands of the demo that are drawn, each once: the first time that it is typed."""

LEFT_OUT = ("  document ", "  connection ", "  time ")
"""Lines of a run that the picture does without."""

NEXT_DUE = {
    "partners-profile": "2026-11-24 05:00:00Z",
    "companies": "2026-11-23 10:00:00Z",
    "acme-community": "2026-11-24 00:00:00Z",
    "acme-partners": "2026-11-24 00:00:00Z",
}
"""Of the document that runs by cron, of the one that runs every hour, and of the imports, which run once a day; the others
run every four hours."""

FONT_SIZE = 12
CHARACTER = 7.23
LINE = 17
COLOURS = {"+": "#7ee787", "●": "#7ee787", "◐": "#e3b341", "$": "#79c0ff"}
"""Colour of a line by the first character that is not a space: those that a terminal shows, or near to them."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit with 1 when it is out of date")
    check = arguments.parse_args().check
    picture = draw(list(excerpt(told())))
    if IMAGE.is_file() and _blank(IMAGE.read_text("utf-8")) == _blank(picture):
        return 0
    print(f"{'out of date' if check else 'wrote'}: {IMAGE.relative_to(ROOT)}")
    if not check:
        IMAGE.parent.mkdir(parents=True, exist_ok=True)
        IMAGE.write_text(picture, "utf-8")
    return int(check)


def _blank(picture: str) -> str:
    """The picture without its digits: whom the demo erases is a race between writers, so a count may differ by one."""
    return re.sub(r"\d", "0", picture)


def told() -> str:
    """All that the demo prints."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "reconciler", "demo", "--folder", str(Path(folder) / "demo")]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return done.stdout


def excerpt(text: str) -> Iterator[str]:
    """The lines that are drawn, with fixed moments. Raises SystemExit when the demo no longer has one of the commands."""
    parts = {}
    for part in re.split(r"^# \d+\. .*\n(?=\$ reconcile )", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        parts.setdefault(command.removeprefix("$ reconcile "), output.strip().splitlines())
    for name in SHOWN:
        if name not in parts:
            sys.exit(f"the demo does not run `reconcile {name}`")
        yield f"$ reconcile {name}"
        yield from (fixed(line) for line in parts[name] if not line.startswith(LEFT_OUT))
        yield ""


def fixed(line: str) -> str:
    """The line with fixed moments: since, last run if there was one, next due."""
    due = next((due for name, due in NEXT_DUE.items() if name in line), "2026-11-23 12:00:00Z")
    past = ["2026-11-23 09:00:00Z"] * (1 if "Z  -  " in line else 2)
    moments = iter((*past, due))
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", lambda _: next(moments), line)


def draw(lines: list[str]) -> str:
    """An SVG of a dark terminal with these lines."""
    while lines and not lines[-1]:
        lines.pop()
    width = round(max(map(len, lines)) * CHARACTER) + 32
    height = len(lines) * LINE + 32
    rows = "\n".join(_row(number, line) for number, line in enumerate(lines) if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="Output of reconcile plan, sync and status">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n'
        f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="{FONT_SIZE}" '
        'fill="#c9d1d9" xml:space="preserve">\n'
        f"{rows}\n</g>\n</svg>\n"
    )


def _row(number: int, line: str) -> str:
    colour = COLOURS.get(line.lstrip()[0])
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="16" y="{number * LINE + 28}"{fill}>{escape(line, quote=False)}</text>'


if __name__ == "__main__":
    sys.exit(main())
