"""What to do next for one case, as a pure function of what is known.

The first model becomes the champion because there is none; after that a challenger
replaces the champion only by winning the comparison that the policy asks for. Each
challenger and each drift report is answered once: the answer is on record, and a
recorded answer is never given again. Shadow, canary and the sequential test on live
labels will stand between `Hold` and `Promote`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from howdah.monitoring.policy import Policy

DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison.json: which two models, and how the challenger did."""

    champion: str | None
    challenger: str
    rows: int
    loss: str = ""
    improvement: float = 0.0
    p_value: float = 1.0


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One drift report: the commit that holds it, and the inputs that moved."""

    report: str
    window: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the record: `<case>-decisions` holds them all."""

    kind: str
    """promoted, held, retrained, rolled_back or refused."""
    subject: str
    """The challenger's commit, or the drift report's."""
    at_ns: int


@dataclass(frozen=True, slots=True)
class Observed:
    champion: str | None
    challenger: str | None
    """The newest finished model; None while there is none."""
    comparison: Comparison | None
    drift: DriftFinding | None
    decisions: Sequence[Decision]
    now_ns: int


@dataclass(frozen=True, slots=True)
class Promote:
    commit: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    commit: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retrain:
    report: str
    window: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Something would have happened, but the policy forbids it now."""

    subject: str
    reason: str


Action = Promote | Hold | Retrain | Refuse


def plan(policy: Policy, observed: Observed) -> tuple[Action, ...]:
    actions = (_answer_challenger(policy, observed), _answer_drift(policy, observed))
    return tuple(action for action in actions if action is not None)


def _answer_challenger(policy: Policy, observed: Observed) -> Action | None:
    challenger = observed.challenger
    if challenger is None or challenger == observed.champion or _answered(observed, challenger):
        return None
    if observed.champion is None:
        return _unless_paused(
            policy, challenger, Promote(challenger, "the first model: there is no champion yet")
        )
    comparison = observed.comparison
    if comparison is None or (comparison.champion, comparison.challenger) != (observed.champion, challenger):
        return None  # its comparison has not been made yet, or is of another champion
    if fault := _shortcoming(policy, comparison):
        return Hold(challenger, fault)
    reason = (
        f"offline, {comparison.loss} fell by {comparison.improvement:.4g} on {comparison.rows} held-out rows "
        f"(p = {comparison.p_value:.4f})"
    )
    return _unless_paused(policy, challenger, Promote(challenger, reason))


def _shortcoming(policy: Policy, comparison: Comparison) -> str:
    wanted = policy.promote
    if comparison.rows < wanted.rows_at_least:
        return f"{comparison.rows} held-out rows; the policy wants {wanted.rows_at_least}"
    if comparison.improvement <= wanted.improvement_at_least:
        return f"{comparison.loss} changed by {-comparison.improvement:+.4g}: no improvement worth a change"
    if comparison.p_value > wanted.p_value_at_most:
        return f"p = {comparison.p_value:.4f}; the policy wants at most {wanted.p_value_at_most:g}"
    return ""


def _answer_drift(policy: Policy, observed: Observed) -> Action | None:
    drift = observed.drift
    if (
        drift is None
        or len(drift.columns) < policy.retrain.drifted_columns
        or _answered(observed, drift.report)
    ):
        return None
    since = observed.now_ns - DAY_NS
    spent = sum(decision.kind == "retrained" and decision.at_ns > since for decision in observed.decisions)
    if spent >= policy.retrain.per_day:
        return Refuse(drift.report, f"the budget of {policy.retrain.per_day} retrainings a day is spent")
    reason = f"drift in {', '.join(drift.columns)} over {drift.window}"
    return _unless_paused(policy, drift.report, Retrain(drift.report, drift.window, reason))


def _unless_paused(policy: Policy, subject: str, action: Action) -> Action:
    if policy.paused:
        return Refuse(subject, f"the policy is paused; otherwise: {action}")
    return action


def _answered(observed: Observed, subject: str) -> bool:
    return any(decision.subject == subject for decision in observed.decisions)
