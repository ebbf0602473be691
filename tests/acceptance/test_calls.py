"""No change, no call: over random changes, a cycle writes exactly the changed values and never a null."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.expectation import Values, changed, wanted
from tests.acceptance.projects import COUNTRY, RENEWAL, SEATS, TITLE, ProjectFolder, assert_balanced
from tests.acceptance.world import World, running
from tests.postgres import Postgres

LINES = [TITLE, COUNTRY, RENEWAL, SEATS]
COMPANY_PERSON = {"Title", "Renewal_Date__gc", "Seats__gc"}

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["Engineer", "engineer", " Engineer", "a/b", "=1+1", "0", "", "  ", "Ü & %", "🎉", "True"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=12).filter(
        lambda t: t not in (".", "..")
    ),
)
VALUES = {
    "Title": TEXTS,
    "Country__gc": TEXTS,
    "Renewal_Date__gc": st.one_of(st.none(), st.dates().filter(lambda d: d.year > 1970).map(str)),
    "Seats__gc": st.one_of(st.none(), st.integers(0, 10**9)),
}


class Step(NamedTuple):
    """One change of the world. `who` chooses among those who are there."""

    what: str
    who: int
    attribute: str = ""
    value: object = None


def _edits() -> st.SearchStrategy[Step]:
    return st.sampled_from(sorted(VALUES)).flatmap(
        lambda attribute: st.builds(Step, st.just("edit"), st.integers(0, 99), st.just(attribute), VALUES[attribute])
    )


STEPS = st.lists(
    st.one_of(
        _edits(), _edits(), _edits(),
        st.builds(Step, st.sampled_from(["join", "leave", "hire", "fire", "twin", "second job"]), st.integers(0, 99)),
    ),
    max_size=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def small_world() -> Iterator[World]:
    yield from running(Sandbox(SandboxConfig(people=20, quirks=True, communities=2, seed=5)))


@pytest.fixture(scope="module")
def applied(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> ProjectFolder:
    """A project as it is after its apply; each example starts with a copy of it."""
    project = ProjectFolder(tmp_path_factory.mktemp("template") / "acme", small_world)
    project.mapping("acme-profile", LINES)
    return project.ready()


def _change(world: World, step: Step, number: int) -> None:
    people = sorted({row["Email"].strip() for row in world.query("person", ["Email"])})
    members = world.members()
    email = people[step.who % len(people)]
    match step.what:
        case "edit":
            name = "company_person" if step.attribute in COMPANY_PERSON else "person"
            if name == "person" or _has_job(world, email):
                world.edit(name, email, **{step.attribute: step.value})
        case "join":
            world.add_member(email)
        case "leave" if len(members) > 1:
            world.erase(members[step.who % len(members)]["userid"])
        case "hire":
            world.add_person(f"new{number}@acme.example", Country__gc="New", company_person={"Title": "Junior"})
            world.add_member(f"new{number}@acme.example")
        case "fire" if len(people) > 2:
            world.remove_person(email)
        case "twin":
            world.add_person(email.upper(), Country__gc="Twin")
        case "second job":
            jobs = [{"Title": "A", "IsPrimaryCompany": step.who % 2 == 0}, {"Title": "B", "IsPrimaryCompany": False}]
            world.add_person(f"busy{number}@acme.example", company_person=jobs)
            world.add_member(f"busy{number}@acme.example")


def _has_job(world: World, email: str) -> bool:
    rows = world.query("company_person", ["Person_ID__gr.Email"])
    return any(row["Person_ID__gr.Email"].strip() == email for row in rows)


def _cycle(project: ProjectFolder, recorded: Values) -> Values:
    """One cycle, held against the model. `recorded` is what was acknowledged before; returns what is now."""
    world = project.world
    before, target = world.profiles(), wanted(world, LINES)
    world.new_writes()
    world.forget_calls()
    done = project.run("sync", "acme-profile")
    assert done.code in (0, 3), done.all
    writes = sorted(world.new_writes())
    assert writes == changed(recorded, target)
    assert all(value.strip() for _, _, value in writes), "nulls send nothing"
    assert world.profiles() == {**before, **target}, "everything else is as it was"
    calls = world.calls()
    assert calls["PUT", "profile_field"] == len(writes)
    assert calls["GET", "/api1/user"] == 1
    assert calls.total() == len(writes) + 4, "two queries, one token, one page of members"
    assert_balanced(done.out)
    return {**recorded, **target}


def _live(project: ProjectFolder, rounds: list[list[Step]]) -> None:
    recorded = _cycle(project, {})
    for number, steps in enumerate(rounds):
        for place, step in enumerate(steps):
            _change(project.world, step, 100 * number + place)
        recorded = _cycle(project, recorded)
    assert _cycle(project, recorded) == recorded
    assert project.world.new_writes() == []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rounds=st.lists(STEPS, min_size=1, max_size=3))
def test_a_cycle_writes_exactly_what_changed(applied: ProjectFolder, rounds: list[list[Step]], tmp_path: Path) -> None:
    applied.world.reset()
    shutil.rmtree(tmp_path / "acme", ignore_errors=True)
    shutil.copytree(applied.root, tmp_path / "acme")
    copy = ProjectFolder(tmp_path / "acme", applied.world)
    copy.mapping("acme-profile", LINES)
    _live(copy, rounds)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rounds=st.lists(STEPS, min_size=1, max_size=2))
def test_and_so_it_does_on_postgresql(
    small_world: World, postgres: Postgres, rounds: list[list[Step]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    small_world.reset()
    project = ProjectFolder(tmp_path_factory.mktemp("pg") / "acme", small_world, postgres.create_database())
    project.mapping("acme-profile", LINES)
    _live(project.ready(), rounds)
