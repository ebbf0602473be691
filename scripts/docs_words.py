"""Sections of the reference that list words and codes: exit codes, statuses, reasons, columns, fitting types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from reconciler import errors
from reconciler.cli.commands import help_text
from reconciler.cli.story import SECRETS
from reconciler.config.rules.mappings import FITS
from reconciler.model.catalog import DataType
from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING, SYNC, DocumentId
from reconciler.model.outcome import ADVICE, SKIPS, Outcome, Reason, ValueStatus, status_word
from reconciler.model.run import RunResult
from reconciler.model.status import Status
from reconciler.records.template import FILTERS
from reconciler.report import activity, csv, matches, records


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def exit_codes() -> str:
    """The codes with the words of `reconcile --help`, and the errors that end with each."""
    told = help_text().partition("Exit codes:")[2]
    meanings = {int(number): " ".join(words.split()) for number, words in re.findall(r"(\d+) ([^,.]+)", told)}
    by_code: dict[int, list[str]] = {number: [] for number in meanings}
    for error in _errors(errors.ReconcileError):
        by_code[error.exit_code].append(_first_sentence(error))
    rows = [(code(str(number)), meanings[number], "<br>".join(by_code[number])) for number in sorted(meanings)]
    return table(("code", "meaning", "errors that end with it"), rows)


def _errors(error: type[errors.ReconcileError]) -> Iterator[type[errors.ReconcileError]]:
    yield error
    for narrower in error.__subclasses__():
        yield from _errors(narrower)


def _first_sentence(error: type[errors.ReconcileError]) -> str:
    return (error.__doc__ or "").strip().partition("\n")[0]


def template_filters() -> str:
    return table(("filter", "what it makes"), [(code(name), words) for name, words in FILTERS.items()])


def statuses() -> str:
    return table(("status", "colour"), [(status.value, status.colour) for status in Status])


def outcomes() -> str:
    return ", ".join(code(outcome.value) for outcome in Outcome)


def results() -> str:
    return ", ".join(code(result.value) for result in RunResult)


def rejected() -> str:
    rows = [
        (code(reason.value), code(status_word(reason).value), ADVICE[reason])
        for reason in Reason
        if reason not in SKIPS
    ]
    return table(("reason", "word in the export", "advice"), rows)


def skipped() -> str:
    rows = [(code(reason.value), ADVICE[reason]) for reason in Reason if reason in SKIPS]
    return table(("reason", "what it means"), rows)


def columns() -> str:
    of_values, of_records = DocumentId(PROFILE_FIELD_MAPPING, ""), DocumentId(SYNC, "")
    of_imports = DocumentId(COMMUNITY_IMPORT, "")
    heads: Sequence[tuple[str, Sequence[str]]] = (
        (code("reconcile export"), csv.EXPORT_HEAD),
        (f"{code('reconcile export NAME')} of a Sync", csv.RECORD_HEAD),
        (code("reconcile records NAME --output csv"), records.csv_head(of_values)),
        (f"{code('reconcile records NAME --output csv')} of a Sync", records.csv_head(of_records)),
        (f"{code('reconcile records NAME --output csv')} of an import", records.csv_head(of_imports)),
        (f"{code('reconcile records NAME --outcome OUTCOME --output csv')} of an import", matches.CSV_HEAD),
        (code("reconcile activity --output csv"), activity.CSV_HEAD),
    )
    return table(("command", "columns"), [(name, ", ".join(map(code, head))) for name, head in heads])


def value_words() -> str:
    return ", ".join(code(word.value) for word in ValueStatus)


def fitting_types() -> str:
    """Lookups are left out: no rule lets them through, whatever the type."""
    rows = [
        (code(kind.value), ", ".join(code(data.value) for data in sorted(FITS[kind] - {DataType.LOOKUP})))
        for kind in FITS
    ]
    return table(("type of the profile field", "data types of attributes that fit"), rows)


def sandbox_secrets() -> str:
    return table(("variable", "value for the sandbox"), [(code(name), code(value)) for name, value in SECRETS.items()])


SECTIONS: Mapping[str, Callable[[], str]] = {
    "exit-codes": exit_codes,
    "template-filters": template_filters,
    "statuses": statuses,
    "outcomes": outcomes,
    "results": results,
    "rejected": rejected,
    "skipped": skipped,
    "columns": columns,
    "value-words": value_words,
    "fitting-types": fitting_types,
    "sandbox-secrets": sandbox_secrets,
}
