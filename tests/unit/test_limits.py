"""How much one apply may touch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.plan import Base, Counts, Plan
from reconciler.model.resources import Limits
from reconciler.planning.limits import Exceeded, exceeded, needed

counts = st.builds(
    Counts, add=st.integers(0, 50), change=st.integers(0, 50), forget=st.integers(0, 50), recorded=st.integers(0, 100)
)
all_limits = st.builds(Limits, max_change_percent=st.integers(0, 100), min_records=st.integers(0, 60))


def plan(documents: Counts = Counts(), mappings: Counts = Counts()) -> Plan:  # noqa: B008 (frozen)
    base = Base(lineage=None, serial=0, desired="")
    return Plan(project="acme", base=base, changes=(), documents=Counts(), declared=documents, mappings=mappings)


def breaks(counted: Counts, limits: Limits) -> bool:
    """The rule in whole numbers: enough records, and more than the share of them."""
    share = counted.change + counted.forget
    return counted.recorded >= limits.min_records and share * 100 > limits.max_change_percent * max(1, counted.recorded)


@given(counts, counts, all_limits)
def test_a_plan_is_stopped_exactly_by_more_than_the_share_of_enough_records(
    documents: Counts, mappings: Counts, limits: Limits
) -> None:
    found = exceeded(plan(documents, mappings), limits)
    counted = {"documents": documents, "mappings": mappings}
    assert [one.what for one in found] == [what for what, counts in counted.items() if breaks(counts, limits)]
    assert needed(found) == max((counted[one.what].change + counted[one.what].forget for one in found), default=0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), all_limits)
def test_adding_never_stops(added: int, recorded: int, limits: Limits) -> None:
    only_new = Counts(add=added, recorded=recorded)
    assert exceeded(plan(only_new, only_new), limits) == ()


def test_the_default_limit_at_its_edges() -> None:
    limits = Limits(max_change_percent=30, min_records=10)
    assert exceeded(plan(mappings=Counts(forget=9, recorded=9)), limits) == ()
    assert exceeded(plan(mappings=Counts(forget=2, change=1, recorded=10)), limits) == ()
    assert exceeded(plan(mappings=Counts(forget=2, change=2, recorded=10)), limits) == (
        Exceeded(what="mappings", affected=4, recorded=10, percent=40.0, allowed_percent=30),
    )
    assert exceeded(plan(documents=Counts(change=31, recorded=100)), limits)
