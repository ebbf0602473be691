"""Rules that the loader keeps: what may stand in a YAML file at all."""

from __future__ import annotations

from reconciler.config.rules import examples
from reconciler.config.rules.base import Example, Rule


def _domain(text: str) -> Example:
    """The CS connection with another text in the place of its domain line."""
    return Example(text=examples.CS.replace("  domain: acme.gainsightcloud.com\n", text))


def _labels(text: str) -> Example:
    return Example(text=examples.CS.replace("{name: acme-cs}", f"{{name: acme-cs, labels: {text}}}"))


_GOOD = Example(text=examples.CS)

RULES = (
    Rule(
        code="E-YAML-SYNTAX",
        title="the file is not YAML",
        why="A file that cannot be read hides everything that stands in it, so nothing is applied before it is mended.",
        fix="Mend the place that is shown: an unclosed bracket or quote, a wrong indentation, a tab, a missing space.",
        bad=_domain("  domain: [acme\n"),
        good=_GOOD,
    ),
    Rule(
        code="E-YAML-ENCODING",
        title="the file is not plain UTF-8 text",
        why="Files are UTF-8. Control characters, line separators of other systems and halves of characters look like "
        "nothing and mean different things to different programs.",
        fix="Save the file as UTF-8, and write unusual characters as escapes in double quotes.",
        bad=_labels('{team: "a\x07"}'),
        good=_labels('{team: "a\\u0007"}'),
    ),
    Rule(
        code="E-YAML-LIMIT",
        title="the file is larger or deeper than a configuration file can reasonably be",
        why="A few bytes of YAML can stand for gigabytes. A file has at most 1 MiB, 64 levels, 200,000 values (aliases "
        "counted as often as they are used) and 100 aliases.",
        fix="Split the file, or write it flatter.",
        bad=_labels("[" * 70 + "]" * 70),
        good=_labels("{team: success}"),
    ),
    Rule(
        code="E-YAML-AMBIGUOUS",
        title="an unquoted value that versions of YAML read differently",
        why="YAML 1.1 reads NO as false, 4:00 as 240 and 012 as 10; YAML 1.2 does not. Your editor, your CI and this "
        "program must not disagree about what was reviewed, so nobody guesses.",
        fix="Quote the value if it is text; write true, false or the plain number if that is meant.",
        bad=_labels("{country: NO}"),
        good=_labels('{country: "NO"}'),
    ),
    Rule(
        code="E-YAML-DUPLICATE",
        title="a key stands twice in one mapping",
        why="Most YAML readers silently keep the last of the two, and a review sees the first.",
        fix="Keep one of the two.",
        bad=_labels("{team: success, team: support}"),
        good=_labels("{team: success, area: support}"),
    ),
    Rule(
        code="E-YAML-KEY",
        title="a key that is not text",
        why="Keys are text here. Programs disagree about numbers, true, null, lists, mappings and aliases as keys.",
        fix="Quote the key.",
        bad=_labels('{1: "one"}'),
        good=_labels('{"1": "one"}'),
    ),
    Rule(
        code="E-YAML-MERGE",
        title="a merge key",
        why="`<<` is not part of YAML 1.2, and what it means depends on the program that reads it.",
        fix="Write the keys out. An alias for a whole value is fine.",
        bad=_labels("{<<: {team: success}}"),
        good=_labels("{team: success}"),
    ),
    Rule(
        code="E-YAML-TAG",
        title="an explicit tag",
        why="Tags such as !!str or !env tell a program how to build a value; here every value says itself what it is.",
        fix="Remove the tag, and quote the value if it is text.",
        bad=_labels("{team: !!str success}"),
        good=_labels("{team: success}"),
    ),
    Rule(
        code="E-YAML-ALIAS",
        title="an alias that stands for nothing",
        why="An alias repeats a value that an anchor marked before, in the same document. It cannot contain itself.",
        fix="Correct the name of the alias, or write the value out.",
        bad=_labels("{team: *success}"),
        good=_labels("{team: &name success, area: *name}"),
    ),
    Rule(
        code="E-YAML-NUMBER",
        title="a number with too many digits",
        why="No setting needs more than 64 digits; converting thousands of them only costs time.",
        fix="Quote it if it is text.",
        bad=_labels("{id: " + "9" * 65 + "}"),
        good=_labels('{id: "' + "9" * 65 + '"}'),
    ),
)
