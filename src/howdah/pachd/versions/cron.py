"""Cron triggers: at each tick a branch takes over the head of the branch it watches.

Level-triggered: the last tick is the moment at which the branch last changed, as the database has
it, so a restart neither repeats a tick nor forgets the one that fell into the pause.
"""

import threading
from functools import partial

from howdah.core.refs import BranchRef
from howdah.pachd.versions import tables
from howdah.pachd.versions.events import Cancel, Cancelled
from howdah.pachd.versions.records import BranchInfo
from howdah.pachd.versions.store import Versions
from howdah.pachd.versions.transaction import Transaction
from howdah.pachd.versions.triggers import next_tick


def run_due(versions: Versions) -> int | None:
    """Move every branch whose tick has come; the moment of the next tick, None if there is none."""
    now_ns = versions.clock.now_ns()
    nexts: list[int] = []
    with versions.view() as view:
        watching = _with_cron(tables.branches_with_trigger(view.connection))
    for info, spec in watching:
        tick_ns = next_tick(spec, info.updated_ns)
        if tick_ns <= now_ns:
            versions.transact(partial(_tick, ref=info.ref))
            tick_ns = next_tick(spec, now_ns)
        nexts.append(tick_ns)
    return min(nexts, default=None)


def _with_cron(infos: list[BranchInfo]) -> list[tuple[BranchInfo, str]]:
    return [(info, info.trigger.cron_spec) for info in infos if info.trigger and info.trigger.cron_spec]


def _tick(tx: Transaction, ref: BranchRef) -> None:
    info = tx.view.find_branch(ref)
    if info is None or info.trigger is None:
        return
    watched = tx.view.find_branch(BranchRef(ref.repo, info.trigger.branch))
    if watched is not None:
        tx.move_head(ref, watched.head)


class CronTriggers:
    """The thread that waits for the ticks."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._cancel = Cancel()
        self._thread = threading.Thread(target=self._run, name="cron triggers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._cancel.cancel()
        self._thread.join()

    def _run(self) -> None:
        keys = ("branch.created", "branch.updated", "branch.deleted")
        with self._versions.notifier.watch(*keys, cancel=self._cancel) as watch:
            while True:
                next_ns = run_due(self._versions)
                try:
                    self._cancel.check()
                except Cancelled:
                    return
                if next_ns is None:
                    watch.wait()
                else:
                    watch.wait(max(0.0, (next_ns - self._versions.clock.now_ns()) / 1e9))
