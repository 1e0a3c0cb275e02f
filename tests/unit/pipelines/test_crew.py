"""Workers that are dismissed while a job still works with them."""

import threading

import pytest

from howdah.core.clock import SystemClock
from howdah.core.refs import CommitId, RepoRef
from howdah.pachd.pipelines.crew import Crew, CrewDismissed
from howdah.pachd.pipelines.datums import Datum, InputFile, Source
from howdah.pachd.pipelines.meta import DatumState
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.workers.task import DatumResult, DatumTask, Ending

COMMIT = CommitId("1" * 32)


class Patient:
    """Runs every datum until it is cancelled, as user code that never ends."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self._cancelled = threading.Event()

    def run(self, task: DatumTask) -> DatumResult:
        self.began.set()
        self._cancelled.wait()
        return DatumResult(Ending.CANCELLED, DatumState.FAILED)

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self.cancel()


def test_nobody_is_hired_after_the_crew_was_dismissed() -> None:
    made: list[Patient] = []

    def make(number: int) -> Patient:
        made.append(Patient())
        return made[-1]

    crew = Crew(make, 1, SystemClock())
    file = InputFile(Source("in", RepoRef("in"), "master", COMMIT), "/a", b"h", 1)
    task = DatumTask(JobRef(PipelineRef("p"), COMMIT), Datum((file,)), COMMIT)
    raised: list[BaseException] = []

    def work() -> None:
        with pytest.raises(CrewDismissed) as error:
            crew.work(iter([[task]]), lambda *_: None, threading.Event())
        raised.append(error.value)

    thread = threading.Thread(target=work)
    thread.start()
    while not made:
        thread.join(0.001)
    made[0].began.wait()
    crew.close()
    thread.join(10)
    assert len(raised) == 1 and len(made) == 1
    assert crew.doing() == []
