"""Carries the plan out, case by case, for as long as the daemon lives.

Level-triggered: every look reads the present heads, and only where one moved, or time has
freed what the budget held back, is anything read or decided. A crash at any
point is harmless, because the record is written before it is carried out and carrying out
is idempotent.
"""

import threading
from collections.abc import Callable

from howdah.client.files import Files
from howdah.core.clock import Clock, SystemClock
from howdah.errors import HowdahError
from howdah.monitoring.case import POLICY_SUFFIX, Case
from howdah.monitoring.plan import due_ns, plan

LOOK_EVERY_S = 1.0


class Monitor:
    def __init__(self, files: Files, say: Callable[[str, str], None], clock: Clock | None = None) -> None:
        """`say` is told (case, sentence) of everything decided, done or gone wrong."""
        self._files = files
        self._say = say
        self._clock = clock or SystemClock()
        self._seen: dict[str, tuple[str | None, ...]] = {}
        self._due_ns: dict[str, int | None] = {}
        """When a case is to be looked at again though nothing moved."""
        self._faults: dict[str, str] = {}
        """What was last wrong with each case: said once, not at every look."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except HowdahError as error:
                self._say("", str(error))
                self._stopping.wait(10 * LOOK_EVERY_S)

    def look(self) -> None:
        """One round over all cases; one case's fault does not keep the others waiting."""
        for project, repo in self._files.repos():
            if not repo.endswith(POLICY_SUFFIX):
                continue
            case = Case(repo.removesuffix(POLICY_SUFFIX), project, self._files)
            key, fault = case.repo("policy"), ""
            try:
                self._look(case)
            except HowdahError as error:
                fault = str(error)
            except Exception as error:  # noqa: BLE001  what nobody foresaw in one case
                fault = f"unforeseen {type(error).__name__}: {error}"
            if fault and self._faults.get(key) != fault:
                self._say(case.name, fault)
            self._faults[key] = fault

    def _look(self, case: Case) -> None:
        heads = case.heads()
        now_ns, key = self._clock.now_ns(), case.repo("policy")
        due = self._due_ns.get(key)
        if heads[0] is None or (self._seen.get(key) == heads and (due is None or now_ns < due)):
            return
        observed, policy = case.observe(now_ns), case.policy()
        decisions = plan(policy, observed)
        if decisions:
            case.write(decisions, already=len(observed.record))
            for decision in decisions:
                self._say(case.name, f"{decision.kind} {decision.subject}: {decision.reason}")
        for change in case.carry_out((*observed.record, *decisions)):
            self._say(case.name, change)
        # Only now: what failed above is tried again at the next look.
        self._seen[key] = heads
        self._due_ns[key] = due_ns(policy, observed)
