"""Waiters park, wake by key, and see what happened before they came."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from howdah.core.refs import BranchRef, CommitRef, CommitSpec, RepoRef
from howdah.pachd.versions import Cancel, Cancelled, CommitState, TimedOut, Transaction, Versions
from howdah.pachd.versions.errors import CommitDeleted, RepoNotFound
from howdah.pachd.versions.finish import Finisher
from howdah.pachd.versions.tables import Content

RAW, CLEAN = RepoRef("raw"), RepoRef("clean")
MASTER = BranchRef(RAW, "master")


def in_thread[T](function: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  the test looks at it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def parked(versions: Versions, count: int = 1) -> None:
    while versions.notifier.waiting() < count:
        threading.Event().wait(0.001)


def complete(versions: Versions, ref: CommitRef) -> None:
    def change(tx: Transaction) -> None:
        tx.finish_commit(ref, force=True)
        tx.complete_commit(tx.view.commit(ref), error="", size_bytes=0, content=Content(None, None))

    versions.transact(change)


@pytest.fixture
def open_commit(versions: Versions) -> CommitRef:
    versions.transact(lambda tx: tx.create_repo(RAW))
    return versions.transact(lambda tx: tx.start_commit(MASTER))


def test_a_waiter_wakes_when_its_commit_finishes(versions: Versions, open_commit: CommitRef) -> None:
    waiting = in_thread(lambda: versions.wait_commit(open_commit))
    parked(versions)
    complete(versions, open_commit)
    assert waiting.result(10).finished
    assert versions.wait_commit(open_commit).finished


def test_a_waiter_hears_of_a_deleted_commit(versions: Versions, open_commit: CommitRef) -> None:
    waiting = in_thread(lambda: versions.wait_commit(open_commit))
    parked(versions)
    versions.transact(lambda tx: tx.delete_repo(RAW))
    with pytest.raises(CommitDeleted, match="was deleted"):
        waiting.result(10)


def test_ready_means_that_upstream_has_finished(versions: Versions, open_commit: CommitRef) -> None:
    versions.transact(lambda tx: tx.create_repo(CLEAN))
    versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "master"), provenance=[MASTER]))
    with versions.view() as view:
        out = view.branch(BranchRef(CLEAN, "master")).head
    waiting = in_thread(lambda: versions.wait_commit(out, CommitState.READY))
    parked(versions)
    complete(versions, open_commit)
    assert waiting.result(10).open


def test_a_wait_can_be_cancelled_or_run_out(versions: Versions, open_commit: CommitRef) -> None:
    cancel = Cancel()
    waiting = in_thread(lambda: versions.wait_commit(open_commit, cancel=cancel))
    parked(versions)
    cancel.cancel()
    with pytest.raises(Cancelled):
        waiting.result(10)
    with pytest.raises(TimedOut, match=f"waiting for commit {open_commit}"):
        versions.wait_commit(open_commit, timeout_s=0)
    assert versions.notifier.waiting() == 0


def test_a_subscription_begins_with_the_past_and_goes_on(versions: Versions, open_commit: CommitRef) -> None:
    cancel = Cancel()
    commits = versions.subscribe_commits(RAW, branch="master", state=CommitState.FINISHED, cancel=cancel)
    first = in_thread(lambda: next(commits))
    parked(versions)
    complete(versions, open_commit)
    assert first.result(10).ref == open_commit
    second = in_thread(lambda: next(commits))
    parked(versions)
    other = versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "other")))
    later = versions.transact(lambda tx: tx.start_commit(MASTER))
    complete(versions, other)
    complete(versions, later)
    assert second.result(10).ref == later
    last = in_thread(lambda: next(commits))
    parked(versions)
    versions.transact(lambda tx: tx.delete_repo(RAW))
    with pytest.raises(RepoNotFound):
        last.result(10)


def test_a_subscription_passes_over_what_is_deleted(versions: Versions, open_commit: CommitRef) -> None:
    commits = versions.subscribe_commits(RAW, state=CommitState.FINISHED)
    first = in_thread(lambda: next(commits))
    parked(versions)
    complete(versions, open_commit)
    assert first.result(10).ref == open_commit
    dropped = versions.transact(lambda tx: tx.start_commit(MASTER))
    second = in_thread(lambda: next(commits))
    parked(versions)
    versions.transact(lambda tx: tx.drop_commit_set(dropped.id))
    later = versions.transact(lambda tx: tx.start_commit(MASTER))
    complete(versions, later)
    assert second.result(10).ref == later


@pytest.mark.slow
def test_nine_hundred_waiters_wake_at_once(versions: Versions, open_commit: CommitRef) -> None:
    waiting = [in_thread(lambda: versions.wait_commit(open_commit)) for _ in range(900)]
    parked(versions, 900)
    other = versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "other")))
    complete(versions, other)
    assert not any(each.done() for each in waiting)
    complete(versions, open_commit)
    assert all(each.result(60).finished for each in waiting)
    assert versions.notifier.waiting() == 0


@pytest.mark.slow
def test_writers_of_one_branch_make_one_line(versions: Versions, open_commit: CommitRef) -> None:
    complete(versions, open_commit)
    finisher = Finisher(versions)

    def write(number: int) -> None:
        for step in range(5):
            with versions.modify(CommitSpec(RAW, "master")) as session:
                session.put(f"/{number}/{step}", b"%d" % step)

    for each in [in_thread(lambda number=number: write(number)) for number in range(8)]:  # type: ignore[misc]
        each.result(60)
    files = versions.files(CommitSpec(RAW, "master"))
    finisher.close()
    assert len(list(files.tree.files())) == 40
    with versions.view() as view:
        assert len(list(view.commits(RAW, to=CommitSpec(RAW, "master")))) == 41


def test_the_log_is_read_by_cursor(versions: Versions, open_commit: CommitRef) -> None:
    with versions.view() as view:
        events = view.events()
        assert [event.kind for event in events] == ["repo.created", "commit.started", "branch.created"]
        assert [event.subject for event in events] == ["default/raw", str(open_commit), "default/raw@master"]
        last = view.last_event()
        assert view.events(last) == []
    waiting = in_thread(lambda: versions.wait_events(last))
    parked(versions)
    versions.transact(lambda tx: tx.emit("job.state", "default/clean@1", "1"))
    assert [event.kind for event in waiting.result(10)] == ["job.state"]
