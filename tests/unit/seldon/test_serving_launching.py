"""What a process is told at its start."""

from pathlib import Path

from howdah.core.clock import SystemClock
from howdah.seldon.launching import Launcher, LogPolicy
from howdah.seldon.objects import Objects
from howdah.seldon.plan import Slot
from howdah.seldon.tables import Tables
from howdah.seldon.workload import Group, Member


def test_each_replica_remembers_for_itself_over_all_revisions(tmp_path: Path):
    """Online detectors save what they have seen: two of them must not share one place."""
    tables = Tables(tmp_path / "seldon.db")
    launcher = Launcher(Objects(tables, SystemClock()), tmp_path, (), LogPolicy(tmp_path / "log"))
    member = Member("m", "howdah.runtimes.serve", replicas=2)
    group = Group("ns/d/p", "ns", "d", "p", (member,), "m")

    def folder(revision: str, index: int) -> Path:
        launch = launcher.launch(group, member, Slot(group.key, revision, "m", index), None, None)
        return Path(dict(launch.env)["HOWDAH_STATE_FOLDER"])

    first, second = folder("r1", 0), folder("r1", 1)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
    assert (folder("r2", 0), folder("r2", 1)) == (first, second)
    tables.close()
