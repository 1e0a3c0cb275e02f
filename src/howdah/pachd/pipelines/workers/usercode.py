"""Running the user's commands in a worker's sandbox, which is built when first needed."""

import os
from collections.abc import Mapping
from pathlib import Path

from howdah.pachd.pipelines.logs import DatumLog
from howdah.pachd.pipelines.workers import variables
from howdah.pachd.pipelines.workers.folder import WorkerFolder
from howdah.pachd.pipelines.workers.layout import View, kept_in_tmp
from howdah.pachd.pipelines.workers.sandbox import Ended, Sandbox, UserCommand, root_of
from howdah.pachd.pipelines.workers.task import WorkerSetup
from howdah.pachd.pipelines.workers.watching import DatumWatch
from howdah.pachd.pipelines.workers.workplace import Workplace, base_variables
from howdah.processes.environments import Environment

LONGEST_QUOTE = 300


class UserCode:
    """Used by one thread at a time; `interrupt` by any."""

    def __init__(
        self,
        workplace: Workplace,
        setup: WorkerSetup,
        outer: Mapping[str, str],
        folder: WorkerFolder,
        environment: Environment,
    ) -> None:
        self._workplace = workplace
        self._setup = setup
        self._outer = outer
        self._folder = folder
        self._environment = environment
        self._shut_in = workplace.detected.isolation.shuts_in
        self._view = View(
            folder.path,
            hidden=(workplace.places.state,),
            visible=environment.visible,
            app=environment.app,
            extra=_lay_out(setup.secret_files, folder.path / "secrets"),
        )
        self.kept_in_tmp = kept_in_tmp(self._view)
        """Names in the private /tmp that must survive its clearing."""
        self._sandbox: Sandbox | None = None
        self._cpus: frozenset[int] | None = None
        """Which processors its code may use; None for all."""
        self.pfs = "/pfs" if self._shut_in else str(folder.pfs)
        """Where user code sees /pfs."""
        home = "/tmp" if self._shut_in else str(folder.tmp)
        base = base_variables(environment, outer, home)
        self.variables = variables.of_worker(setup, base, environment.id)
        """Of every command of this worker."""
        if not self._shut_in:
            self.variables["PFS_ROOT"] = self.pfs
        self._home = home

    @property
    def root(self) -> Path:
        """The root folder as user code sees it; only right after a command has ended by itself."""
        return root_of(self._sandbox) if self._sandbox is not None else Path("/")

    @property
    def sandbox(self) -> Sandbox | None:
        return self._sandbox

    def execute(
        self,
        argv: tuple[str, ...],
        stdin: tuple[str, ...],
        env: Mapping[str, str],
        watch: DatumWatch,
        accepted: tuple[int, ...] = (),
    ) -> str:
        """Run one command to its end; empty when it ended well, else why not, in the user's words.

        Raises Unavailable when no sandbox can be had.
        """
        sandbox = self._ready()
        watch.sandbox = sandbox
        command = UserCommand(
            tuple(self._inside(word) for word in argv),
            {name: self._inside(value) for name, value in env.items()},
            self._cwd(),
            self._inside("".join(f"{line}\n" for line in stdin)) if stdin else None,
        )
        ended = sandbox.run(command, watch)
        if not sandbox.alive:
            sandbox.close()
            self._sandbox = None
        return judge(argv[0], ended, accepted, watch.log)

    def interrupt(self) -> None:
        sandbox = self._sandbox
        if sandbox is not None:
            sandbox.interrupt()

    def kill(self) -> None:
        """Kill the command that another thread runs now, and all else inside."""
        sandbox = self._sandbox
        if sandbox is not None:
            sandbox.kill()

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        self._workplace.processors.give_back(self._cpus)
        self._cpus = None

    def _ready(self) -> Sandbox:
        if self._sandbox is None:
            if self._cpus is None:
                self._cpus = self._workplace.processors.take(self._setup.limits.cpu or None)
            self._sandbox = Sandbox.start(
                self._workplace.spawner,
                self._workplace.detected.isolation,
                self._view,
                self._workplace.clock,
                cpus=self._cpus,
                env={"PATH": self._outer.get("PATH", os.defpath)},
            )
        return self._sandbox

    def _cwd(self) -> str:
        chosen = self._setup.transform.working_dir or self._environment.workdir
        if not chosen:
            chosen = "/app" if self._environment.app is not None else self._home
        return self._inside(chosen)

    def _inside(self, text: str) -> str:
        """As a plain process must read it: /pfs and /app stand elsewhere there."""
        if self._shut_in:
            return text
        text = variables.moved(text, "/pfs", self.pfs)
        app = self._environment.app
        return text if app is None else variables.moved(text, "/app", str(app))


def judge(name: str, ended: Ended, accepted: tuple[int, ...], log: DatumLog | None) -> str:
    """Empty for a good end, else a sentence that a newcomer understands."""
    if ended.stopped:
        return ended.stopped
    if ended.exit is None:
        hint = "; transform.cmd is run directly, so put a shell before it" if " " in name else ""
        return f'cannot run "{name}": {ended.not_started}{hint}'
    if ended.exit.succeeded or ended.exit.code in accepted:
        return ""
    words = log.last_words[-LONGEST_QUOTE:] if log is not None else ""
    return f"the command {ended.exit}" + (f"; its last words were: {words}" if words else "")


def _lay_out(files: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    """Write secret files, a folder of ours for each folder inside, since a mount shows folders."""
    found: dict[str, Path] = {}
    for inside, content in files.items():
        parent, _, name = inside.rpartition("/")
        if parent not in found:
            found[parent] = folder / str(len(found))
            found[parent].mkdir(parents=True, mode=0o700)
        (found[parent] / name).write_bytes(content)
    return found
