"""Requests to the daemon through the socket in its folder."""

import errno
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from howdah.core.json import Json, JsonObject
from howdah.daemon import door as doors_of_daemons
from howdah.daemon.door import NAME, Door, NobodyAnswers, ask
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


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/there"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/from", None, "/to"),
        OSError(errno.EIO, "Input/output error"),
    ],
)
def test_what_the_system_refuses_the_daemon_is_raised_where_the_request_was_made(
    opens: Opens, error: OSError
) -> None:
    def answers(asked: JsonObject) -> Generator[Json]:
        yield "first"
        raise error

    told = ask(opens(answers), "look")
    assert next(told) == "first"
    with pytest.raises(type(error)) as raised:
        next(told)
    assert (raised.value.errno, raised.value.filename) == (error.errno, error.filename)
    assert str(raised.value) == str(error)


@pytest.mark.slow
def test_who_asks_nothing_or_reads_nothing_does_not_hold_up_the_closing(tmp_path: Path) -> None:
    talks, ended = threading.Event(), threading.Event()

    def answers(asked: JsonObject) -> Generator[Json]:
        talks.set()
        try:
            while True:
                yield "more" * 1000
        finally:
            ended.set()

    door = Door(tmp_path, answers, patience_s=0.1)
    with socket.socket(socket.AF_UNIX) as idle, socket.socket(socket.AF_UNIX) as stopped:
        for link in (idle, stopped):
            link.connect(str(tmp_path / NAME))
        stopped.sendall(b'{"act": "talk"}\n')
        assert talks.wait(10)
        closing = threading.Thread(target=door.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
    assert ended.is_set()


@pytest.mark.slow
def test_what_is_being_done_at_closing_may_still_say_how_it_ended(tmp_path: Path) -> None:
    closes = threading.Event()

    def answers(asked: JsonObject) -> Generator[Json]:
        yield "begun"
        assert closes.wait(10)
        raise Conflict("it stops")

    door = Door(tmp_path, answers)
    told = ask(tmp_path, "look")
    assert next(told) == "begun"
    closing = threading.Thread(target=door.close)
    closing.start()
    while (tmp_path / NAME).exists():
        closing.join(0.001)
    closes.set()
    with pytest.raises(Conflict, match="it stops"):
        next(told)
    closing.join(10)
    assert not closing.is_alive()


def test_who_asks_nothing_is_sent_away(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(asked: JsonObject) -> Generator[Json]:
        yield asked

    monkeypatch.setattr(doors_of_daemons._Request, "timeout", 0.01)
    state = opens(answers)
    with socket.socket(socket.AF_UNIX) as idle, doors_of_daemons._short(state) as folder:
        idle.settimeout(10)
        idle.connect(str(folder / NAME))
        assert idle.recv(1) == b""


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
    with pytest.raises(NobodyAnswers):
        list(ask(tmp_path, "look"))

    def answers(asked: JsonObject) -> Generator[Json]:
        yield "here"

    state = opens(answers)
    (state / NAME).rename(state / "kept")
    opens(answers)
    assert list(ask(state, "look")) == ["here"]
