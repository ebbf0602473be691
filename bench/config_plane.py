"""P1, P2, P5: planning and validating 10,000 mappings, beside terraform and check-jsonschema.

    python -m bench.config_plane [--quick] [--runs 5]

Every command is a whole process; commands take turns. Without a terraform binary its recorded cost is used, and said so.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import corpus
from bench.measure import Cost, Row, interleaved, run, save, table
from bench.project import RECONCILE

RECORDED = Cost(wall=44.0, cpu=61.0, peak=1689.0)
"""`terraform plan` of 10,000 resources with a state, 1 % changed; Terraform 1.11.4 on 2 CPUs, November 2026."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 mappings, two rounds")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    mappings, files, runs = (1000, 20, 2) if options.quick else (10_000, 200, options.runs)
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *planning(Path(folder), mappings, files, runs),
            *validating(Path(folder), mappings, runs),
            *starting(20),
        ]
    print(table(rows))
    save(options.results, "config_plane", rows)
    return 0


def planning(folder: Path, mappings: int, files: int, runs: int) -> list[Row]:
    """Cold (1 % changed, no cache), 1 % changed with the cache, and unchanged, each against `terraform plan`."""
    project = folder / "project"
    corpus.write_project(project, mappings=mappings, files=files, changed_percent=0)
    run([*RECONCILE, "apply"], cwd=project)
    unchanged = interleaved({"plan": lambda: run([*RECONCILE, "plan"], cwd=project)}, runs)["plan"]
    corpus.write_project(project, mappings=mappings, files=files, changed_percent=1)
    commands: dict[str, Callable[[], Cost]] = {
        "cold": lambda: _cold(project),
        "python": lambda: run([sys.executable, "-c", "pass"]),
    }
    terraform = shutil.which("terraform")
    if terraform:
        twin = folder / "terraform"
        corpus.write_terraform(twin, mappings=mappings, changed_percent=1)
        run([terraform, "init", "-input=false"], cwd=twin)
        commands["terraform"] = lambda: run([terraform, "plan", "-input=false"], cwd=twin)
    found = interleaved(commands, runs)
    peer = found.get("terraform", RECORDED)
    source = "measured beside it" if terraform else "recorded"
    cold, size = found["cold"], f"{mappings:,} mappings in {files} files"
    wall_bar = 0.05 if mappings >= 10_000 else 0.1
    return [
        _ratio("P1 cold plan, 1 % changed: wall", size, cold.wall, peer.wall, wall_bar, f"s, terraform {source}"),
        _ratio("P1 cold plan, 1 % changed: peak memory", size, cold.peak, peer.peak, 0.08, f"MiB, terraform {source}"),
        _ratio("P2 unchanged plan: wall", size, unchanged.wall, peer.wall, 0.01, f"s, terraform {source}"),
    ]


def _cold(project: Path) -> Cost:
    shutil.rmtree(project / "var" / "cache", ignore_errors=True)
    return run([*RECONCILE, "plan", "--no-cache"], cwd=project)


def validating(folder: Path, mappings: int, runs: int) -> list[Row]:
    """`validate` of one document a file, without a cache and unchanged, against check-jsonschema over the same files."""
    project = folder / "documents"
    corpus.write_project(project, mappings=mappings, files=mappings, changed_percent=0)
    checker = Path(sys.executable).with_name("check-jsonschema")
    schema = folder / "schemas"
    run([*RECONCILE, "schema", "--out", str(schema)])
    run([*RECONCILE, "validate"], cwd=project)
    documents = sorted(path.name for path in (project / "mappings").glob("*.yaml"))
    check = [str(checker), "--schemafile", str(schema / "reconcile.schema.json"), *documents]
    found = interleaved(
        {
            "cold": lambda: run([*RECONCILE, "validate", "--no-cache"], cwd=project),
            "unchanged": lambda: run([*RECONCILE, "validate"], cwd=project),
            "check-jsonschema": lambda: run(check, cwd=project / "mappings"),
        },
        min(runs, 3),
    )
    size, peer = f"{mappings:,} files with one document each", found["check-jsonschema"].wall
    return [
        _ratio("P3 validate without a cache: wall", size, found["cold"].wall, peer, 0.1, "s, check-jsonschema"),
        _ratio("P3 validate, nothing changed: wall", size, found["unchanged"].wall, peer, 0.1, "s, check-jsonschema"),
    ]


def starting(runs: int) -> list[Row]:
    """How long the interpreter alone takes, and help, and the validation of one small project."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "one"
        run([*RECONCILE, "init", "--sandbox", str(project)])
        run([*RECONCILE, "validate"], cwd=project)
        script = Path(sys.executable).with_name("reconcile")
        found = interleaved(
            {
                "pass": lambda: run([sys.executable, "-c", "pass"]),
                "help": lambda: run([str(script), "--help"]),
                "validate": lambda: run([str(script), "validate"], cwd=project),
                "cold": lambda: run([str(script), "validate", "--no-cache"], cwd=project),
            },
            runs,
        )
    base = found["pass"].wall
    return [
        _ratio("P5 --help: wall", "installed script", found["help"].wall, base, 2.5, "s, python -c pass"),
        _ratio(
            "P5 validate of a small project: wall", "unchanged", found["validate"].wall, base, 6, "s, python -c pass"
        ),
        _ratio("P5 validate of a small project: wall", "no cache", found["cold"].wall, base, 6, "s, python -c pass"),
    ]


def _ratio(goal: str, size: str, ours: float, theirs: float, bar: float, unit: str) -> Row:
    return Row(goal=goal, measured=f"{size}: {ours:.3g} / {theirs:.3g} {unit}", value=ours / theirs, bar=bar)


if __name__ == "__main__":
    sys.exit(main())
