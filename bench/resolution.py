"""How fast members are tied to persons and companies, and how well.

    python -m bench.resolution [--members 100000] [--rounds 5] [--seed 1]

The set (bench/identities.py) is made anew from its seed, so that everybody measures the same. Rates are those of one core,
by CPU time, keys of the members included: the machine is shared. The keys of the directory are made before. Rounds of
both sets of rules take turns, and the quickest counts: what else the machine does can only slow it down.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.identities import REGION, Identities, identities
from bench.measure import Row, save, table
from reconciler.records.resolution.directory import InMemoryDirectory
from reconciler.records.resolution.resolver import Resolver
from reconciler.records.resolution.result import Resolution
from reconciler.records.resolution.settings import Rule, Settings, Term

PAGE = 1000
EMAIL, PHONE, NAME, DOMAIN = (Rule((term,)) for term in (Term.EMAIL, Term.PHONE, Term.NAME, Term.DOMAIN))
EXACT = Settings(rules=(EMAIL, PHONE, DOMAIN), threshold=0.92, region=REGION)
SAFE = replace(EXACT, rules=(EMAIL, PHONE, Rule((Term.NAME, Term.COMPANY)), DOMAIN))
"""With names, but none alone: strangers have the names of customers."""

BY_NAME = replace(SAFE, rules=(*SAFE.rules[:-1], NAME, DOMAIN))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    made = identities(options.members, options.seed)
    directory = InMemoryDirectory(made.people, made.companies, made.ties, region=REGION)
    # The directory stays; looking it through for garbage again and again is no part of resolving.
    gc.freeze()
    seconds: dict[str, list[float]] = {"exact": [], "names": []}
    found: list[Resolution] = []
    for _ in range(options.rounds):
        seconds["exact"].append(_timed(made, directory, EXACT)[0])
        took, found = _timed(made, directory, SAFE)
        seconds["names"].append(took)
    rows = [*_rates(made, seconds), *quality(made, found)]
    print(table(rows))
    save(options.results, "resolution", rows)
    return 0


def _timed(made: Identities, directory: InMemoryDirectory, settings: Settings) -> tuple[float, list[Resolution]]:
    """Seconds of CPU time for all members, and the results of their pages one after the other."""
    found: list[Resolution] = []
    start = time.process_time()
    resolver = Resolver(settings, directory)
    for first in range(0, len(made.members), PAGE):
        found += resolver.resolve(made.members[first : first + PAGE])
    return time.process_time() - start, found


def _rates(made: Identities, seconds: dict[str, list[float]]) -> list[Row]:
    sizes = f"{len(made.members):,} members, {len(made.people):,} persons"
    return [
        Row(
            goal=f"Resolution by {what}: members a second",
            measured=f"{sizes}, quickest of {len(seconds[name])}, CPU time of one core",
            value=len(made.members) / min(seconds[name]),
            bar=bar,
            at_least=True,
        )
        for name, what, bar in (
            ("exact", "e-mail, phone and domain", 50_000),
            ("names", "the same and names, with suggestions", 5000),
        )
    ]


def quality(made: Identities, found: Sequence[Resolution]) -> list[Row]:
    """Precision: of the ids that were said, how many are right. Recall: of those that can be known, how many were said.

    A person and a company are an id each. Members with a typing error are not to be found by exact rules, so they
    count for precision, and for a row of their own.
    """
    said = right = known = reached = typos = suggested = 0
    for truth, result in zip(made.truths, found, strict=True):
        pairs = ((truth.person_id, result.person_id), (truth.company_id, result.company_id))
        said += sum(got is not None for _, got in pairs)
        correct = sum(got is not None and got == real for real, got in pairs)
        right += correct
        if truth.typo:
            typos += 1
            suggested += any(suggestion.person_id == truth.person_id for suggestion in result.suggestions)
        else:
            known += sum(real is not None for real, _ in pairs)
            reached += correct
    return [
        Row(
            goal="Resolution: precision",
            measured=f"{said - right:,} wrong of {said:,} ids of persons and companies",
            value=right / said,
            bar=1,
            at_least=True,
        ),
        Row(
            goal="Resolution: recall",
            measured=f"{known - reached:,} of {known:,} ids not found, typing errors left out",
            value=reached / known,
            bar=0.98,
            at_least=True,
        ),
        Row(
            goal="Resolution: right person suggested after a typing error",
            measured=f"{suggested:,} of {typos:,} names with one letter too many",
            value=suggested / typos,
            bar=0.9,
            at_least=True,
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
