from dataclasses import replace

import pytest

from howdah.errors import Invalid
from howdah.monitoring import policy
from howdah.monitoring.plan import (
    DAY_NS,
    Comparison,
    Decision,
    DriftFinding,
    Kind,
    Observed,
    champion,
    due_ns,
    plan,
    retraining,
)
from howdah.monitoring.policy import Policy

NOW = 10 * DAY_NS
WON = Comparison("old", "new", "evidence", rows=40, loss="absolute error", improvement=1.5, p_value=0.001)
DRIFT = DriftFinding("report", "1980.csv", ("Weight",))
FIRST = Decision(Kind.PROMOTED, "old", "the first")
QUIET = Observed(None, None, None, (FIRST,), NOW)
CHALLENGED = replace(QUIET, challenger="new", comparison=WON)


@pytest.mark.parametrize(
    ("observed", "kinds"),
    [
        (QUIET, []),
        (replace(QUIET, record=(), challenger="new"), [Kind.PROMOTED]),
        (replace(QUIET, challenger="old"), []),
        (replace(QUIET, challenger="new"), []),
        (CHALLENGED, [Kind.PROMOTED]),
        (replace(CHALLENGED, comparison=replace(WON, champion="older")), []),
        (replace(CHALLENGED, comparison=replace(WON, challenger="newer")), []),
        (replace(CHALLENGED, comparison=replace(WON, p_value=0.06)), [Kind.HELD]),
        (replace(CHALLENGED, comparison=replace(WON, improvement=-1.0)), [Kind.HELD]),
        (replace(CHALLENGED, comparison=replace(WON, rows=9)), [Kind.HELD]),
        (replace(CHALLENGED, record=(FIRST, Decision(Kind.HELD, "new", "no"))), []),
        (replace(QUIET, drift=DRIFT), [Kind.RETRAINED]),
        (replace(QUIET, drift=replace(DRIFT, columns=())), []),
        (replace(QUIET, drift=DRIFT, record=(FIRST, Decision(Kind.RETRAINED, "report", ""))), []),
        (replace(CHALLENGED, drift=DRIFT), [Kind.PROMOTED, Kind.RETRAINED]),
    ],
)
def test_what_follows_from_what_is_known(observed: Observed, kinds: list[Kind]) -> None:
    decisions = plan(Policy(), observed)
    assert [decision.kind for decision in decisions] == kinds
    assert all(decision.at_ns == NOW and decision.reason for decision in decisions)


@pytest.mark.parametrize(
    "observed", [CHALLENGED, replace(QUIET, drift=DRIFT), replace(CHALLENGED, drift=DRIFT)]
)
def test_what_has_been_decided_is_not_decided_again(observed: Observed) -> None:
    decided = replace(observed, record=(*observed.record, *plan(Policy(), observed)))
    assert plan(Policy(), decided) == ()


def test_paused_acts_on_nothing_and_says_what_it_would_have_done() -> None:
    decisions = plan(Policy(paused=True), replace(CHALLENGED, drift=DRIFT))
    assert [decision.kind for decision in decisions] == [Kind.REFUSED, Kind.REFUSED]
    assert "otherwise promoted" in decisions[0].reason
    assert "otherwise retrained" in decisions[1].reason


@pytest.mark.parametrize(
    ("observed", "kind"), [(CHALLENGED, Kind.PROMOTED), (replace(QUIET, drift=DRIFT), Kind.RETRAINED)]
)
def test_what_a_pause_refused_is_decided_once_it_ends(observed: Observed, kind: Kind) -> None:
    paused = Policy(paused=True)
    refused = replace(observed, record=(*observed.record, *plan(paused, observed)))
    assert refused.record[-1].kind is Kind.REFUSED
    assert plan(paused, replace(refused, now_ns=NOW + 1)) == ()  # said once
    (decision,) = plan(Policy(), refused)
    assert decision.kind is kind
    after = replace(refused, record=(*refused.record, decision))
    assert (plan(Policy(), after), plan(paused, after)) == ((), ())


def test_the_next_day_brings_back_what_the_budget_refused() -> None:
    spent = tuple(Decision(Kind.RETRAINED, f"r{number}", "", at_ns=NOW - 9 + number) for number in range(4))
    observed = replace(QUIET, drift=DRIFT, record=spent)
    refused = replace(observed, record=(*spent, *plan(Policy(), observed)))
    assert plan(Policy(), refused) == ()
    due = due_ns(Policy(), refused)
    assert due == NOW - 9 + DAY_NS
    assert plan(Policy(), replace(refused, now_ns=due - 1)) == ()
    (decision,) = plan(Policy(), replace(refused, now_ns=due))
    assert decision.kind is Kind.RETRAINED
    assert due_ns(Policy(), replace(refused, now_ns=due)) is None
    assert due_ns(Policy(), replace(refused, drift=None)) is None


def test_the_budget_counts_one_day_only() -> None:
    spent = tuple(Decision(Kind.RETRAINED, f"r{number}", "", at_ns=NOW - 1) for number in range(4))
    observed = replace(QUIET, drift=DRIFT, record=spent)
    assert plan(Policy(), observed)[0].kind is Kind.REFUSED
    long_ago = tuple(replace(entry, at_ns=NOW - DAY_NS) for entry in spent)
    assert plan(Policy(), replace(observed, record=long_ago))[0].kind is Kind.RETRAINED


def test_the_record_names_the_champion_and_the_retraining() -> None:
    asked = Decision(Kind.RETRAINED, "report", "")
    record = (FIRST, Decision(Kind.PROMOTED, "new", ""), asked, Decision(Kind.HELD, "newer", ""))
    assert (champion(record), retraining(record)) == ("new", asked)
    assert champion((*record, Decision(Kind.ROLLED_BACK, "old", "worse live", actor="ada"))) == "old"
    assert (champion(()), retraining(())) == (None, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("paus: true", "paus: Extra"), ("retrain: {per_day: -1}", r"retrain\.per_day"), ("a: [", "not YAML")],
)
def test_a_wrong_policy_is_refused_by_the_path_to_the_fault(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        policy.parse(text)
