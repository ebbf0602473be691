"""The table of commands, and the help that is made of it. Imports nothing, so that help is instant."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command: where its click command lives, and its line in the help."""

    module: str
    help: str


GROUPS: dict[str, dict[str, Entry]] = {
    "Change": {
        "init": Entry("reconciler.cli.init", "Start a project: reconcile.yaml and example documents."),
        "validate": Entry("reconciler.cli.validate", "Check every document, offline. All errors at once."),
        "plan": Entry("reconciler.cli.plan", "Show what apply would change."),
        "apply": Entry("reconciler.cli.apply", "Record the declared documents, so that cycles use them."),
        "ci": Entry("reconciler.cli.ci", "For jobs that check pull requests: comment."),
    },
    "Run": {
        "run": Entry("reconciler.cli.run", "Work until stopped: follow the configuration, run what is due."),
        "sync": Entry("reconciler.cli.sync", "Run one cycle of a document now."),
        "approve": Entry("reconciler.cli.approve", "Approve what the loop waits with."),
        "suspend": Entry("reconciler.cli.suspend", "Let no cycle of a document start."),
        "resume": Entry("reconciler.cli.resume", "Let them start again."),
        "health": Entry("reconciler.cli.health", "Ask a running loop whether it is alive."),
    },
    "Look": {
        "status": Entry("reconciler.cli.status", "Status of every document and mapping."),
        "activity": Entry("reconciler.cli.activity", "The log of cycles, searchable."),
        "records": Entry("reconciler.cli.records", "Values that could not be written, with reason and advice."),
        "export": Entry("reconciler.cli.export", "The synced data as CSV."),
    },
    "Systems": {
        "catalog": Entry("reconciler.cli.catalog", "Pin remote metadata in the repository: pull, diff."),
        "connections": Entry("reconciler.cli.connections", "Prove that connections work: test."),
        "state": Entry("reconciler.cli.state", "The state file: show, rebuild."),
        "doctor": Entry("reconciler.cli.doctor", "Check project, secrets, database, connections and clock."),
    },
    "Learn": {
        "explain": Entry("reconciler.cli.explain", "What an error code, a kind or a key means."),
        "schema": Entry("reconciler.cli.schema", "JSON Schemas for editors and CI."),
        "sandbox": Entry("reconciler.cli.sandbox", "Local servers that speak the Gainsight APIs."),
        "demo": Entry("reconciler.cli.demo", "The whole story in a minute, without an account."),
    },
}

COMMANDS: dict[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}

SUBCOMMANDS = ("pull", "diff", "test", "show", "rebuild", "comment")


def help_text() -> str:
    """What `reconcile --help` prints."""
    lines = [
        "Usage: reconcile COMMAND [OPTIONS] [ARGS]...",
        "",
        "  Mappings in YAML, reviewed in git, planned, applied and kept in sync.",
        "",
        "  reconcile demo                      the whole story in a minute, no account needed",
        "  reconcile validate                  check the documents of this folder's project",
        "  reconcile plan && reconcile apply   see, then record what changes",
        "  reconcile sync acme-profile         run one cycle",
    ]
    for title, entries in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:<12} {entry.help}" for name, entry in entries.items())]
    lines += [
        "",
        "Options of every command:",
        "  --project PATH  Project file or its folder; default: found upwards from here.",
        "  --no-color      No colours (also NO_COLOR, TERM=dumb, or no terminal).",
        "  --debug         Show the traceback of an error.",
        "  --version       Show the version.",
        "  --help          Show help; also after a command.",
        "",
        "Exit codes: 0 ok, 1 failed, 2 changes present (--detailed-exitcode), 3 partial, 4 safety stop,",
        "  5 locked or stale plan, 6 authentication, 64 usage, 70 internal bug, 130 interrupted.",
    ]
    return "\n".join(lines)
