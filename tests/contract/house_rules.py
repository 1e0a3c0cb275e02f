"""Gc, backups, reopening, and crashes at any write."""

import copy
from contextlib import suppress
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from store_comparison import compare
from store_machine import Machine

from howdah.pachd.storage.backup import backup, restore
from howdah.pachd.versions.gc import collect_garbage
from howdah.pachd.versions.opening import OpenStore


class HouseRules(Machine):
    @rule(dry_run=st.booleans())
    def gc(self, dry_run: bool) -> None:
        assert collect_garbage(self.versions, dry_run=dry_run).damaged_packs == []
        self.check_data()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = OpenStore(self.place, self.clock)
        self.check_data()

    @rule()
    def restore_a_backup(self) -> None:
        copied, place = self.new_place(), self.new_place()
        backup(self.store.blobs, copied)
        restore(copied, place)
        self.go_on_at(place)

    @rule(power_fails=st.booleans())
    def crash(self, power_fails: bool) -> None:
        """The folder as it is on disk at this moment, without the process that wrote it."""
        place = self.new_place()
        self.disk.copy(self.place, place, power_fails=power_fails)
        self.go_on_at(place)

    @initialize(crashes=st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=4))
    def plan_crashes(self, crashes: list[tuple[int, bool]]) -> None:
        """Each after so many writes, wherever in the middle of a step that is."""
        self.crashes = crashes
        self._await_crash()

    def _await_crash(self) -> None:
        if self.crashes:
            writes, power_fails = self.crashes.pop()
            self.disk.before(writes, partial(self._crash, power_fails))

    def _crash(self, power_fails: bool) -> None:
        self.crashed = self.new_place()
        self.acknowledged = [copy.deepcopy(self.model)]
        self.disk.copy(self.place, self.crashed, power_fails=power_fails)

    def go_on_after_a_crash(self) -> None:
        """What was acknowledged before the write is there; what was being done then is there as a whole
        or not at all."""
        if self.acknowledged is None:
            return
        possible, self.acknowledged = [*self.acknowledged, self.model], None
        self.go_on_at(self.crashed)
        self._await_crash()
        for self.model in possible[:-1]:
            with suppress(AssertionError):
                compare(self.versions, self.model)
                return
        self.model = possible[-1]
        compare(self.versions, self.model)
