"""Small writes to a branch are commits that are born FINISHED, as long as a finisher is there."""

from collections.abc import Callable, Iterator

import pytest

from howdah.core.refs import BranchRef, CommitRef, CommitSpec, RepoRef
from howdah.pachd.versions import FileSession, Trigger, Versions
from howdah.pachd.versions.at_once import MOST, MOST_ON_FEW, make_or_attach, merged_at_once, settled_base
from howdah.pachd.versions.check import check
from howdah.pachd.versions.finish import finish_one

RAW = RepoRef("raw")
MASTER, OTHER = BranchRef(RAW, "master"), BranchRef(RAW, "other")
HEAD = CommitSpec(RAW, "master")


@pytest.fixture(autouse=True)
def repo(versions: Versions) -> Iterator[None]:
    """A finished head. Nothing finishes but what finishes at once."""
    versions.transact(lambda tx: tx.create_repo(RAW))
    first = write(versions, lambda session: session.put("/a/one", b"1" * 1000))
    finish(versions, first)
    versions.finishes_at_once = True
    yield
    assert list(check(versions, data=True)) == []


def write(versions: Versions, step: Callable[[FileSession], None]) -> CommitRef:
    with versions.modify(HEAD) as session:
        step(session)
    assert session.commit is not None
    return session.commit


def finish(versions: Versions, ref: CommitRef) -> None:
    with versions.view() as view:
        row = view.commit(ref).row
    assert finish_one(versions, row)


def is_finished(versions: Versions, ref: CommitRef) -> bool:
    with versions.view() as view:
        return view.commit(ref).finished


def paths(versions: Versions, ref: CommitRef) -> list[str]:
    return [file.path for file in versions.files(ref).tree.files()]


def put_two(session: FileSession) -> None:
    session.put("/a/two", b"2" * 1000)


def test_a_small_write_is_finished_when_it_returns(versions: Versions) -> None:
    last = max(event.seq for event in versions.wait_events(0))
    ref = write(versions, put_two)
    assert is_finished(versions, ref)
    assert paths(versions, ref) == ["/a/one", "/a/two"]
    assert versions.files(ref).info.size_bytes == 2000
    kinds = [event.kind for event in versions.wait_events(last)]
    expected = ["started", "written", "finishing", "finished"]
    assert [f"commit.{what}" for what in expected] == [kind for kind in kinds if kind.startswith("commit")]


def test_what_may_not_be_is_an_error_of_the_commit(versions: Versions) -> None:
    ref = write(versions, lambda session: session.put("/a/one/below", b"x"))
    assert is_finished(versions, ref)
    assert "path collision (/a/one/below)" in versions.files(ref).info.error
    assert not is_finished(
        versions, write(versions, put_two)
    )  # its base is further up, which is the finisher's


@pytest.mark.parametrize(
    "step",
    [
        lambda session: session.append("/a/one", b"more"),
        lambda session: session.put("/a/one", b"of a datum", "datum"),
        lambda session: session.delete("/a/"),
        lambda session: [session.put(f"/b/{i}", b"x") for i in range(MOST_ON_FEW + 1)],
    ],
    ids=["append", "datum", "folder", "many"],
)
def test_writes_that_may_take_long_are_left_to_the_finisher(
    versions: Versions, step: Callable[[FileSession], None]
) -> None:
    ref = write(versions, step)
    assert not is_finished(versions, ref)
    finish(versions, ref)


def test_a_commit_that_triggers_others_is_left_to_the_finisher(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_branch(OTHER, trigger=Trigger("master", commits=1)))
    ref = write(versions, put_two)
    assert not is_finished(versions, ref)
    finish(versions, ref)
    with versions.view() as view:
        assert view.branch(OTHER).head.id == ref.id


def test_a_write_that_is_overtaken_is_left_to_the_finisher(versions: Versions) -> None:
    with versions.prepare() as session:
        session.put("/a/mine", b"x" * 1000)
        with versions.view() as view:
            overtaken = merged_at_once(session, versions.trees, settled_base(view, HEAD))
        assert overtaken is not None
        write(versions, put_two)
        layer = session.seal()
        ref = versions.transact(lambda tx: make_or_attach(tx, HEAD, layer, overtaken))
    assert not is_finished(versions, ref)
    finish(versions, ref)
    assert paths(versions, ref) == ["/a/mine", "/a/one", "/a/two"]


def test_an_open_commit_stays_open(versions: Versions) -> None:
    ref = versions.transact(lambda tx: tx.start_commit(MASTER))
    write(versions, put_two)
    with versions.view() as view:
        assert view.commit(ref).open
    versions.transact(lambda tx: tx.finish_commit(ref))
    finish(versions, ref)
    assert paths(versions, ref) == ["/a/one", "/a/two"]


def test_the_first_write_to_a_branch_is_finished_when_it_returns(versions: Versions) -> None:
    spec = CommitSpec(RAW, "fresh")
    with versions.modify(spec) as session:
        session.put("/new", b"n" * 1000)
    assert session.commit is not None
    assert is_finished(versions, session.commit)
    assert paths(versions, session.commit) == ["/new"]
    with versions.view() as view:
        assert view.commit(session.commit).parent is None


def test_of_two_first_writes_the_later_is_left_to_the_finisher(versions: Versions) -> None:
    spec = CommitSpec(RAW, "fresh")
    with versions.prepare() as session:
        session.put("/mine", b"x" * 1000)
        with versions.view() as view:
            overtaken = merged_at_once(session, versions.trees, settled_base(view, spec))
        with versions.modify(spec) as other:
            other.put("/theirs", b"y" * 1000)
        layer = session.seal()
        ref = versions.transact(lambda tx: make_or_attach(tx, spec, layer, overtaken))
    assert not is_finished(versions, ref)
    finish(versions, ref)
    assert paths(versions, ref) == ["/mine", "/theirs"]


@pytest.mark.slow
def test_how_much_is_done_at_once_depends_on_what_it_rests_on(versions: Versions) -> None:
    def many(count: int) -> CommitRef:
        return write(
            versions, lambda session: [session.put(f"/{count}/{i}", b"x") for i in range(count)] and None
        )

    assert is_finished(versions, many(MOST_ON_FEW))
    assert is_finished(versions, many(MOST))
    late = many(MOST + 1)
    assert not is_finished(versions, late)
    finish(versions, late)
