"""Datum batching: user code that runs on and asks for one datum after the other.

The command runs on a thread of its own, under the same watch as ever. It asks for its next
datum over gRPC (`NextDatum`, served by the wire on a port of this worker's), which tells us
that it is done with the last one, well or with an error, and waits until the next one
stands in /pfs. The wire knows nothing of this, nor this of the wire.
"""

import threading
from collections.abc import Callable

from howdah.errors import HowdahError, Unavailable


class Batch:
    """One life of the user's command. `step` by the worker's thread; `next_datum` by the wire's."""

    def __init__(self, execute: Callable[[], str], flush: Callable[[], None]) -> None:
        """`execute` runs the command to its end and says why it ended badly; `flush` returns
        once what the command has printed so far has been logged."""
        self._execute = execute
        self._flush = flush
        self._state = threading.Condition()
        self._asking = False
        self._error = ""
        self._given: list[str] | None = None
        self._ended: str | None = None
        self._failure: HowdahError | None = None
        self._one_call = threading.Lock()
        self._thread = threading.Thread(target=self._live, name="batch", daemon=True)

    def start(self) -> str:
        """Start the command; returns when it asks for its first datum, or with why it ended before."""
        self._thread.start()
        return self._until_asked()

    @property
    def alive(self) -> bool:
        return self._ended is None

    def step(self, env: list[str]) -> str:
        """Hand over a datum that stands ready; returns when the command is done with it.

        Empty when it went well, else the error that user code reported or why it ended.
        """
        with self._state:
            self._given, self._asking, self._error = env, False, ""
            self._state.notify_all()
        return self._until_asked()

    def next_datum(self, error: str) -> list[str]:
        """See `workplace.NextDatum`."""
        with self._one_call:
            self._flush()
            with self._state:
                self._asking, self._error = True, error
                self._state.notify_all()
                self._state.wait_for(lambda: self._given is not None or not self.alive)
                if self._given is None:
                    raise Unavailable("the worker has ended this run of the command; no more datums come")
                given, self._given = self._given, None
                return given

    def join(self) -> None:
        """Wait for the command's end; the sandbox must be being killed."""
        self._thread.join()

    def _until_asked(self) -> str:
        with self._state:
            self._state.wait_for(lambda: (self._asking and self._given is None) or not self.alive)
            if self._failure is not None:
                raise self._failure
            if self._ended is not None:
                return self._ended
            return f"user code reported: {self._error}" if self._error else ""

    def _live(self) -> None:
        ended = ""
        try:
            ended = self._execute()
        except HowdahError as failure:
            self._failure = failure
        with self._state:
            self._ended = ended or "the command ended by itself, before all datums were done"
            self._state.notify_all()
