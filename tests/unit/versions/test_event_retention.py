"""The log keeps its last events, and tells a reader that was away for too long."""

import pytest

from howdah.core.refs import RepoRef
from howdah.pachd.versions import Versions, work
from howdah.pachd.versions.errors import EventsForgotten


@pytest.fixture(autouse=True)
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "KEPT_EVENTS", 20)
    monkeypatch.setattr(work, "PRUNE_EVERY", 10)


def make_repos(versions: Versions, start: int, count: int) -> None:
    for number in range(start, start + count):
        versions.transact(lambda tx, number=number: tx.create_repo(RepoRef(f"r{number}")))


def test_old_events_go_and_the_last_stay(versions: Versions) -> None:
    make_repos(versions, 0, 60)
    with versions.view() as view:
        last = view.last_event()
        kept = view.events()
    assert kept[-1].seq == last >= 60
    assert 20 <= len(kept) < 30
    assert [event.seq for event in kept] == list(range(kept[0].seq, last + 1))


def test_a_reader_that_fell_behind_is_told_and_goes_on(versions: Versions) -> None:
    make_repos(versions, 0, 5)
    with versions.view() as view:
        cursor = view.last_event()
    make_repos(versions, 5, 60)
    with versions.view() as view, pytest.raises(EventsForgotten, match="the log begins with") as told:
        view.events(cursor)
    with pytest.raises(EventsForgotten):
        versions.wait_events(cursor)
    with versions.view() as view:
        assert told.value.last == view.last_event()
        assert view.events(told.value.first - 1) == view.events()
        assert view.events(told.value.last) == []
    make_repos(versions, 65, 1)
    assert [event.kind for event in versions.wait_events(told.value.last)] == ["repo.created"]


@pytest.mark.slow
def test_a_long_log_is_cut_bit_by_bit(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose log grew for years must not stop for the time that deleting it takes."""
    monkeypatch.setattr(work, "KEPT_EVENTS", 10_000)
    make_repos(versions, 0, 250)
    monkeypatch.setattr(work, "KEPT_EVENTS", 20)
    lengths = []
    for number in range(250, 290, 10):
        make_repos(versions, number, 10)
        with versions.view() as view:
            lengths.append(len(view.events()))
    assert 100 < lengths[0] < 200
    assert 20 <= lengths[-1] < 40
