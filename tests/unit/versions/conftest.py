from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.pachd.versions import Versions
from howdah.pachd.versions.opening import OpenStore


class HandClock:
    """A clock that a test moves: every reading is a microsecond after the last."""

    def __init__(self) -> None:
        self.at_ns = 1_700_000_000 * 10**9

    def now_ns(self) -> int:
        self.at_ns += 1000
        return self.at_ns

    def monotonic_s(self) -> float:
        return self.at_ns / 1e9


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def versions(tmp_path: Path, clock: HandClock) -> Iterator[Versions]:
    """A store in which nothing happens by itself: commits finish when a test calls `finish`."""
    store = OpenStore(tmp_path / "store", clock)
    yield store.versions
    store.close()
