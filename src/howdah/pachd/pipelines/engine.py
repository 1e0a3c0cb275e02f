"""The pipelines of one daemon: what the wire holds."""

from collections.abc import Callable, Mapping

from howdah.core.refs import CommitId
from howdah.pachd.pipelines.births import Births
from howdah.pachd.pipelines.crew import Crew
from howdah.pachd.pipelines.files import CommitFiles
from howdah.pachd.pipelines.logs import LogStore
from howdah.pachd.pipelines.records import PipelineInfo
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.pipelines.run import Controller
from howdah.pachd.pipelines.setup import worker_setup
from howdah.pachd.pipelines.workers.task import Running, WorkerSetup
from howdah.pachd.versions import Versions


class Engine:
    """Jobs follow commits from construction on; work begins with `start` and ends with `stop`."""

    def __init__(
        self,
        versions: Versions,
        files: CommitFiles,
        logs: LogStore,
        make_worker: Callable[[WorkerSetup], Running],
        environment: Mapping[str, str],
    ) -> None:
        """`environment` holds variables that all user code gets, such as where pachd listens; it is
        read whenever a worker is made."""
        self.versions = versions
        self.files = files
        self.logs = logs
        self._make_worker = make_worker
        self._environment = environment
        self.controller = Controller(versions, files, self._crew, self._say)
        versions.register(Births())

    def start(self) -> None:
        self.controller.start()

    def stop(self) -> None:
        self.controller.stop()

    def workers_of(self, info: PipelineInfo) -> int:
        """How many workers could begin at once."""
        return 0 if info.stopped else info.spec.parallelism

    def _crew(self, info: PipelineInfo) -> Crew:
        def make(number: int) -> Running:
            with self.versions.view() as view:
                setup = worker_setup(view.connection, info, number, self._environment)
            return self._make_worker(setup)

        return Crew(make, info.spec.parallelism, self.versions.clock)

    def _say(self, ref: PipelineRef, job: CommitId | None, message: str) -> None:
        self.logs.master(ref, message, job)
