"""Cron triggers tick by the clock that the store is given, and across restarts."""

from howdah.core.refs import BranchRef, CommitRef, RepoRef
from howdah.pachd.versions import Transaction, Trigger, Versions
from howdah.pachd.versions.cron import CronTriggers, run_due
from howdah.pachd.versions.tables import Content

RAW, CLEAN = RepoRef("raw"), RepoRef("clean")
MASTER, DAILY, OUT = BranchRef(RAW, "master"), BranchRef(RAW, "daily"), BranchRef(CLEAN, "master")
DAY_NS = 24 * 3600 * 10**9


def commit(versions: Versions) -> CommitRef:
    def change(tx: Transaction) -> CommitRef:
        ref = tx.start_commit(MASTER)
        tx.finish_commit(ref)
        tx.complete_commit(tx.view.commit(ref), error="", size_bytes=0, content=Content(None, None))
        return ref

    return versions.transact(change)


def set_up(versions: Versions) -> None:
    versions.transact(lambda tx: (tx.create_repo(RAW), tx.create_repo(CLEAN), tx.create_branch(MASTER)))
    versions.transact(lambda tx: tx.create_branch(DAILY, trigger=Trigger("master", cron_spec="@daily")))
    versions.transact(lambda tx: tx.create_branch(OUT, provenance=[DAILY]))


def heads(versions: Versions) -> tuple[CommitRef, CommitRef]:
    with versions.view() as view:
        return view.branch(DAILY).head, view.branch(OUT).head


def test_a_branch_follows_at_each_tick_and_not_before(versions: Versions, clock) -> None:
    set_up(versions)
    before = heads(versions)
    ref = commit(versions)
    next_ns = run_due(versions)
    assert next_ns is not None
    assert clock.at_ns < next_ns <= clock.at_ns + DAY_NS
    assert heads(versions) == before
    clock.at_ns = next_ns
    assert run_due(versions) == next_ns + DAY_NS
    daily, out = heads(versions)
    assert daily == ref
    with versions.view() as view:
        assert view.commit(out).direct_provenance == (ref,)
    assert run_due(versions) == next_ns + DAY_NS


def test_a_tick_that_fell_into_a_pause_is_made_up_for_once(versions: Versions, clock) -> None:
    set_up(versions)
    ref = commit(versions)
    clock.at_ns += 10 * DAY_NS
    run_due(versions)
    moved = heads(versions)
    assert moved[0] == ref
    run_due(versions)
    assert heads(versions) == moved


def test_nothing_ticks_without_a_cron_trigger(versions: Versions) -> None:
    versions.transact(lambda tx: (tx.create_repo(RAW), tx.create_branch(MASTER)))
    assert run_due(versions) is None
    CronTriggers(versions).close()
