"""Cron inputs: empty files named after the time, committed when the time comes.

Ticks missed while the daemon was down are made up by one, for the latest of them: a night off
must not end in a thousand jobs. The last tick is read from the repo itself, so nothing else
has to be remembered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from howdah.core.refs import BranchRef, CommitRef
from howdah.pachd.pipelines.files import CommitFiles
from howdah.pachd.pipelines.inputs import CronInput
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.versions.triggers import next_tick

NEVER = "@never"


@dataclass(frozen=True, slots=True)
class Due:
    """When a cron input ticks next."""

    cron: CronInput
    at_ns: int


def file_name(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("/%Y-%m-%dT%H:%M:%SZ")


def parse_file_name(path: str) -> int | None:
    try:
        return int(datetime.fromisoformat(path.strip("/")).timestamp()) * 10**9
    except ValueError:
        return None


def latest(spec: str, last_ns: int, now_ns: int) -> int | None:
    """The latest tick after `last_ns` that is due by now; None if there is none."""
    if spec == NEVER:
        return None
    due: int | None = None
    at_ns = next_tick(spec, last_ns)
    if at_ns <= now_ns and spec.startswith("@every"):
        step_ns = at_ns - last_ns
        return last_ns + (now_ns - last_ns) // step_ns * step_ns
    while at_ns <= now_ns:
        due, at_ns = at_ns, next_tick(spec, at_ns)
    return due


def next_ns(spec: str, last_ns: int) -> int | None:
    return None if spec == NEVER else next_tick(spec, last_ns)


class Ticker:
    """Reads and writes the tick repos."""

    def __init__(self, versions: Versions, files: CommitFiles) -> None:
        self._versions = versions
        self._files = files

    def last_ns(self, cron: CronInput, otherwise_ns: int) -> int:
        """The newest tick in the repo, or when the pipeline's ticking was to start."""
        with self._versions.view() as view:
            branch = view.find_branch(_branch(cron))
        names: Iterable[str] = ()
        if branch is not None:
            names = [found.path for found in self._files.glob(branch.head, "/*")]
        ticks = [at_ns for at_ns in map(parse_file_name, names) if at_ns is not None]
        return max([*ticks, cron.start_ns or otherwise_ns])

    def tick(self, cron: CronInput, at_ns: int) -> CommitRef:
        writing = self._files.writing()
        try:
            if cron.overwrite:
                writing.delete_folder("/")
            writing.put(file_name(at_ns), [])
            writing.seal()

            def change(tx: Transaction) -> CommitRef:
                commit = tx.start_commit(_branch(cron))
                writing.attach(tx, commit)
                tx.finish_commit(commit)
                return commit

            return self._versions.transact(change)
        finally:
            writing.close()


def _branch(cron: CronInput) -> BranchRef:
    return BranchRef(cron.repo, "master")
