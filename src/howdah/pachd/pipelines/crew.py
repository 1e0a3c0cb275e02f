"""The workers of one pipeline version: as many places as its parallelism, filled when needed.

Workers outlive a job, so that what they hold (an environment, a cache of inputs, a batch of
user code) serves the next one. Each place is driven by one thread while a job is worked on.
"""

import threading
from collections.abc import Callable, Iterator, Sequence

from howdah.core.clock import Clock
from howdah.errors import HowdahError
from howdah.pachd.pipelines.refs import JobRef
from howdah.pachd.pipelines.workers.task import DatumResult, DatumTask, Doing, Ending, Running


class CrewDismissed(HowdahError):
    """The pipeline has another version, or is gone, and so are these workers."""


class _Place:
    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Running | None = None
        self.doing: Doing | None = None


class Crew:
    def __init__(self, make: Callable[[int], Running], size: int, clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._places = [_Place(number) for number in range(size)]
        self._lock = threading.Lock()
        self._closed = False
        self._shifts = 0
        self._rested_s = clock.monotonic_s()

    @property
    def idle_since_s(self) -> float | None:
        """On the monotonic clock; None while there is work, or nobody to send home."""
        with self._lock:
            hired = any(place.worker is not None for place in self._places)
            return self._rested_s if hired and not self._shifts else None

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def size(self) -> int:
        return len(self._places)

    def work(
        self,
        sets: Iterator[Sequence[DatumTask]],
        done: Callable[[DatumTask, DatumResult], None],
        cancelled: threading.Event,
    ) -> None:
        """Run every task; returns when all are done or the job was cancelled.

        The first exception that a worker or `sets` raises stops the rest and is raised here.
        """
        with self._lock:
            self._shifts += 1
        try:
            self._work(_Shift(self, sets, done, cancelled))
        finally:
            with self._lock:
                self._shifts -= 1
                self._rested_s = self._clock.monotonic_s()

    def _work(self, shift: "_Shift") -> None:
        others = [
            threading.Thread(target=shift.at, args=(place,), name=f"worker-{place.number}", daemon=True)
            for place in self._places[1:]
        ]
        for thread in others:
            thread.start()
        shift.at(self._places[0])
        for thread in others:
            thread.join()
        if shift.error is not None:
            raise shift.error

    def run_one(self, place: _Place, task: DatumTask) -> DatumResult:
        doing = Doing(place.number, task.job, task.datum.inputs, self._clock.now_ns())
        with self._lock:
            if self._closed:
                raise CrewDismissed(f"the workers of {task.job.pipeline} were dismissed")
            if place.worker is None:
                place.worker = self._make(place.number)
            worker, place.doing = place.worker, doing
        try:
            return worker.run(task)
        finally:
            with self._lock:
                place.doing = None

    def doing(self, job: JobRef | None = None) -> list[Doing]:
        with self._lock:
            found = [place.doing for place in self._places if place.doing is not None]
        return [each for each in found if job is None or each.job == job]

    def cancel(self, job: JobRef) -> None:
        """End whatever user code runs for the job now."""
        self._cancel(lambda doing: doing.job == job)

    def restart(self, job: JobRef, filters: Sequence[str]) -> bool:
        """End the user code of the datums that match; they are run again. False if none matches."""
        return self._cancel(lambda doing: doing.job == job and doing.matches(filters)) > 0

    def _cancel(self, wanted: Callable[[Doing], bool]) -> int:
        with self._lock:
            chosen = [p.worker for p in self._places if p.worker and p.doing and wanted(p.doing)]
        for worker in chosen:
            worker.cancel()
        return len(chosen)

    def close(self) -> None:
        """Ends what they do; a job that still works with them gets `CrewDismissed`."""
        with self._lock:
            self._closed = True
            workers = [place.worker for place in self._places if place.worker is not None]
            for place in self._places:
                place.worker = None
        for worker in workers:
            worker.close()


class _Shift:
    """One job's turn with the crew."""

    def __init__(
        self,
        crew: Crew,
        sets: Iterator[Sequence[DatumTask]],
        done: Callable[[DatumTask, DatumResult], None],
        cancelled: threading.Event,
    ) -> None:
        self.error: BaseException | None = None
        self._crew = crew
        self._sets = sets
        self._done = done
        self._cancelled = cancelled
        self._lock = threading.Lock()

    def at(self, place: _Place) -> None:
        try:
            while (tasks := self._next()) is not None:
                for task in tasks:
                    if self._over():
                        return
                    self._finish(place, task)
        except BaseException as error:  # noqa: BLE001  raised again in the thread that called work()
            self.error = self.error or error

    def _finish(self, place: _Place, task: DatumTask) -> None:
        while not self._over():
            result = self._crew.run_one(place, task)
            if result.ending is not Ending.CANCELLED:
                self._done(task, result)
                return

    def _next(self) -> Sequence[DatumTask] | None:
        with self._lock:
            return None if self._over() else next(self._sets, None)

    def _over(self) -> bool:
        return self.error is not None or self._cancelled.is_set()
