import dataclasses
from pathlib import Path

import pytest

from howdah.seldon.children import Children
from howdah.seldon.plan import Slot, State
from howdah.seldon.status import Facts, Process, status_of
from howdah.seldon.tables import Tables
from howdah.seldon.workload import Group, Member, ModelSource

KEY = "ns/d/p"
KEPT = "the previous version keeps serving"


def group(revision: str = "r1") -> Group:
    source = ModelSource("s3://b/m", "key")
    member = Member("m", "serve", 2, source, env=(("A", "1"),), secret_env=(("B", "s", "k"),))
    return Group(KEY, "ns", "d", "p", (member,), "m", revision=revision)


def described(live: dict[str, str], *processes: Process) -> str:
    facts = Facts((group("r2"),), live, processes, {}, {KEY: "it does not load"}, "http://x", "now")
    return str(status_of(facts, {})["description"])


def process(revision: str, state: State) -> Process:
    return Process(Slot(KEY, revision, "m", 0), state, 1, "now")


@pytest.mark.parametrize(
    ("live", "processes", "kept"),
    [
        ({KEY: "r1"}, (process("r1", State.READY),), True),
        ({KEY: "r1"}, (process("r1", State.STARTING),), False),
        ({KEY: "r1"}, (), False),
        ({KEY: "r2"}, (process("r2", State.READY),), False),
        ({}, (process("r1", State.READY),), False),
    ],
)
def test_only_a_ready_process_of_an_earlier_version_keeps_serving(live, processes, kept):
    assert (KEPT in described(live, *processes)) is kept


def test_what_serves_is_known_to_the_next_engine_and_forgotten_with_its_deployment(tmp_path: Path):
    """No process is left of it, so nothing else remembers."""

    class Nothing:
        def spawn(self, command: object, configuration: str | None = None) -> object:
            raise AssertionError("nothing is started here")

    def engine() -> Children:
        return Children(Tables(tmp_path / "t.db"), tmp_path, Nothing(), None, lambda *_: None)  # type: ignore[arg-type]

    first = engine()
    first.go_live(KEY, "r1")
    first.serves({KEY: group("r1")})
    first.serves({KEY: group("r2")})
    second = engine()
    second.adopt(1.0)
    assert second.live == {KEY: "r1"}
    assert second.serving == {KEY: group("r1")}
    assert second.serving[KEY].revision == "r1"
    more = dataclasses.replace(group("r1"), members=(dataclasses.replace(group().members[0], replicas=3),))
    second.serves({KEY: more})
    third = engine()
    third.adopt(1.0)
    assert third.serving[KEY].members[0].replicas == 3
    third.serves({})
    assert (third.live, third.serving) == ({}, {})
    last = engine()
    last.adopt(1.0)
    assert (last.live, last.serving) == ({}, {})
