"""What a sandbox that could not be started leaves behind."""

from pathlib import Path

import pytest

from howdah.core.clock import SystemClock
from howdah.errors import Unavailable
from howdah.pachd.pipelines.workers.isolation import Isolation
from howdah.pachd.pipelines.workers.layout import View
from howdah.pachd.pipelines.workers.sandbox import Sandbox
from howdah.processes.spawner import Spawner


def descriptors() -> list[str]:
    """What this process holds open, by what it leads to."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:  # the listing's own
            continue
    return sorted(found)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_a_start_while_the_daemon_ends_leaves_nothing_open(tmp_path: Path) -> None:
    spawner = Spawner.start()
    spawner.close()
    before = descriptors()
    with pytest.raises(Unavailable, match="the spawner process has ended"):
        Sandbox.start(spawner, Isolation.PLAIN, View(tmp_path), SystemClock())
    assert descriptors() == before
