"""The engine's child processes: started, watched, written down, adopted again.

A child's record is on disk before anybody is led to it, and says everything that a later engine
must find unchanged to take it over: process, start time, configuration (command, environment,
ports). Each child has one watching thread, which reports when it is ready and when it has ended.
"""

import json
import math
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from howdah.core.clock import Clock
from howdah.core.json import JsonObject
from howdah.processes import children as processes
from howdah.processes.commands import Command, Lifetime
from howdah.processes.logfiles import begin, rotate
from howdah.processes.readiness import HttpProbe, NotReady, wait_until_ready
from howdah.seldon.plan import Child, Slot, State
from howdah.seldon.tables import Tables
from howdah.seldon.workload import Group

LOG_LIMIT_BYTES = 16 << 20
GRACE_S = 6.0
SERVED_S = 1.0


class Spawns(Protocol):
    def spawn(self, command: Command, configuration: str | None = None) -> processes.Child: ...


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start: all but its ports and its log."""

    module: str
    arguments: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    python: str = sys.executable
    memory_bytes: int | None = None


@dataclass(slots=True)
class Running:
    """A child as the loop sees it; the loop alone changes it, watchers report through a queue."""

    slot: Slot
    process: processes.Child
    launch: Launch
    http_port: int
    grpc_port: int
    log: Path
    state: State
    since_s: float
    started_s: float
    exited: bool = False
    ended: str = ""
    fault: str = ""
    """For what we killed it."""
    pid: int = field(init=False)

    def __post_init__(self) -> None:
        self.pid = self.process.record.pid

    def has_served(self, now_s: float) -> bool:
        """Whether it was of use for at least as long as it took to start."""
        served_s, start_s = now_s - self.since_s, self.since_s - self.started_s
        return self.state is State.READY and served_s >= max(start_s, SERVED_S)

    def view(self) -> Child:
        return Child(self.slot, self.state, self.since_s, self.exited)


Report = Callable[[Slot, int, str, str], None]
"""(slot, pid, `ready` | `late` | `ended`, words)"""


class Children:
    def __init__(self, tables: Tables, folder: Path, spawner: Spawns, clock: Clock, report: Report) -> None:
        self._tables = tables
        self._folder = folder
        self._spawner = spawner
        self._clock = clock
        self._report = report
        self.running: dict[Slot, Running] = {}
        self.live: dict[str, str] = {}
        self.serving: dict[str, Group] = {}
        """What the live revisions consist of: whole even when none of their processes is left."""

    def start(self, slot: Slot, launch: Launch, deadline_s: float) -> Running:
        """Raises what the spawner raises when the program cannot be started."""
        http_port, grpc_port = free_port(), free_port()
        log = self.log_path(slot)
        begin(log)
        command = _command(launch, http_port, grpc_port, self._folder, log)
        child = self._spawner.spawn(command)
        now = self._clock.monotonic_s()
        running = Running(slot, child, launch, http_port, grpc_port, log, State.STARTING, now, now)
        self._write(running)
        self.running[slot] = running
        self._watch(running, deadline_s)
        return running

    def adopt(self, deadline_s: float) -> list[Running]:
        """Take over every recorded child that is still the one in its record; drop the others' records.

        One that no longer runs as recorded but lives is stopped: nobody would know it.
        """
        found = []
        for key, body in self._tables.serving().items():
            self.serving[key] = Group.read(body)
            self.live[key] = self.serving[key].revision
        for key, record in self._tables.children().items():
            if key == ENVOY_KEY:
                continue
            running = self._adopted(record)
            if running is None:
                self._tables.drop_child(key)
                continue
            self.running[running.slot] = running
            if record.get("live"):
                self.live[running.slot.group] = running.slot.revision
            self._watch(running, deadline_s)
            found.append(running)
        return found

    def _adopted(self, record: JsonObject) -> Running | None:
        saved = _Saved.read(record)
        command = _command(saved.launch, saved.http_port, saved.grpc_port, self._folder, saved.log)
        known = processes.ChildRecord(saved.pid, saved.started, saved.configuration)
        child = processes.adopt(known, command.digest())
        if child is None:
            stray = processes.adopt(known, known.configuration)
            if stray is not None:
                threading.Thread(target=stray.stop, args=(GRACE_S,), daemon=True).start()
            return None
        now = self._clock.monotonic_s()
        ports = (saved.http_port, saved.grpc_port)
        running = Running(saved.slot, child, saved.launch, *ports, saved.log, State.STARTING, now, now)
        # Once ready, it is ready still unless it says otherwise: the ingress must not let go of it.
        running.state = State.READY if record.get("ready") else State.STARTING
        return running

    def ready(self, slot: Slot, now_s: float) -> None:
        running = self.running[slot]
        running.state, running.since_s = State.READY, now_s
        self._write(running)

    def go_live(self, group: str, revision: str) -> None:
        self.live[group] = revision
        with self._tables.write():
            for running in self.running.values():
                if running.slot.group == group:
                    self._write(running)

    def serves(self, groups: Mapping[str, Group]) -> None:
        """Keep what the live revisions consist of, and nothing of groups that are no more."""
        for key, group in groups.items():
            if self.live.get(key) == group.revision and self.serving.get(key) != group:
                self.serving[key] = group
                self._tables.put_serving(key, group.written())
        for key in {*self.live, *self.serving} - set(groups):
            self.live.pop(key, None)
            self.serving.pop(key, None)
            self._tables.drop_serving(key)

    def forget(self, slot: Slot) -> None:
        self.running.pop(slot, None)
        self._tables.drop_child(key_of(slot))

    def stop(self, slot: Slot) -> None:
        """Begin to stop it; its watcher reports the end."""
        running = self.running[slot]
        running.state = State.STOPPING
        threading.Thread(target=running.process.stop, args=(GRACE_S,), name="stopping", daemon=True).start()

    def rotate_logs(self) -> None:
        for running in self.running.values():
            rotate(running.log, LOG_LIMIT_BYTES)

    def kill(self, slot: Slot) -> None:
        """At once and without its consent; its watcher reports the end."""
        process = self.running[slot].process
        threading.Thread(target=process.stop, args=(0.0,), name="killing", daemon=True).start()

    def stop_all(self) -> None:
        threads = [
            threading.Thread(target=running.process.stop, args=(GRACE_S,))
            for running in self.running.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for slot in list(self.running):
            self.forget(slot)

    def log_path(self, slot: Slot) -> Path:
        name = f"{slot.group}/{slot.member}-{slot.revision}-{slot.index}".replace("/", "~")
        return self._folder / "logs" / f"{name}.log"

    def _watch(self, running: Running, deadline_s: float) -> None:
        threading.Thread(target=self._follow, args=(running, deadline_s), name="watch", daemon=True).start()

    def _follow(self, running: Running, deadline_s: float) -> None:
        """A process that is late is waited for all the same: being late is a thing to say, not to punish."""
        slot, pid = running.slot, running.pid
        probe = HttpProbe(running.http_port, "/ready")
        for patience_s in (deadline_s, math.inf):
            try:
                wait_until_ready(running.process, probe, patience_s, slot.member)
            except NotReady as late:
                if running.process.poll() is not None:
                    break
                self._report(slot, pid, "late", str(late))
            else:
                self._report(slot, pid, "ready", "")
                break
        how = running.process.wait()
        self._report(slot, pid, "ended", str(how) if how is not None else "ended")

    def _write(self, running: Running) -> None:
        record = running.process.record
        saved = _Saved(
            running.slot,
            running.launch,
            running.http_port,
            running.grpc_port,
            running.log,
            record.pid,
            record.started,
            record.configuration,
        )
        live = self.live.get(running.slot.group) == running.slot.revision
        ready = running.state is State.READY
        self._tables.put_child(key_of(running.slot), {**saved.written(), "live": live, "ready": ready})


ENVOY_KEY = "envoy"


@dataclass(frozen=True, slots=True)
class _Saved:
    slot: Slot
    launch: Launch
    http_port: int
    grpc_port: int
    log: Path
    pid: int
    started: str
    configuration: str

    def written(self) -> JsonObject:
        slot, launch = self.slot, self.launch
        return {
            "slot": [slot.group, slot.revision, slot.member, slot.index],
            "launch": json.dumps(
                [launch.module, launch.arguments, launch.env, launch.python, launch.memory_bytes]
            ),
            "ports": [self.http_port, self.grpc_port],
            "log": str(self.log),
            "pid": self.pid,
            "started": self.started,
            "configuration": self.configuration,
        }

    @classmethod
    def read(cls, record: JsonObject) -> "_Saved":
        group, revision, member, index = json.loads(json.dumps(record["slot"]))
        module, arguments, env, python, memory = json.loads(str(record["launch"]))
        http_port, grpc_port = json.loads(json.dumps(record["ports"]))
        launch = Launch(module, tuple(arguments), tuple((k, v) for k, v in env), python, memory)
        return cls(
            Slot(group, revision, member, index),
            launch,
            http_port,
            grpc_port,
            Path(str(record["log"])),
            int(str(record["pid"])),
            str(record["started"]),
            str(record["configuration"]),
        )


def key_of(slot: Slot) -> str:
    return f"{slot.group}#{slot.revision}#{slot.member}#{slot.index}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(launch: Launch, http_port: int, grpc_port: int, folder: Path, log: Path) -> Command:
    env = {
        **base_environment(folder),
        **dict(launch.env),
        "MLSERVER_HOST": "127.0.0.1",
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(http_port),
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(grpc_port),
    }
    if "HOWDAH_APP" in env:
        env["PYTHONPATH"] = f"{env['PYTHONPATH']}{os.pathsep}{env['HOWDAH_APP']}"
    argv = (launch.python, "-m", launch.module, *launch.arguments)
    return Command(
        argv=argv,
        env=env,
        cwd=folder,
        lifetime=Lifetime.OUTLIVES_DAEMON,
        stdout=log,
        stderr=log,
    )


def base_environment(folder: Path) -> Mapping[str, str]:
    """What every child gets: nothing of the daemon's own environment but where its code is."""
    source = str(Path(__file__).parents[2])
    return {
        "PATH": os.defpath,
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": source,
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "HF_HUB_OFFLINE": "1",
    }
