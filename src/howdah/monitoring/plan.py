"""What to decide next for one case, as a pure function of what is known.

The record of decisions is the desired state: the champion is what the last promotion or
rollback names, and `run` makes the branch and the retraining request follow the record.
So a decision is written first and carried out after, and a crash between the two leaves
something to carry out, never something forgotten.

The first model becomes the champion because there is none, once its comparison is there:
that step replays the model's own scenarios and fails where one is answered otherwise than
when the model was made. After that a challenger
replaces the champion only by winning the comparison that the policy asks for. Each
challenger and each drift report is answered once, and a model's requests lead to one
retraining at most: on the same data the same model would come out, and new data are trained
on as they come. A refusal answers only while its cause
holds, so that a policy no longer paused, or the next day's budget, brings what it held
back. Shadow, canary and the sequential test on live labels will stand between `held` and
`promoted`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from howdah.monitoring.policy import Policy

DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison.json: which two models, and how the challenger did."""

    champion: str | None
    """None: there was none, and the challenger was looked at alone."""
    challenger: str
    report: str
    """The commit that holds it."""
    rows: int
    loss: str = ""
    improvement: float = 0.0
    p_value: float = 1.0


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One drift report: of which window, and the inputs that moved."""

    report: str
    """The window's id, a name for its content: the same rows are answered once."""
    window: str
    columns: tuple[str, ...]
    commit: str = ""
    """The commit that holds the report."""
    model: str = ""
    """For a window of requests, the model that answered them; empty for one of committed data."""


class Kind(StrEnum):
    PROMOTED = "promoted"
    HELD = "held"
    RETRAINED = "retrained"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of the record in `<case>-decisions`."""

    kind: Kind
    subject: str
    """The model's commit, or the id of the window that drifted; where a person asks for retraining, the
    commit of the drift report."""
    reason: str
    actor: str = "howdah"
    at_ns: int = 0
    evidence: str = ""
    """The commit that holds what the decision rests on."""
    model: str = ""
    """Where drift among requests is answered, the model that they were asked of."""
    like: str = ""
    """For a retraining, the version whose family, parameters and seed it takes; empty: the pipeline's own."""


@dataclass(frozen=True, slots=True)
class Observed:
    challenger: str | None
    """The newest finished model; None while there is none."""
    comparison: Comparison | None
    drifts: Sequence[DriftFinding]
    """The newest report on committed data, and the newest on requests."""
    record: Sequence[Decision]
    """Oldest first."""
    now_ns: int

    @property
    def champion(self) -> str | None:
        return champion(self.record)


def champion(record: Sequence[Decision]) -> str | None:
    """The model that the record says is served."""
    chosen = [entry.subject for entry in record if entry.kind in (Kind.PROMOTED, Kind.ROLLED_BACK)]
    return chosen[-1] if chosen else None


def retraining(record: Sequence[Decision]) -> Decision | None:
    """The retraining that the record says was last asked for."""
    asked = [entry for entry in record if entry.kind is Kind.RETRAINED]
    return asked[-1] if asked else None


def plan(policy: Policy, observed: Observed) -> tuple[Decision, ...]:
    """The decisions to add to the record now; none if everything has been answered."""
    decisions = [decision for decision in (_answer_challenger(policy, observed),) if decision is not None]
    for drift in observed.drifts:
        # Each counts what the one before it takes of the budget.
        known = replace(observed, record=(*observed.record, *decisions))
        if (answer := _answer_drift(policy, known, drift)) is not None:
            decisions.append(answer)
    return tuple(decision for decision in decisions if not _repeated(observed, decision))


def due_ns(policy: Policy, observed: Observed) -> int | None:
    """When time alone will change the plan: the day's budget frees a retraining. None for never."""
    spent, budget = sorted(_spent(observed)), policy.retrain.per_day
    waiting = any(_is_unanswered(policy, observed, drift) for drift in observed.drifts)
    if budget == 0 or len(spent) < budget or not waiting:
        return None
    return spent[-budget] + DAY_NS


def _answer_challenger(policy: Policy, observed: Observed) -> Decision | None:
    challenger = observed.challenger
    if challenger is None or challenger == observed.champion or _settled(observed, challenger):
        return None
    comparison = observed.comparison
    if comparison is None or (comparison.champion, comparison.challenger) != (observed.champion, challenger):
        return None  # its comparison has not been made yet, or is of another champion
    if observed.champion is None:
        why = "the first model: there is no champion yet, and it answers its scenarios as when it was made"
        return _decided(
            policy, observed, Decision(Kind.PROMOTED, challenger, why, evidence=comparison.report)
        )
    if fault := _shortcoming(policy, comparison):
        held = Decision(Kind.HELD, challenger, fault, evidence=comparison.report)
        return replace(held, at_ns=observed.now_ns)
    reason = (
        f"offline, {comparison.loss} fell by {comparison.improvement:.4g} on {comparison.rows} held-out rows "
        f"(p = {comparison.p_value:.4f})"
    )
    won = Decision(Kind.PROMOTED, challenger, reason, evidence=comparison.report)
    return _decided(policy, observed, won)


def _shortcoming(policy: Policy, comparison: Comparison) -> str:
    wanted = policy.promote
    if comparison.rows < wanted.rows_at_least:
        return f"{comparison.rows} held-out rows; the policy wants {wanted.rows_at_least}"
    if comparison.improvement <= wanted.improvement_at_least:
        return f"{comparison.loss} changed by {-comparison.improvement:+.4g}: no improvement worth a change"
    if comparison.p_value > wanted.p_value_at_most:
        return f"p = {comparison.p_value:.4f}; the policy wants at most {wanted.p_value_at_most:g}"
    return ""


def _answer_drift(policy: Policy, observed: Observed, drift: DriftFinding) -> Decision | None:
    if not _is_unanswered(policy, observed, drift):
        return None
    reason = f"drift in {', '.join(drift.columns)} over {drift.window}"
    asked = Decision(Kind.RETRAINED, drift.report, reason, evidence=drift.commit, model=drift.model)
    if len(_spent(observed)) >= policy.retrain.per_day:
        reason = f"the budget of {policy.retrain.per_day} retrainings a day is spent"
        return replace(asked, kind=Kind.REFUSED, reason=reason, at_ns=observed.now_ns)
    return _decided(policy, observed, asked)


def _decided(policy: Policy, observed: Observed, decision: Decision) -> Decision:
    if policy.paused:
        reason = f"the policy is paused; otherwise {decision.kind}: {decision.reason}"
        decision = replace(decision, kind=Kind.REFUSED, reason=reason)
    return replace(decision, at_ns=observed.now_ns)


def _is_unanswered(policy: Policy, observed: Observed, drift: DriftFinding) -> bool:
    if len(drift.columns) < policy.retrain.drifted_columns or _settled(observed, drift.report):
        return False
    asked_for = {entry.model for entry in observed.record if entry.kind is Kind.RETRAINED}
    return not drift.model or (drift.model == observed.champion and drift.model not in asked_for)


def _spent(observed: Observed) -> list[int]:
    """When each retraining of the last 24 hours was asked for."""
    since = observed.now_ns - DAY_NS
    return [entry.at_ns for entry in observed.record if entry.kind is Kind.RETRAINED and entry.at_ns > since]


def _settled(observed: Observed, subject: str) -> bool:
    return any(entry.subject == subject and entry.kind is not Kind.REFUSED for entry in observed.record)


def _repeated(observed: Observed, decision: Decision) -> bool:
    """Whether the record already ends, on this subject, with the same refusal."""
    said = [entry for entry in observed.record if entry.subject == decision.subject]
    return decision.kind is Kind.REFUSED and bool(said) and said[-1].reason == decision.reason
