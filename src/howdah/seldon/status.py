"""What a deployment and its pods report, as Seldon and Kubernetes word it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text, at
from howdah.seldon.plan import Failure, Slot, State
from howdah.seldon.workload import Group

AVAILABLE, CREATING, FAILED = "Available", "Creating", "Failed"
PID = "howdah/pid"


@dataclass(frozen=True, slots=True)
class Process:
    """One child, or the want of one, for a report."""

    slot: Slot
    state: State
    pid: int
    seen: str
    """Now, as it is written."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a deployment's groups."""

    groups: Sequence[Group]
    live: Mapping[str, str]
    processes: Sequence[Process]
    failures: Mapping[Slot, Failure]
    reasons: Mapping[str, str]
    """By group, why it cannot be brought about at present."""
    address: str
    now: str


def status_of(facts: Facts, before: JsonObject) -> JsonObject:
    deployments: JsonObject = {}
    services: JsonObject = {}
    total = 0
    state = AVAILABLE
    messages = []
    for group in facts.groups:
        wanted, ready = _counts(group, facts)
        total += 0 if group.explains else wanted
        name = _deployment_name(group)
        counts: JsonObject = {"replicas": wanted, "availableReplicas": ready, "status": "deployed"}
        if group.explains:
            counts["explainerFor"] = group.predictor
        deployments[name] = counts
        service = f"{group.deployment}-{group.predictor}"
        services[service] = {"svcName": service}
        reason = facts.reasons.get(group.key) or _crash(group, facts)
        if reason:
            state = FAILED
            kept = " (the previous version keeps serving)" if _serves(group, facts) else ""
            messages.append(f"{group.predictor}: {reason}{kept}")
        elif facts.live.get(group.key) != group.revision or ready < wanted:
            state = CREATING if state == AVAILABLE else state
    conditions = _conditions(state, messages, before, facts.now)
    return {
        "state": state,
        "description": "; ".join(messages),
        "replicas": total,
        "deploymentStatus": deployments,
        "serviceStatus": services,
        "address": {"url": facts.address},
        "conditions": conditions,
    }


def _counts(group: Group, facts: Facts) -> tuple[int, int]:
    front = group.member(group.front)
    ready = sum(
        process.slot.group == group.key
        and process.slot.member == group.front
        and process.slot.revision == facts.live.get(group.key)
        and process.state is State.READY
        for process in facts.processes
    )
    return (front.replicas if front is not None else 0), ready


def _serves(group: Group, facts: Facts) -> bool:
    """Whether a process of the revision before this one answers callers now."""
    live = facts.live.get(group.key)
    return live not in (None, group.revision) and _counts(group, facts)[1] > 0


def _crash(group: Group, facts: Facts) -> str:
    """The reason of a process that has ended more than once, with the last line of its log."""
    ready = {process.slot for process in facts.processes if process.state is State.READY}
    for slot, failure in facts.failures.items():
        ours = (slot.group, slot.revision) == (group.key, group.revision) and slot not in ready
        if ours and failure.count > 1:
            return f"{slot.member} has ended {failure.count} times and is started again with growing pauses"
    return ""


def _deployment_name(group: Group) -> str:
    suffix = "-explainer" if group.explains else "-0-" + "-".join(member.name for member in group.members)
    return f"{group.deployment}-{group.predictor}{suffix}"


def _conditions(state: str, messages: list[str], before: JsonObject, now: str) -> list[Json]:
    reason = {AVAILABLE: "AllReady", CREATING: "Starting", FAILED: "Failed"}[state]
    value = "True" if state == AVAILABLE else "False"
    told = {as_object(c).get("type"): as_object(c) for c in as_list(before.get("conditions"))}
    found: list[Json] = []
    for kind in ("DeploymentsReady", "Ready", "ServicesReady"):
        condition: JsonObject = {"type": kind, "status": value, "reason": reason}
        condition["message"] = "; ".join(messages)
        old = told.get(kind, {})
        same = old.get("status") == value
        condition["lastTransitionTime"] = old.get("lastTransitionTime") if same else now
        found.append(condition)
    return found


def pod_of(process: Process, failure: Failure | None, before: JsonObject | None = None) -> JsonObject:
    """`before` is what was told of the same process: when it began, and when its end was asked for, stay."""
    slot = process.slot
    ready = process.state is State.READY
    ending = process.state in (State.DRAINING, State.STOPPING)
    started = as_text(at(before, "status", "startTime")) or process.seen
    namespace, deployment, predictor = slot.group.split("/")[:3]
    labels: JsonObject = {
        "seldon-deployment-id": deployment,
        "predictor": predictor,
        "model": slot.member,
        "revision": slot.revision,
    }
    waiting: JsonObject = {"waiting": {"reason": "ContainerCreating"}}
    running: JsonObject = {"running": {"startedAt": started}}
    container: JsonObject = {
        "name": slot.member,
        "ready": ready,
        "restartCount": failure.count if failure is not None else 0,
        "state": running if ready or ending else waiting,
    }
    phase = "Running" if ready or ending else "Pending"
    metadata: JsonObject = {
        "name": pod_name(slot),
        "namespace": namespace,
        "labels": labels,
        "annotations": {PID: str(process.pid)},
    }
    if ending:
        metadata["deletionTimestamp"] = at(before, "metadata", "deletionTimestamp") or process.seen
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": slot.member}], "nodeName": "localhost"},
        "status": {
            "phase": phase,
            "startTime": started,
            "containerStatuses": [container],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def pod_name(slot: Slot) -> str:
    _, deployment, predictor, *rest = slot.group.split("/")
    parts = [deployment, predictor, *rest, slot.member, slot.revision, str(slot.index)]
    return "-".join(parts).replace("_", "-").lower()[:253]


def address_of(host: str, namespace: str, name: str, protocol: str, node: str) -> str:
    path = f"v2/models/{node}/infer" if protocol in ("v2", "kfserving") else "api/v1.0/predictions"
    return f"http://{host}/seldon/{namespace}/{name}/{path}"
