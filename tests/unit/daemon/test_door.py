"""Requests to the daemon through the socket in its folder."""

import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from howdah.core.json import Json, JsonObject
from howdah.daemon.door import NAME, Door, ask
from howdah.errors import Conflict, Unavailable

Opens = Callable[[Callable[[JsonObject], Generator[Json]]], Path]


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    doors: list[Door] = []
    state = tmp_path / ("a-folder-whose-name-is-far-too-long-for-the-address-of-a-socket" * 3)
    state.mkdir()

    def opened(answers: Callable[[JsonObject], Generator[Json]]) -> Path:
        doors.append(Door(state, answers))
        return state

    yield opened
    for door in doors:
        door.close()
    assert not (state / NAME).exists()


def test_answers_come_one_by_one(opens: Opens) -> None:
    def answers(asked: JsonObject) -> Generator[Json]:
        yield asked
        yield [1, "two"]

    assert list(ask(opens(answers), "look", far=True)) == [{"act": "look", "far": True}, [1, "two"]]


def test_errors_are_raised_where_the_request_was_made(opens: Opens) -> None:
    def answers(asked: JsonObject) -> Generator[Json]:
        yield "first"
        raise Conflict("not now", why="it is late", remedy="Sleep.")

    told = ask(opens(answers), "look")
    assert next(told) == "first"
    with pytest.raises(Conflict, match="not now") as raised:
        next(told)
    assert (raised.value.why, raised.value.remedy) == ("it is late", "Sleep.")


def test_a_fault_in_the_daemon_is_no_answer_and_the_door_stays_open(opens: Opens) -> None:
    def answers(asked: JsonObject) -> Generator[Json]:
        yield 1 // int(str(asked["divisor"]))

    state = opens(answers)
    with pytest.raises(Unavailable, match="broke off"):
        list(ask(state, "divide", divisor=0))
    assert list(ask(state, "divide", divisor=1)) == [1]


def test_what_can_be_stopped_stops_when_nobody_listens_any_more(opens: Opens) -> None:
    stopped = threading.Event()

    def answers(asked: JsonObject) -> Generator[Json]:
        try:
            while True:
                yield "more" * 1000
        finally:
            stopped.set()

    told = ask(opens(answers), "talk")
    next(told)
    told.close()  # type: ignore[attr-defined]
    assert stopped.wait(10)


def test_a_door_that_a_killed_daemon_left_is_nobodys(opens: Opens, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(ask(tmp_path, "look"))

    def answers(asked: JsonObject) -> Generator[Json]:
        yield "here"

    state = opens(answers)
    (state / NAME).rename(state / "kept")
    opens(answers)
    assert list(ask(state, "look")) == ["here"]
