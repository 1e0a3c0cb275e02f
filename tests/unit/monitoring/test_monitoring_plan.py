from dataclasses import replace

import pytest

from howdah.errors import Invalid
from howdah.monitoring import policy
from howdah.monitoring.plan import (
    DAY_NS,
    Comparison,
    Decision,
    DriftFinding,
    Hold,
    Observed,
    Promote,
    Refuse,
    Retrain,
    plan,
)
from howdah.monitoring.policy import Policy

NOW = 10 * DAY_NS
WON = Comparison("old", "new", rows=40, loss="absolute error", improvement=1.5, p_value=0.001)
DRIFT = DriftFinding("report", "1980.csv", ("Weight",))
QUIET = Observed("old", None, None, None, (), NOW)
CHALLENGED = replace(QUIET, challenger="new", comparison=WON)
PAUSED = Policy(paused=True)


@pytest.mark.parametrize(
    ("observed", "kinds"),
    [
        (QUIET, []),
        (replace(QUIET, champion=None, challenger="new"), [Promote]),
        (replace(QUIET, challenger="old"), []),
        (replace(QUIET, challenger="new"), []),
        (CHALLENGED, [Promote]),
        (replace(CHALLENGED, comparison=replace(WON, champion="older")), []),
        (replace(CHALLENGED, comparison=replace(WON, challenger="newer")), []),
        (replace(CHALLENGED, comparison=replace(WON, p_value=0.06)), [Hold]),
        (replace(CHALLENGED, comparison=replace(WON, improvement=-1.0)), [Hold]),
        (replace(CHALLENGED, comparison=replace(WON, rows=9)), [Hold]),
        (replace(CHALLENGED, decisions=(Decision("held", "new", NOW),)), []),
        (replace(QUIET, drift=DRIFT), [Retrain]),
        (replace(QUIET, drift=replace(DRIFT, columns=())), []),
        (replace(QUIET, drift=DRIFT, decisions=(Decision("retrained", "report", 0),)), []),
        (replace(CHALLENGED, drift=DRIFT), [Promote, Retrain]),
    ],
)
def test_what_follows_from_what_is_known(observed: Observed, kinds: list[type]) -> None:
    assert [type(action) for action in plan(Policy(), observed)] == kinds


def test_paused_acts_on_nothing_and_says_what_it_would_have_done() -> None:
    actions = plan(PAUSED, replace(CHALLENGED, drift=DRIFT))
    assert [type(action) for action in actions] == [Refuse, Refuse]
    assert all("paused" in action.reason for action in actions)


def test_the_budget_counts_one_day_only() -> None:
    spent = tuple(Decision("retrained", f"r{number}", NOW - 1) for number in range(4))
    assert isinstance(plan(Policy(), replace(QUIET, drift=DRIFT, decisions=spent))[0], Refuse)
    long_ago = tuple(replace(decision, at_ns=NOW - DAY_NS) for decision in spent)
    assert isinstance(plan(Policy(), replace(QUIET, drift=DRIFT, decisions=long_ago))[0], Retrain)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("paus: true", "paus: Extra"), ("retrain: {per_day: -1}", r"retrain\.per_day"), ("a: [", "not YAML")],
)
def test_a_wrong_policy_is_refused_by_the_path_to_the_fault(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        policy.parse(text)
