"""What is being waited for, on one line of stderr, while a call that waits has not returned.

The line is drawn by a thread of its own, which asks beside that call. Where nobody watches there is
neither thread nor question.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from howdah.cli.pachctl.progress import draw, erase, left
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields
from howdah.errors import HowdahError

EVERY_S = 0.5
ENDED = frozenset({4, 5, 6, 9})
"""Failure, success, killed, unrunnable."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How far something is; `pipeline` is the one at work, if one is, and has so many datums."""

    jobs: int = 0
    ended: int = 0
    pipeline: str = ""
    done: int = 0
    total: int = 0


class Waiting:
    """A context manager, for as long as there is something to wait for."""

    def __init__(self, look: Callable[[], Stand]) -> None:
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True) if sys.stderr.isatty() else None

    def __enter__(self) -> "Waiting":
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=1)  # a pachd that has stopped answering holds nobody up
            erase()

    def _draw(self) -> None:
        begun = time.monotonic()
        pipeline, since, before = "", begun, 0
        while not self._over.wait(EVERY_S):
            try:
                stand = self._look()
            except HowdahError:
                continue  # the call that waits tells what is wrong
            now = time.monotonic()
            if stand.pipeline != pipeline:
                pipeline, since, before = stand.pipeline, now, stand.done
            if not self._over.is_set():
                draw(line(stand, now - begun, stand.done - before, now - since))


def line(stand: Stand, waited_s: float, done: int, within_s: float) -> str:
    """`done` datums were seen to be done within `within_s`: their rate, and when the rest would be."""
    words = [f"waiting {waited_s:.0f} s"]
    if stand.jobs:
        words.append(f"{stand.ended} of {stand.jobs} jobs")
    if stand.pipeline:
        words.append(f"{stand.pipeline} {stand.done} of {stand.total} datums")
    if done and within_s:
        words.append(f"{done / within_s:.3g}/s, {left(stand.total - stand.done, done / within_s)}")
    return ", ".join(words)


def stand(jobs: Sequence[Fields]) -> Stand:
    ended = sum(info.state in ENDED for info in jobs)
    for info in jobs:
        if info.state not in ENDED and info.data_total:
            done = info.data_processed + info.data_skipped + info.data_failed + info.data_recovered
            return Stand(len(jobs), ended, info.job.pipeline.name, done, info.data_total)
    return Stand(len(jobs), ended)


def for_set(session: Session, identity: str) -> Waiting:
    """For all jobs of a global ID."""
    job_set = session.message("pps_v2.JobSet", id=identity)
    return Waiting(lambda: stand(list(session.pps_stream("InspectJobSet", job_set=job_set))))


def for_job(session: Session, job: Fields) -> Waiting:
    return Waiting(lambda: stand([session.pps("InspectJob", job=job)]))


def for_commit(session: Session, commit: Fields) -> Waiting:
    """For the jobs of the set that a commit is in, which make it or go before it."""

    def look() -> Stand:
        identity = session.pfs("InspectCommit", commit=commit).commit.id
        job_set = session.message("pps_v2.JobSet", id=identity)
        return stand(list(session.pps_stream("InspectJobSet", job_set=job_set)))

    return Waiting(look)
