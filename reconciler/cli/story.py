"""The demo: starts the sandbox, writes a project for it, and types the commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from reconciler import errors
from reconciler.cli.projects import write_project
from reconciler.cli.terminal import output_style

PARTIAL = 3
FOLDERS = "connections, mappings, models, syncs"
WAREHOUSE = "warehouse.db"
TOPICS = 60
MARKER = ".reconcile-demo"
"""Only the demo writes this file, and it replaces no folder that lacks it."""
SECRETS = {
    "RECONCILE_ALLOW_LOOPBACK": "1",
    "ACME_CS_KEY": "sandbox-access-key",
    "ACME_CC_ID": "sandbox-client",
    "ACME_PARTNERS_ID": "sandbox-client-2",
    "ACME_CC_SECRET": "sandbox-secret",
    "WAREHOUSE_URL": f"sqlite:///{WAREHOUSE}",
}
"""What the commands find in their environment. Only a sandbox has secrets that everybody knows."""


class Step(NamedTuple):
    """A command, why it is typed, and how it must end."""

    arguments: Sequence[str]
    why: str
    exit_code: int = 0


STEPS = (
    Step(
        ("validate",),
        "Check the documents, offline. One warning: nothing is pinned yet to check the attributes against.",
    ),
    Step(("catalog", "pull"), "Pin what the two systems have. From now on CI can check mappings without any secret."),
    Step(("plan",), "See what would change."),
    Step(("apply",), "Record it. Nothing has been sent yet."),
    Step(("sync", "acme-profile"), "One cycle: read people from CS, match them by e-mail, write what changed."),
    Step(("sync", "acme-profile"), "Again. Nothing changed in CS, so nothing is sent."),
    Step(("sync", "partners-profile"), "Another community, on its own schedule."),
    Step(
        ("sync", "acme-segments"),
        "One profile field does not exist in the community, and a user is being erased just now. Exit code 3: partial.",
        PARTIAL,
    ),
    Step(
        ("sync", "companies"),
        "Now the other way: rows of a warehouse become companies in CS. One row says nonsense; the others do not suffer.",
        PARTIAL,
    ),
    Step(
        ("sync", "companies"),
        "Again. Every value is compared and nothing is sent, not even the one that was refused: no call.",
        PARTIAL,
    ),
    Step(
        ("sync", "acme-community"),
        "The community itself comes into CS: members and what they wrote. No document asks for it, it is connected.",
    ),
    Step(("status",), "Greens, two yellows that say what to do, and an import that waits for its turn."),
    Step(("records", "acme-segments", "--limit", "5"), "Why was a value refused?"),
    Step(("records", "companies"), "And which row of the warehouse has to be corrected?"),
    Step(
        ("records", "acme-community", "--outcome", "unmatched"),
        "Members need not be customers. Whom does CS not know? One of these two looks like a customer: see the detail.",
    ),
    Step(("export", "acme-segments", "--out", "synced.csv"), "The synced data, as a spreadsheet."),
)
ERASED = "acme-segments"
"""The document during whose cycle a user is erased."""
IMPORTED = "acme-community"
"""The community that people join before it is imported, whom CS does not know by their address."""


def tell(folder: Path, *, people: int, keep: bool) -> None:
    """Run the demo in `folder`. Raises `errors.ReconcileError` when a step does not end as it should."""
    _make_room(folder)
    with _sandbox(people, keep, folder / WAREHOUSE) as urls:
        write_project(folder, ["sandbox", "warehouse"], {**urls, "folders": FOLDERS})
        known = _somebody(urls["cc_url"])
        click.echo(f"The project is in {folder}/. These are its documents, and the commands that you would type:\n")
        for number, step in enumerate(STEPS, 1):
            if step.arguments == ("sync", ERASED):
                _erase_somebody(urls["cc_url"])
            elif step.arguments == ("sync", IMPORTED):
                _let_people_join(urls["cc_url"], known)
            _type(step, number, folder)
        _show_csv(folder / "synced.csv")
        _farewell(folder, urls, keep)


def _make_room(folder: Path) -> None:
    """An earlier demo is replaced; anything else stays and is an error."""
    if folder.exists() and any(folder.iterdir()):
        foreign = not (folder / MARKER).is_file() or (folder / ".git").exists()
        if foreign:
            hint = "choose another one with --folder; nothing was changed"
            raise errors.UsageError(f"{folder} is there already and is no demo, or somebody works in it", hint=hint)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by `reconcile demo`, which replaces this folder the next time.\n")


@contextmanager
def _sandbox(people: int, keep: bool, warehouse: Path) -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own, which also makes the warehouse; yields its two addresses."""
    size = ["--people", str(people), "--topics", str(TOPICS)]
    command = [sys.executable, "-m", "reconciler", "sandbox", "--tidy", *size, "--warehouse", str(warehouse)]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        yield _addresses(process)
    except BaseException:
        keep = False
        raise
    finally:
        if keep:
            click.echo(f"\nThe sandbox is still up; end it with: kill {process.pid}")
        else:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def _addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = dict(re.findall(r"(cs|cc)=(\S+)", line))
    if found.keys() != {"cs", "cc"}:
        raise errors.ReconcileError("the sandbox did not start", hint="`reconcile sandbox` says why")
    return {"cs_url": found["cs"], "cc_url": found["cc"]}


def _type(step: Step, number: int, folder: Path) -> None:
    style = output_style()
    click.echo(style.dim(f"# {number}. {step.why}"))
    click.echo(style.bold("$ reconcile " + " ".join(step.arguments)))
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "reconciler", *step.arguments], cwd=folder, env={**os.environ, **SECRETS}, check=False
    )
    click.echo()
    if done.returncode != step.exit_code:
        raise errors.ReconcileError(
            f"`reconcile {' '.join(step.arguments)}` ended with {done.returncode} instead of {step.exit_code}",
            hint="this is a bug in the demo; please report what is printed above",
        )


def _erase_somebody(cc_url: str) -> None:
    """Arrange that one community user is erased while the next cycle writes."""
    fault = {"side": "cc", "method": "PUT", "path": "/profile_field/Products/", "skip": 10, "times": 1}
    _answer(f"{cc_url}/_sandbox/faults", {"faults": [{**fault, "action": {"erase_user": True}}]})


def _somebody(cc_url: str) -> str:
    """The name of a member who has an account in CS. Asked before anybody is erased, and taken from what every member has."""
    (member,) = _answer(f"{cc_url}/_sandbox/cc/1/members?limit=1")["members"]
    first, last, _ = member["username"].split(".", 2)
    return f"{first} {last}"


def _let_people_join(cc_url: str, known: str) -> None:
    """Two more members: one who is nobody's customer, and one who has an account in CS and registers with another address."""
    for joining in (
        {"username": "Robin", "email": "robin@fans.example"},
        {"username": known, "email": "me@home.example"},
    ):
        _answer(f"{cc_url}/_sandbox/cc/1/members", joining)


def _answer(url: str, body: Mapping[str, object] | None = None) -> Any:
    """What the sandbox says to a question, or to what it is sent."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback, our own sandbox
        return json.load(answer)


def _show_csv(path: Path) -> None:
    lines = path.read_text().splitlines()
    click.echo("\n".join([*lines[:3], f"… {len(lines) - 4} more", lines[-1], ""]))


def _farewell(folder: Path, urls: Mapping[str, str], keep: bool) -> None:
    places = {
        f"{folder}/mappings/": "change a mapping, remove one, add one: plan, apply, sync",
        f"{folder}/models/, {folder}/syncs/": "what is read from the warehouse, and where it goes",
        f"{folder}/synced.csv": "what is in the profiles now",
        f"{folder}/var/state.json": "the same status for scripts and dashboards",
        "reconcile explain": "every rule and every code",
    }
    wide = max(map(len, places))
    click.echo(
        "What you saw\n"
        "  Mappings in YAML became values in community profiles, rows of a warehouse became companies in CS, and a community\n"
        "  became records in CS, each member tied to a person or listed. A second cycle sent nothing. A missing field, an\n"
        "  erased user and a bad row cost nobody else a value, and each has a reason and an advice.\n\n"
        "Where to look next\n" + "".join(f"  {place:<{wide}}  {what}\n" for place, what in places.items())
    )
    if keep:
        click.echo(f"To go on:\n  {_way_on(folder)}\n  what was written: {urls['cc_url']}/_sandbox/writes")
    else:
        click.echo("Run it again with KEEP=1 (or --keep) to go on against the sandbox.")


def _way_on(folder: Path) -> str:
    """What to type before the commands work in the demo's folder."""
    words = [f"{name}={value}" for name, value in SECRETS.items()]
    if shutil.which("reconcile") is None:
        words.append(f'PATH="{Path(sys.executable).parent}:$PATH"')
    return f"cd {folder} && export {' '.join(words)}"
