"""Findings about configuration → JUnit XML, as GitLab and Jenkins read it: a test for each finding and each clean file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.report.text import visible

SUITE = "reconcile validate"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(diagnostics: Sequence[Diagnostic], *, files: Sequence[str], strict: bool = False, prefix: str = "") -> str:
    """A finding is a failed test of its file; a file without one is a passed test.

    Warnings pass, and say so in their output, unless `strict`: JUnit knows no third way. `prefix` leads from the repository's
    root to the config root. Nothing is timed, because the times would be the only thing that differs between two runs.
    """
    affected = {diagnostic.position.file for diagnostic in diagnostics if diagnostic.position}
    cases = [_finding(diagnostic, prefix, strict) for diagnostic in diagnostics]
    cases += [_case(prefix + file, "valid") for file in sorted(set(files) - affected)]
    failures = sum(case.find("failure") is not None for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "time": "0"}
    suites = Element("testsuites", {"name": SUITE, **counts})
    suite = SubElement(suites, "testsuite", {"name": SUITE, **counts, "skipped": "0"})
    suite.extend(cases)
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _finding(diagnostic: Diagnostic, prefix: str, strict: bool) -> Element:
    place = diagnostic.position
    where = f"{place.line}:{place.column} " if place else ""
    case = _case(prefix + place.file if place else "", f"{where}{diagnostic.code} {diagnostic.message}")
    if strict or diagnostic.severity is Severity.ERROR:
        words = {"type": diagnostic.code, "message": _clean(diagnostic.message)}
        SubElement(case, "failure", words).text = "\n".join(_lines(diagnostic, prefix))
    else:
        SubElement(case, "system-out").text = "\n".join(_lines(diagnostic, prefix))
    return case


def _case(file: str, name: str) -> Element:
    """GitLab tells tests apart by class and name, and links `file`."""
    attributes = {"classname": _clean(file) or SUITE, "name": _clean(name), "time": "0"}
    return Element("testcase", {**attributes, "file": _clean(file)} if file else attributes)


def _lines(diagnostic: Diagnostic, prefix: str) -> Iterator[str]:
    yield f"{diagnostic.severity.value}[{diagnostic.code}] {_clean(diagnostic.message)}"
    if diagnostic.position:
        yield f"at {_clean(f'{prefix}{diagnostic.position}')}"
    if diagnostic.hint:
        yield f"hint: {_clean(diagnostic.hint)}"
    for words, place in diagnostic.related:
        yield f"{_clean(words)}: {_clean(f'{prefix}{place}')}"
    yield f"help: reconcile explain {diagnostic.code}"


def _clean(text: str) -> str:
    """Visible, and without the few characters that XML cannot hold at all."""
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), visible(text))
