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
ALONE = Comparison(None, "new", "evidence", rows=4)
DRIFT = DriftFinding("report", "1980.csv", ("Weight",))
REQUESTS = DriftFinding("requests-50", "the first 50 rows", ("Weight",), model="old")
FIRST = Decision(Kind.PROMOTED, "old", "the first")
QUIET = Observed(None, None, (), (FIRST,), NOW)
CHALLENGED = replace(QUIET, challenger="new", comparison=WON)


@pytest.mark.parametrize(
    ("observed", "kinds"),
    [
        (QUIET, []),
        (replace(QUIET, record=(), challenger="new"), []),
        (replace(QUIET, record=(), challenger="new", comparison=replace(ALONE, challenger="newer")), []),
        (replace(QUIET, record=(), challenger="new", comparison=ALONE), [Kind.PROMOTED]),
        (replace(QUIET, challenger="new", comparison=ALONE), []),
        (replace(QUIET, challenger="old"), []),
        (replace(QUIET, challenger="new"), []),
        (CHALLENGED, [Kind.PROMOTED]),
        (replace(CHALLENGED, comparison=replace(WON, champion="older")), []),
        (replace(CHALLENGED, comparison=replace(WON, challenger="newer")), []),
        (replace(CHALLENGED, comparison=replace(WON, p_value=0.06)), [Kind.HELD]),
        (replace(CHALLENGED, comparison=replace(WON, improvement=-1.0)), [Kind.HELD]),
        (replace(CHALLENGED, comparison=replace(WON, rows=9)), [Kind.HELD]),
        (replace(CHALLENGED, record=(FIRST, Decision(Kind.HELD, "new", "no"))), []),
        (replace(QUIET, drifts=(DRIFT,)), [Kind.RETRAINED]),
        (replace(QUIET, drifts=(replace(DRIFT, columns=()),)), []),
        (replace(QUIET, drifts=(DRIFT,), record=(FIRST, Decision(Kind.RETRAINED, "report", ""))), []),
        (replace(CHALLENGED, drifts=(DRIFT,)), [Kind.PROMOTED, Kind.RETRAINED]),
        (replace(QUIET, drifts=(REQUESTS,)), [Kind.RETRAINED]),
        (replace(QUIET, drifts=(DRIFT, REQUESTS)), [Kind.RETRAINED, Kind.RETRAINED]),
        (replace(QUIET, drifts=(replace(REQUESTS, model="older"),)), []),
        (replace(CHALLENGED, drifts=(REQUESTS,)), [Kind.PROMOTED]),  # they were asked of the one that goes
    ],
)
def test_what_follows_from_what_is_known(observed: Observed, kinds: list[Kind]) -> None:
    decisions = plan(Policy(), observed)
    assert [decision.kind for decision in decisions] == kinds
    assert all(decision.at_ns == NOW and decision.reason for decision in decisions)


@pytest.mark.parametrize(
    "observed", [CHALLENGED, replace(QUIET, drifts=(DRIFT,)), replace(CHALLENGED, drifts=(DRIFT,))]
)
def test_what_has_been_decided_is_not_decided_again(observed: Observed) -> None:
    decided = replace(observed, record=(*observed.record, *plan(Policy(), observed)))
    assert plan(Policy(), decided) == ()


def test_paused_acts_on_nothing_and_says_what_it_would_have_done() -> None:
    decisions = plan(Policy(paused=True), replace(CHALLENGED, drifts=(DRIFT,)))
    assert [decision.kind for decision in decisions] == [Kind.REFUSED, Kind.REFUSED]
    assert "otherwise promoted" in decisions[0].reason
    assert "otherwise retrained" in decisions[1].reason


@pytest.mark.parametrize(
    ("observed", "kind"), [(CHALLENGED, Kind.PROMOTED), (replace(QUIET, drifts=(DRIFT,)), Kind.RETRAINED)]
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
    observed = replace(QUIET, drifts=(DRIFT,), record=spent)
    refused = replace(observed, record=(*spent, *plan(Policy(), observed)))
    assert plan(Policy(), refused) == ()
    due = due_ns(Policy(), refused)
    assert due == NOW - 9 + DAY_NS
    assert plan(Policy(), replace(refused, now_ns=due - 1)) == ()
    (decision,) = plan(Policy(), replace(refused, now_ns=due))
    assert decision.kind is Kind.RETRAINED
    assert due_ns(Policy(), replace(refused, now_ns=due)) is None
    assert due_ns(Policy(), replace(refused, drifts=())) is None


def test_the_requests_of_one_model_lead_to_one_retraining() -> None:
    observed = replace(QUIET, drifts=(REQUESTS,))
    (asked,) = plan(Policy(), observed)
    assert (asked.subject, asked.model) == ("requests-50", "old")
    record = (*observed.record, asked)
    more = replace(observed, drifts=(replace(REQUESTS, report="requests-100"),), record=record)
    assert plan(Policy(), more) == ()
    other = replace(REQUESTS, report="requests-new-50", model="new")
    promoted = (*record, Decision(Kind.PROMOTED, "new", ""))
    assert plan(Policy(), replace(more, record=promoted)) == ()
    (again,) = plan(Policy(), replace(more, drifts=(other,), record=promoted))
    assert (again.kind, again.model) == (Kind.RETRAINED, "new")


def test_drift_in_data_and_in_requests_share_one_budget() -> None:
    both = replace(QUIET, drifts=(DRIFT, REQUESTS))
    one = Policy.model_validate({"retrain": {"per_day": 1}})
    assert [decision.kind for decision in plan(one, both)] == [Kind.RETRAINED, Kind.REFUSED]
    assert [decision.kind for decision in plan(Policy(paused=True), both)] == [Kind.REFUSED, Kind.REFUSED]


def test_the_budget_counts_one_day_only() -> None:
    spent = tuple(Decision(Kind.RETRAINED, f"r{number}", "", at_ns=NOW - 1) for number in range(4))
    observed = replace(QUIET, drifts=(DRIFT,), record=spent)
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
