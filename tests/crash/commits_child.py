"""Commits files until something kills it, and says on stdout what was acknowledged.

    commits_child.py FOLDER FIRST_SEED FAILPOINTS

A line is JSON: `{"commit": id, "files": {path: [seed, size]}}` once a commit is acknowledged, and
`{"dropping": id}` before one is dropped. Commits finish in the background meanwhile, and gc runs.
"""

import json
import random
import sys
from pathlib import Path

from howdah.core import failpoints
from howdah.core.refs import BranchRef, CommitSpec, RepoRef
from howdah.pachd.versions import Versions
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.gc import collect_garbage
from howdah.pachd.versions.opening import OpenStore

RAW = RepoRef("raw")
MASTER = BranchRef(RAW, "master")
HEAD = CommitSpec(RAW, "master")
SIZES = (60, 900, 20_000, 300_000)

Files = dict[str, tuple[int, int]]
"""For each path the seed and the size of its content, which begins with both."""


def noise(seed: int, size: int) -> bytes:
    head = f"{seed} {size}\n".encode()
    return head + random.Random(seed).randbytes(size - len(head))


def content_of(versions: Versions, commit: CommitSpec) -> Files:
    files = versions.files(commit)
    found: Files = {}
    for file in files.tree.files():
        head = b"".join(files.read(file, 0, 40)).split(b"\n")[0]
        seed, size = map(int, head.split())
        found[file.path] = seed, size
    return found


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Life:
    def __init__(self, versions: Versions, seed: int) -> None:
        self.versions, self.seed = versions, seed
        with versions.view() as view:
            exists = view.repo_exists(RAW)
        if not exists:
            versions.transact(lambda tx: (tx.create_repo(RAW), tx.create_branch(MASTER)))
        with versions.view() as view:
            left_open = view.commit(HEAD).open
        if left_open:
            versions.transact(lambda tx: tx.finish_commit(HEAD))
        versions.wait_commit(HEAD)
        self.files = content_of(versions, HEAD)

    def write(self, session: FileSession) -> None:
        for _ in range(3):
            self.seed += 1
            path, size = f"/d{self.seed % 5}/f{self.seed % 17}", SIZES[self.seed % len(SIZES)]
            session.put(path, noise(self.seed, size))
            self.files[path] = self.seed, size
        if self.seed % 2 and len(self.files) > 4:
            gone = min(self.files)
            session.delete(gone)
            del self.files[gone]

    def once(self) -> None:
        with self.versions.modify(HEAD) as session:
            self.write(session)
        say(commit=session.commit.id if session.commit else "", files=self.files)

    def in_an_open_commit(self) -> None:
        ref = self.versions.transact(lambda tx: tx.start_commit(MASTER))
        for _ in range(2):
            with self.versions.modify(ref) as session:
                self.write(session)
        self.versions.transact(lambda tx: tx.finish_commit(ref))
        say(commit=ref.id, files=self.files)

    def drop_and_collect(self) -> None:
        head = self.versions.wait_commit(HEAD)
        say(dropping=head.ref.id)
        self.versions.transact(lambda tx: tx.drop_commit_set(head.ref.id))
        collect_garbage(self.versions)
        self.files = content_of(self.versions, HEAD)


def main(folder: Path, seed: int, armed: str) -> None:
    store = OpenStore(folder)
    store.start()
    life = Life(store.versions, seed)
    failpoints.arm(armed)
    while True:
        life.once()
        life.in_an_open_commit()
        life.once()
        life.drop_and_collect()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
