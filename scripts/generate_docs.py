"""Writes what the documentation repeats of the code, or with `--check` says what is out of date.

Sections stand between `<!-- generated: NAME -->` and `<!-- end -->` in pages below `docs/reference/`; the pages of
`docs/reference/rules/` are generated as a whole. Equal code gives equal text.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import docs_commands
import docs_events
import docs_keys
import docs_objects
import docs_words

from reconciler.config.rules import pages as rules

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
RULES = REFERENCE / "rules"
SECTIONS = {
    **docs_words.SECTIONS,
    **docs_keys.SECTIONS,
    **docs_commands.SECTIONS,
    **docs_events.SECTIONS,
    **docs_objects.SECTIONS,
}
"""Name of a section → what makes its text."""

SECTION = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a page is out of date")
    check = arguments.parse_args().check
    wanted = dict(generated())
    stale = sorted(path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text)
    surplus = sorted(set(RULES.glob("*.md")) - wanted.keys())
    for path in (*stale, *surplus):
        print(f"{'out of date' if check else 'wrote' if path in wanted else 'removed'}: {path.relative_to(ROOT)}")
    if not check:
        RULES.mkdir(parents=True, exist_ok=True)
        for path in stale:
            path.write_text(wanted[path], "utf-8")
        for path in surplus:
            path.unlink()
    return 1 if check and (stale or surplus) else 0


def generated() -> Iterator[tuple[Path, str]]:
    """Every page that has something generated, with the content that it must have. Each section stands exactly once."""
    used: list[str] = []
    for path in sorted(REFERENCE.glob("*.md")):
        text = path.read_text("utf-8")
        names = [found["name"] for found in SECTION.finditer(text)]
        if names:
            used += names
            yield (
                path,
                SECTION.sub(lambda found: f"{found[1]}\n{SECTIONS[found['name']]().strip()}\n\n{found[3]}", text),
            )
    if sorted(used) != sorted(SECTIONS):
        sys.exit(f"sections of the pages: {sorted(used)}; of this script: {sorted(SECTIONS)}")
    for name, text in rules.pages().items():
        yield RULES / name, text


if __name__ == "__main__":
    sys.exit(main())
