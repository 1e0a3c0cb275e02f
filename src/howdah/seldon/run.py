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
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from howdah.core.clock import Clock
from howdah.core.json import JsonObject, as_object, at
from howdah.errors import AlreadyExists, Conflict, HowdahError, NotFound
from howdah.processes.limits import Limits
from howdah.processes.logfiles import tail
from howdah.seldon import manifests, objects, status
from howdah.seldon.children import Children
from howdah.seldon.desired import Desired, desired, images_named
from howdah.seldon.fetch import ModelStore
from howdah.seldon.images import Program, resolve
from howdah.seldon.ingress import Backend, Endpoint, Ingress
from howdah.seldon.launching import Launcher, NotTrusted
from howdah.seldon.objects import Objects
from howdah.seldon.plan import (
    Action,
    Drain,
    Failure,
    Fetch,
    Forget,
    GoLive,
    Observed,
    Slot,
    Start,
    State,
    Stop,
    next_failure,
    plan,
)
from howdah.seldon.proxy import Proxy
from howdah.seldon.workload import Group, ModelSource

log = logging.getLogger(__name__)

IDLE_S, BUSY_S = 2.0, 0.05
MEMORY_EVERY_S = 1.0
FETCH_RETRY_S = 5.0
Reported = tuple[Slot, int, str, str]


@dataclass(slots=True)
class _Model:
    """A model's way here: a folder, or the reason why not, tried again later."""

    folder: Path | None = None
    reason: str = ""
    retry_at_s: float = 0.0
    fetching: bool = True


class Loop:
    def __init__(
        self,
        store: Objects,
        children: Children,
        reports: "queue.SimpleQueue[Reported]",
        proxy: Proxy,
        models: ModelStore,
        launcher: Launcher,
        images: Path,
        clock: Clock,
        drain_s: float,
        namespace_ready: Callable[[str], None],
    ) -> None:
        self._store, self._children, self._reports = store, children, reports
        self._proxy, self._models, self._launcher = proxy, models, launcher
        self._images, self._clock, self._drain_s = images, clock, drain_s
        self._namespace_ready = namespace_ready
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._fetches = ThreadPoolExecutor(2, thread_name_prefix="fetch")
        self._fetched: dict[ModelSource, _Model] = {}
        self._failures: dict[Slot, Failure] = {}
        self._reasons: dict[tuple[str, str], str] = {}
        """By group and revision, why that revision cannot be brought about."""
        self._known: dict[tuple[str, str, object], Desired] = {}
        self._memory_at_s = 0.0
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
        self._fetches.shutdown(wait=False, cancel_futures=True)

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
        wanted = self._desired()
        groups = {group.key: group for one in wanted.values() for group in one.groups}
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
                        self._failures.get(slot), now - running.started_s, now
                    )
                    self._tell_crash(slot, words)

    def _limit_memory(self) -> None:
        """A model that takes more than its limit is ended, as a kernel would end its container."""
        now = self._clock.monotonic_s()
        if now < self._memory_at_s:
            return
        self._memory_at_s = now + MEMORY_EVERY_S
        for running in self._children.running.values():
            limits = Limits(running.launch.memory_bytes)
            if running.state is State.READY or running.state is State.STARTING:
                held = limits.memory_excess(running.pid)
                if held is not None:
                    self._children.stop(running.slot)
                    running.state = State.READY  # its end counts as a crash, not as our wish
                    message = f"{running.slot.member} held {held >> 20} MiB, more than its limit: killed"
                    self._event(running.slot.group, "OOMKilled", message, "Warning")

    def _desired(self) -> dict[tuple[str, str], Desired]:
        stored, _ = self._store.scan(objects.SELDON_DEPLOYMENTS)
        wanted: dict[tuple[str, str], Desired] = {}
        kept: dict[tuple[str, str, object], Desired] = {}
        for document in stored:
            metadata = as_object(document.get("metadata"))
            annotations = str(metadata.get("annotations"))
            namespace, name = str(metadata["namespace"]), str(metadata["name"])
            key = (namespace, name, f"{metadata.get('uid')}/{metadata.get('generation')}/{annotations}")
            try:
                made = self._known.get(key) or self._make(document)
            except HowdahError as error:
                self._refuse(document, str(error))
                continue
            kept[key] = wanted[namespace, name] = made
        self._known = kept
        return wanted

    def _make(self, document: JsonObject) -> Desired:
        deployment = manifests.read(document)
        self._namespace_ready(deployment.namespace)
        programs: Mapping[tuple[str, tuple[str, ...]], Program] = {
            (image, command): resolve(image, command, self._images)
            for image, command in images_named(deployment)
        }
        return desired(deployment, programs)

    def _observed(self) -> Observed:
        now = self._clock.monotonic_s()
        for source, model in list(self._fetched.items()):
            if not model.fetching and model.folder is None and model.retry_at_s <= now:
                del self._fetched[source]
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
            models={source: model.folder is not None for source, model in self._fetched.items()},
            failures=dict(self._failures),
            routed=frozenset(routed),
            now_s=now,
            drain_s=self._drain_s,
        )

    def _act(self, action: Action, groups: Mapping[str, Group]) -> None:
        match action:
            case Fetch(source, namespace):
                if source not in self._fetched:
                    self._fetched[source] = _Model()
                    self._fetches.submit(self._fetch, source, namespace)
            case Start(slot):
                self._start(slot, groups[slot.group])
            case GoLive(group, revision):
                self._children.go_live(group, revision)
                self._reasons.pop((group, revision), None)
                self._event(
                    group, "Ready", f"revision {revision} of {group.split('/')[2]} serves from now on"
                )
            case Drain(slot):
                running = self._children.running[slot]
                running.state, running.since_s = State.DRAINING, self._clock.monotonic_s()
            case Stop(slot):
                self._children.stop(slot)
            case Forget(slot):
                self._children.forget(slot)

    def _fetch(self, source: ModelSource, namespace: str) -> None:
        model = self._fetched[source]
        try:
            model.folder = self._models.fetch(source.uri, self._launcher.variables(namespace, source.secret))
        except HowdahError as error:
            model.reason = str(error)
        except OSError as error:
            model.reason = f"{source.uri} cannot be fetched: {error}"
        model.retry_at_s = self._clock.monotonic_s() + FETCH_RETRY_S
        model.fetching = False
        self.wake()

    def _start(self, slot: Slot, group: Group) -> None:
        member = group.member(slot.member)
        if member is None:
            return
        model = self._fetched.get(member.model) if member.model is not None else None
        try:
            launch = self._launcher.launch(group, member, slot, model.folder if model else None)
            self._children.start(slot, launch, group.deadline_s)
        except (HowdahError, OSError) as error:
            now = self._clock.monotonic_s()
            self._failures[slot] = next_failure(self._failures.get(slot), 0.0, now + 1.0)
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
                    backends.append(Backend(group.key, endpoints))
        return Ingress(tuple(routes), tuple(backends))

    def _tell(self, wanted: Mapping[tuple[str, str], Desired]) -> None:
        processes = [
            status.Process(slot, running.state, running.pid, self._store.timestamp())
            for slot, running in self._children.running.items()
        ]
        for (namespace, name), one in wanted.items():
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
                model = self._fetched.get(member.model) if member.model is not None else None
                if model is not None and model.reason:
                    reasons[group.key] = model.reason
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
            pod = status.pod_of(process, self._failures.get(process.slot))
            key = (str(at(pod, "metadata", "namespace")), str(at(pod, "metadata", "name")))
            seen.add(key)
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

    def _refuse(self, document: JsonObject, message: str) -> None:
        """A stored manifest that cannot be brought about: say so where people look."""
        before = as_object(document.get("status"))
        after: JsonObject = {**before, "state": status.FAILED, "description": message}
        condition: JsonObject = {"type": "Ready", "status": "False", "reason": "Refused", "message": message}
        after["conditions"] = [condition]
        if after != before:
            namespace, name = (
                str(at(document, "metadata", "namespace")),
                str(at(document, "metadata", "name")),
            )
            self._store.replace(objects.SELDON_DEPLOYMENTS, namespace, name, {**document, "status": after})
            self._store.record_event(document, "Refused", message, "Warning")


def _last_words(lines: list[str]) -> str:
    """What a log says of its process' end: its last errors, or its last lines where it names none."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [
        line for line in said if any(word in line for word in ("ERROR", "Error:", "CRITICAL", "Killed"))
    ]
    return " | ".join((errors or said)[-5:])[-700:]
