"""What stands in the comment on a pull request: the plan, or why there is none, and what it was made from."""

from __future__ import annotations

import re

INVALID = """\
### reconcile plan: not made

The configuration has errors: `reconcile validate` shows them.
"""

NOTHING_TO_COMPARE_WITH = """\
### reconcile plan: not made

The configuration is valid, but the one of the base branch has errors, so there is nothing to compare with.
"""

NEW_PROJECT = "The base branch has no such project: everything is new."

_LINK = re.compile(r"https?://[\w.\-:/%\[\]]+")


def marker(project: str) -> str:
    """What our comment begins with. Nobody sees it; a repository with several projects has a comment for each."""
    return f"<!-- reconcile plan of {project} -->"


def comment(text: str, *, note: str = "", commit: str = "", job: str = "") -> str:
    """The Markdown of a plan with a note below it, the commit that it speaks of, and the job that has all of it."""
    parts = [f"commit `{commit[:12]}`"] if re.fullmatch("[0-9a-f]{7,64}", commit) else []
    if _LINK.fullmatch(job):
        parts.append(f"[the job, with the whole plan]({job})")
    notes = [note] if note else []
    footer = [f"<sub>{' · '.join(parts)}</sub>"] if parts else []
    return "\n\n".join([text.rstrip("\n"), *notes, *footer]) + "\n"
