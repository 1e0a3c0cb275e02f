"""Writes the small store that later versions must be able to open: `write_store.py NAME`.

Run by hand for each release and whenever a schema of the store gets another version; the result is
committed as `stores/NAME.tar.xz` and never changed.
"""

import sys
import tarfile
import tempfile
from pathlib import Path

from howdah.core.refs import META, BranchRef, CommitRef, CommitSpec, RepoRef
from howdah.pachd.versions import Trigger, Versions
from howdah.pachd.versions.finish import finish_one
from howdah.pachd.versions.opening import SCRATCH, OpenStore

STORES = Path(__file__).parent / "stores"
RAW, CLEAN = RepoRef("raw"), RepoRef("clean", project="lab")
MASTER, OUT = BranchRef(RAW, "master"), BranchRef(CLEAN, "master")
HEAD = CommitSpec(RAW, "master")


def text(lines: int) -> bytes:
    """Larger than one chunk, and small when compressed."""
    return b"".join(b"line %d of a file that is cut into chunks\n" % number for number in range(lines))


def finish(versions: Versions, commit: CommitRef | CommitSpec) -> None:
    with versions.view() as view:
        row = view.commit(commit).row
    finish_one(versions, row)


def write(versions: Versions) -> None:
    versions.transact(lambda tx: (tx.create_project("lab", "a project"), tx.create_repo(RAW, "the source")))
    versions.transact(lambda tx: (tx.create_repo(CLEAN), tx.create_repo(RepoRef("clean", META, "lab"))))
    versions.transact(lambda tx: tx.create_branch(OUT, provenance=[MASTER]))
    versions.transact(lambda tx: tx.set_repo_metadata(RAW, {"owner": "somebody"}))
    with versions.modify(HEAD) as session:
        session.put("/large.txt", text(40_000))
        session.put("/small/one", b"inline")
        session.put("/small/two", text(20))
        for number in range(600):
            session.put(f"/many/{number:04d}", b"%d" % number)
    finish(versions, HEAD)
    with versions.modify(HEAD) as session:
        session.append("/large.txt", b"and an end\n")
        session.delete("/many/0007")
        session.append("/by-datum", b"from a datum", "d" * 64)
    finish(versions, HEAD)
    versions.transact(
        lambda tx: tx.create_branch(BranchRef(RAW, "slow"), trigger=Trigger("master", commits=2))
    )
    first = CommitSpec(CLEAN, "master^2")
    with versions.modify(first) as session:
        session.put("/out", b"computed", "datum")
    versions.transact(lambda tx: tx.finish_commit(first, error="it failed"))
    finish(versions, first)
    with versions.modify(HEAD) as session:
        session.put("/finishing", b"its commit is FINISHING")
    with versions.modify(CommitSpec(CLEAN, "master")) as session:
        session.put("/open", b"its commit is open")
    versions.transact(
        lambda tx: (tx.store_transaction("t"), tx.append_to_stored_transaction("t", b"request"))
    )


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "store"
        with OpenStore(place) as store:
            write(store.versions)
        (place / SCRATCH).rmdir()
        STORES.mkdir(exist_ok=True)
        with tarfile.open(STORES / f"{name}.tar.xz", "w:xz") as tar:
            tar.add(place, arcname="store")


if __name__ == "__main__":
    main(sys.argv[1])
