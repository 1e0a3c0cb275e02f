"""What to do next, from what shall be and what is. Pure: tables in, actions out.

A group's new revision is started whole beside the old one and takes over when every process of
it is ready; only then is the old one drained. Until then the old one is kept whole:
what of it has died is started again. Nothing here waits: the loop asks again whenever something
has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from howdah.seldon.workload import Group, Member, ModelSource

BACKOFF_FIRST_S, BACKOFF_LONGEST_S = 0.5, 60.0


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one process: at most one child stands in it."""

    group: str
    revision: str
    member: str
    index: int


@dataclass(frozen=True, slots=True)
class Child:
    slot: Slot
    state: State
    since_s: float
    exited: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """How often the process of a slot has ended by itself, and when it may be started again."""

    count: int
    retry_at_s: float


@dataclass(frozen=True, slots=True)
class Observed:
    children: tuple[Child, ...] = ()
    live: Mapping[str, str] = field(default_factory=dict)
    """By group, the revision that the ingress leads to."""
    serving: Mapping[str, Group] = field(default_factory=dict)
    """By group, what that revision consists of."""
    models: Mapping[ModelSource, bool] = field(default_factory=dict)
    """Whether a model is here (True), or its download has failed or goes on (False)."""
    environments: Mapping[str, bool] = field(default_factory=dict)
    """By image, the same of what it requires."""
    failures: Mapping[Slot, Failure] = field(default_factory=dict)
    routed: frozenset[Slot] = frozenset()
    """The slots that the ingress, as Envoy has confirmed it, leads to."""
    now_s: float = 0.0
    drain_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Fetch:
    source: ModelSource
    namespace: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make the environment that an image requires."""

    image: str


@dataclass(frozen=True, slots=True)
class Start:
    slot: Slot


@dataclass(frozen=True, slots=True)
class GoLive:
    """Lead callers to this revision from now on."""

    group: str
    revision: str


@dataclass(frozen=True, slots=True)
class Drain:
    """No more requests go there; let it finish those that it has."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Resume:
    """It is wanted again before it was told to end: it goes on as it was."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Stop:
    slot: Slot


@dataclass(frozen=True, slots=True)
class Forget:
    """It has ended and its slot is no longer wanted, or is to be filled anew."""

    slot: Slot


Action = Fetch | Prepare | Start | GoLive | Drain | Resume | Stop | Forget


def plan(groups: Mapping[str, Group], observed: Observed) -> tuple[Action, ...]:
    actions: list[Action] = []
    children = {child.slot: child for child in observed.children}
    for group in groups.values():
        actions += _towards(group, children, observed)
    for child in observed.children:
        actions += _away(child, groups, observed)
    return tuple(actions)


def wanted_slots(group: Group) -> tuple[Slot, ...]:
    return tuple(
        Slot(group.key, group.revision, member.name, index)
        for member in group.members
        for index in range(member.replicas)
    )


def is_ready(group: Group, children: Mapping[Slot, Child]) -> bool:
    """Whether the whole revision could take over."""
    slots = wanted_slots(group)
    return all(
        slot in children and children[slot].state is State.READY and not children[slot].exited
        for slot in slots
    )


def _towards(group: Group, children: Mapping[Slot, Child], observed: Observed) -> list[Action]:
    actions = _filled(group, children, observed)
    live = observed.live.get(group.key)
    if live != group.revision and is_ready(group, children):
        actions.append(GoLive(group.key, group.revision))
    elif live != group.revision and (serving := observed.serving.get(group.key)) is not None:
        actions += _filled(serving, children, observed)
    return actions


def _filled(group: Group, children: Mapping[Slot, Child], observed: Observed) -> list[Action]:
    """What brings every slot of a revision to have its process."""
    actions: list[Action] = []
    for slot in wanted_slots(group):
        if slot in children:
            continue
        failure = observed.failures.get(slot)
        if failure is not None and failure.retry_at_s > observed.now_s:
            continue
        member = group.member(slot.member)
        needs = _needs(group, member, observed) if member is not None else []
        actions += [need for need in needs if need not in actions]
        if member is not None and not needs and _is_provided(member, observed):
            actions.append(Start(slot))
    return actions


def _needs(group: Group, member: Member, observed: Observed) -> list[Action]:
    """What nobody has asked for yet."""
    needs: list[Action] = []
    if member.model is not None and member.model not in observed.models:
        needs.append(Fetch(member.model, group.namespace))
    if member.environment and member.environment not in observed.environments:
        needs.append(Prepare(member.environment))
    return needs


def _is_provided(member: Member, observed: Observed) -> bool:
    model = member.model is None or observed.models[member.model]
    return model and (not member.environment or observed.environments[member.environment])


def _away(child: Child, groups: Mapping[str, Group], observed: Observed) -> list[Action]:
    if child.exited:
        return [Forget(child.slot)]
    if _keeps(child.slot, groups, observed):
        return [Resume(child.slot)] if child.state is State.DRAINING else []
    if child.state in (State.STARTING, State.READY):
        # A process that nobody can reach has nothing to finish.
        return [Drain(child.slot)] if child.state is State.READY else [Stop(child.slot)]
    if child.state is State.DRAINING and child.slot not in observed.routed:
        return [Stop(child.slot)] if observed.now_s - child.since_s >= observed.drain_s else []
    return []


def _keeps(slot: Slot, groups: Mapping[str, Group], observed: Observed) -> bool:
    group = groups.get(slot.group)
    if group is None:
        return False
    member = group.member(slot.member)
    replicas = member.replicas if member is not None else 0
    if slot.revision == group.revision:
        return slot.index < replicas
    # The revision that serves now stays until the new one has taken over.
    return slot.revision == observed.live.get(slot.group)


def next_failure(before: Failure | None, has_served: bool, now_s: float) -> Failure:
    """The first restart is at once; then pauses double. After one that has served, it starts over."""
    count = 1 if before is None or has_served else before.count + 1
    pause = 0.0 if count == 1 else min(BACKOFF_FIRST_S * 2 ** (count - 2), BACKOFF_LONGEST_S)
    return Failure(count, now_s + pause)
