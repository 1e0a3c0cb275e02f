"""The engine's loop: wake, look, plan, act, report.

Level-triggered: whatever woke it, it reads the stored deployments and its own children, asks
`plan` what to do, does it, and publishes what the ingress must look like. A lost wake-up or a
crash between two steps is made good by the next turn.

The order that keeps every request answered: a new revision is ready before the ingress leads to
it; the ingress has confirmed that it no longer leads to a process before that one is drained; and
it is drained before it is told to end.
"""

import logging
import queue
import threading
from collections.abc import Mapping

from howdah.core.clock import Clock
from howdah.core.json import JsonObject, as_object, at
from howdah.errors import AlreadyExists, Conflict, HowdahError, NotFound
from howdah.processes.limits import Limits, most_bytes
from howdah.processes.logfiles import tail
from howdah.seldon import objects, status
from howdah.seldon.children import Children
from howdah.seldon.desired import Desired
from howdah.seldon.fetch import ModelStore
from howdah.seldon.ingress import Backend, Endpoint, Ingress
from howdah.seldon.launching import Launcher, NotTrusted, SecretMissing
from howdah.seldon.objects import Objects
from howdah.seldon.plan import (
    Action,
    Drain,
    Failure,
    Fetch,
    Forget,
    GoLive,
    Observed,
    Prepare,
    Resume,
    Slot,
    Start,
    State,
    Stop,
    next_failure,
    plan,
)
from howdah.seldon.provisions import Prepares, Provisions
from howdah.seldon.proxy import Proxy
from howdah.seldon.wanted import Wanted
from howdah.seldon.workload import Group

log = logging.getLogger(__name__)

IDLE_S, BUSY_S = 2.0, 0.05
MEMORY_EVERY_S = 1.0
LOGS_EVERY_S = 30.0
Reported = tuple[Slot, int, str, str]


class Loop:
    def __init__(
        self,
        store: Objects,
        children: Children,
        reports: "queue.SimpleQueue[Reported]",
        proxy: Proxy,
        environments: Prepares,
        models: ModelStore,
        launcher: Launcher,
        wanted: Wanted,
        clock: Clock,
        drain_s: float,
    ) -> None:
        self._store, self._children, self._reports = store, children, reports
        self._proxy, self._launcher = proxy, launcher
        self._provisions = Provisions(models, environments, launcher.variables, clock, self.wake)
        self._wanted, self._clock, self._drain_s = wanted, clock, drain_s
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._failures: dict[Slot, Failure] = {}
        self._reasons: dict[tuple[str, str], str] = {}
        """By group and revision, why that revision cannot be brought about."""
        self._memory_at_s = self._logs_at_s = 0.0
        self._thread = threading.Thread(target=self._run, name="seldon", daemon=True)
        self._told: dict[str, JsonObject] = {}

    def start(self) -> None:
        self._children.adopt(deadline_s=60.0)
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """The loop only; children go on."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()
        self._provisions.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            pause = IDLE_S
            try:
                pause = self._turn()
            except HowdahError as error:
                log.warning("the serving loop will try again: %s", error)
                pause = 1.0
            except Exception:  # a defect met in one turn must not end the supervision of all
                log.exception("the serving loop met a defect and goes on")
                pause = 1.0
            self._woken.wait(pause)

    def _turn(self) -> float:
        self._hear()
        self._limit_memory()
        self._rotate_logs()
        wanted = self._wanted.look(self._serving())
        groups = {group.key: group for one in wanted.values() for group in one.groups}
        self._children.serves(groups)
        self._keep_models(groups)
        self._settle_ingress(wanted)
        actions = plan(groups, self._observed())
        for action in actions:
            self._act(action, groups)
        if any(isinstance(action, GoLive | Drain | Forget) for action in actions):
            self._settle_ingress(wanted)
        self._tell(wanted)
        busy = bool(actions) or any(
            running.state is not State.READY for running in self._children.running.values()
        )
        now = self._clock.monotonic_s()
        pausing = any(failure.retry_at_s > now for failure in self._failures.values())
        return BUSY_S if busy or pausing else IDLE_S

    def _hear(self) -> None:
        """What the watchers report. A report about an earlier process of a slot means nothing."""
        while True:
            try:
                slot, pid, what, words = self._reports.get_nowait()
            except queue.Empty:
                return
            running = self._children.running.get(slot)
            if running is None or running.pid != pid:
                continue
            now = self._clock.monotonic_s()
            if what == "ready" and running.state is State.STARTING:
                self._children.ready(slot, now)
                self._reasons.pop((slot.group, slot.revision), None)
            elif what == "late":
                self._reasons[slot.group, slot.revision] = words
            elif what == "ended":
                running.exited, running.ended = True, words
                if running.state in (State.STARTING, State.READY):
                    self._failures[slot] = next_failure(
                        self._failures.get(slot), running.has_served(now), now
                    )
                    self._tell_crash(slot, running.fault or words)

    def _limit_memory(self) -> None:
        """A process over its limit is ended, as a kernel would end its container. One without a limit
        may have three quarters of the machine, so that it never takes the machine down."""
        now = self._clock.monotonic_s()
        if now < self._memory_at_s:
            return
        self._memory_at_s = now + MEMORY_EVERY_S
        for running in self._children.running.values():
            limits = Limits(running.launch.memory_bytes or most_bytes())
            if running.state is State.READY or running.state is State.STARTING:
                held = limits.memory_excess(running.pid)
                if held is not None:
                    self._children.kill(running.slot)
                    running.fault = f"held {held >> 20} MiB, more than its limit, and was killed"
                    message = f"{running.slot.member} {running.fault}"
                    self._event(running.slot.group, "OOMKilled", message, "Warning")

    def _rotate_logs(self) -> None:
        now = self._clock.monotonic_s()
        if now >= self._logs_at_s:
            self._logs_at_s = now + LOGS_EVERY_S
            self._proxy.rotate_logs()
            self._children.rotate_logs()

    def _observed(self) -> Observed:
        now = self._clock.monotonic_s()
        routed = {
            slot
            for slot, running in self._children.running.items()
            if any(
                Endpoint(running.http_port, running.grpc_port) in backend.endpoints
                for backend in self._proxy.published.backends
            )
        }
        return Observed(
            children=tuple(running.view() for running in self._children.running.values()),
            live=dict(self._children.live),
            serving=dict(self._children.serving),
            models=self._provisions.models(),
            environments=self._provisions.environments(),
            failures=dict(self._failures),
            routed=frozenset(routed),
            now_s=now,
            drain_s=self._drain_s,
        )

    def _act(self, action: Action, groups: Mapping[str, Group]) -> None:
        match action:
            case Fetch(source, namespace):
                self._provisions.fetch(source, namespace)
            case Prepare(image):
                self._provisions.prepare(image)
            case Start(slot):
                self._start(slot, self._group(slot, groups))
            case GoLive(group, revision):
                self._children.go_live(group, revision)
                self._children.serves(groups)
                self._reasons.pop((group, revision), None)
                self._event(
                    group, "Ready", f"revision {revision} of {group.split('/')[2]} serves from now on"
                )
            case Drain(slot):
                running = self._children.running[slot]
                running.state, running.since_s = State.DRAINING, self._clock.monotonic_s()
            case Resume(slot):
                running = self._children.running[slot]
                running.state, running.since_s = State.READY, self._clock.monotonic_s()
            case Stop(slot):
                self._children.stop(slot)
            case Forget(slot):
                self._children.forget(slot)
                self._verify_model(slot, groups)

    def _keep_models(self, groups: Mapping[str, Group]) -> None:
        known = (*groups.values(), *self._children.serving.values())
        self._provisions.keep(
            {member.model for group in known for member in group.members if member.model is not None}
        )

    def _verify_model(self, slot: Slot, groups: Mapping[str, Group]) -> None:
        """What died may have died of it, and its successor is to read what it read."""
        if slot.group in groups:
            member = self._group(slot, groups).member(slot.member)
            if member is not None and member.model is not None:
                self._provisions.verify(member.model)

    def _serving(self) -> frozenset[tuple[str, str]]:
        """The deployments of which a process answers callers."""
        found = set()
        for slot, running in self._children.running.items():
            live = self._children.live.get(slot.group) == slot.revision
            if live and running.state is State.READY and not running.exited:
                namespace, name = slot.group.split("/")[:2]
                found.add((namespace, name))
        return frozenset(found)

    def _group(self, slot: Slot, groups: Mapping[str, Group]) -> Group:
        """The group of a slot, in the revision of that slot."""
        serving = self._children.serving.get(slot.group)
        before = serving is not None and serving.revision == slot.revision
        return serving if before and serving is not None else groups[slot.group]

    def _start(self, slot: Slot, group: Group) -> None:
        member = group.member(slot.member)
        if member is None:
            return
        try:
            launch = self._launcher.launch(group, member, slot, *self._provisions.of(member))
            self._children.start(slot, launch, group.deadline_s)
        except SecretMissing as missing:
            # Nothing has been tried: one look a second finds the secret soon after it is there.
            self._failures[slot] = Failure(1, self._clock.monotonic_s() + 1.0)
            if self._reasons.get((group.key, group.revision)) != str(missing):
                self._reasons[group.key, group.revision] = str(missing)
                self._event(group.key, "SecretMissing", str(missing), "Warning")
        except (HowdahError, OSError) as error:
            now = self._clock.monotonic_s()
            self._failures[slot] = next_failure(self._failures.get(slot), False, now + 1.0)
            self._reasons[group.key, group.revision] = str(error)
            reason = "ModelNotTrusted" if isinstance(error, NotTrusted) else "FailedToStart"
            self._event(group.key, reason, str(error), "Warning")

    def _settle_ingress(self, wanted: Mapping[tuple[str, str], Desired]) -> None:
        ingress = self._ingress(wanted)
        self._proxy.ensure(ingress)
        self._proxy.publish(ingress)
        self._launcher.publish_endpoints(self._children.running.values())

    def _ingress(self, wanted: Mapping[tuple[str, str], Desired]) -> Ingress:
        backends = []
        routes = []
        for one in wanted.values():
            routes.append(one.route)
            for group in one.groups:
                endpoints = tuple(
                    Endpoint(running.http_port, running.grpc_port)
                    for slot, running in sorted(
                        self._children.running.items(), key=lambda item: item[0].index
                    )
                    if slot.group == group.key
                    and slot.revision == self._children.live.get(group.key)
                    and slot.member == group.front
                    and running.state is State.READY
                    and not running.exited
                )
                if group.key in self._children.live:
                    backends.append(Backend(group.key, endpoints, one.route.limits))
        return Ingress(tuple(routes), tuple(backends))

    def _tell(self, wanted: Mapping[tuple[str, str], Desired]) -> None:
        processes = [
            status.Process(slot, running.state, running.pid, self._store.timestamp())
            for slot, running in self._children.running.items()
        ]
        for (namespace, name), one in wanted.items():
            if (namespace, name) not in self._wanted.refused:
                self._tell_deployment(namespace, name, one, processes)
        self._tell_pods(processes)

    def _tell_deployment(
        self, namespace: str, name: str, one: Desired, processes: list[status.Process]
    ) -> None:
        reasons: dict[str, str] = {}
        for group in one.groups:
            if reason := self._reasons.get((group.key, group.revision)):
                reasons[group.key] = reason
            for member in group.members:
                if reason := self._provisions.reason(member):
                    reasons[group.key] = reason
        try:
            document = self._store.get(objects.SELDON_DEPLOYMENTS, namespace, name)
            before = as_object(document.get("status"))
            front = one.groups[0]
            facts = status.Facts(
                groups=one.groups,
                live=self._children.live,
                processes=processes,
                failures=self._failures,
                reasons=reasons,
                address=self._address(document, front),
                now=self._store.timestamp(),
            )
            after = status.status_of(facts, before)
            if after != before:
                self._store.replace(
                    objects.SELDON_DEPLOYMENTS, namespace, name, {**document, "status": after}
                )
        except (NotFound, Conflict):
            return  # deleted or changed meanwhile: the next turn sees it

    def _address(self, document: JsonObject, front: Group) -> str:
        protocol = str(at(document, "spec", "protocol") or "seldon")
        host = f"127.0.0.1:{self._proxy.port}"
        node = front.members[0].name
        return status.address_of(host, front.namespace, front.deployment, protocol, node)

    def _tell_pods(self, processes: list[status.Process]) -> None:
        stored, _ = self._store.scan(objects.PODS)
        present = {(str(at(p, "metadata", "namespace")), str(at(p, "metadata", "name"))): p for p in stored}
        seen = set()
        for process in processes:
            key = (process.slot.group.split("/")[0], status.pod_name(process.slot))
            seen.add(key)
            before = present.get(key)
            if at(before, "metadata", "annotations", status.PID) != str(process.pid):
                before = None
            pod = status.pod_of(process, self._failures.get(process.slot), before)
            told = str((process.state, process.pid, self._failures.get(process.slot)))
            if key in present and self._told.get(str(key)) == {"told": told}:
                continue
            self._told[str(key)] = {"told": told}
            try:
                if key in present:
                    self._store.replace(objects.PODS, *key, pod)
                else:
                    self._store.create(objects.PODS, *key, pod)
            except (AlreadyExists, NotFound):
                continue
        for key in present.keys() - seen:
            self._told.pop(str(key), None)
            self._store.delete(objects.PODS, *key)

    def _tell_crash(self, slot: Slot, words: str) -> None:
        said = _last_words(tail(self._children.log_path(slot), 60))
        message = f"{slot.member} {words}; its log ends: {said}" if said else f"{slot.member} {words}"
        self._reasons[slot.group, slot.revision] = message
        self._event(slot.group, "BackOff", message, "Warning")

    def _event(self, group: str, reason: str, message: str, type: str = "Normal") -> None:
        namespace, name = group.split("/")[:2]
        try:
            about = self._store.get(objects.SELDON_DEPLOYMENTS, namespace, name)
        except NotFound:
            return
        self._store.record_event(about, reason, message, type)


def _last_words(lines: list[str]) -> str:
    """What a log says of its process' end: its last errors, or its last lines where it names none."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [
        line for line in said if any(word in line for word in ("ERROR", "Error:", "CRITICAL", "Killed"))
    ]
    return " | ".join((errors or said)[-5:])[-700:]
