"""Writing files, finishing commits, reading back."""

from collections.abc import Callable

import pytest

from howdah.core.refs import BranchRef, CommitId, CommitRef, CommitSpec, RepoRef
from howdah.errors import Invalid, NotFound
from howdah.pachd.storage.trees import Directory
from howdah.pachd.versions import CommitState, Versions, tables
from howdah.pachd.versions.errors import (
    BaseCommitNotFinished,
    CommitFinished,
    CommitOnOutputBranch,
    FileNotFound,
    FilesetNotFound,
    NotOneFile,
    RepoNotFound,
)
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.finish import Finisher, finish_one
from howdah.pachd.versions.names import validate_path

RAW, CLEAN = RepoRef("raw"), RepoRef("clean")
MASTER = BranchRef(RAW, "master")
HEAD = CommitSpec(RAW, "master")


@pytest.fixture(autouse=True)
def repo(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))


def finish(versions: Versions) -> None:
    """Whatever is finishing, in order."""
    with versions.view() as view:
        rows = tables.commits_finishing(view.connection)
    for row in rows:
        finish_one(versions, row)


def write(
    versions: Versions, *what: Callable[[FileSession], None], to: CommitSpec | CommitRef = HEAD
) -> CommitRef:
    with versions.modify(to) as session:
        for step in what:
            step(session)
    finish(versions)
    assert session.commit is not None
    return session.commit


def content(versions: Versions, commit: CommitSpec | CommitRef = HEAD) -> dict[str, bytes]:
    files = versions.files(commit)
    return {file.path: b"".join(files.read(file)) for file in files.tree.files()}


def put(path: str, data: bytes, datum: str = "") -> Callable[[FileSession], None]:
    return lambda session: session.put(path, data, datum)


def append(path: str, data: bytes, datum: str = "") -> Callable[[FileSession], None]:
    return lambda session: session.append(path, data, datum)


def delete(path: str) -> Callable[[FileSession], None]:
    return lambda session: session.delete(path)


def test_a_write_to_a_branch_is_a_commit_of_its_own(versions: Versions) -> None:
    first = write(versions, put("/a", b"one"))
    second = write(versions, put("b/c", b"two"), append("/a", b"!"))
    assert content(versions) == {"/a": b"one!", "/b/c": b"two"}
    assert content(versions, first) == {"/a": b"one"}
    with versions.view() as view:
        info = view.commit(second)
        assert (info.parent, info.size_bytes, info.error) == (first, 7, "")


def test_an_open_commit_gathers_writes_and_can_be_read(versions: Versions) -> None:
    write(versions, put("/a", b"one"), put("/d/x", b"x"), put("/d/y", b"y"))
    ref = versions.transact(lambda tx: tx.start_commit(MASTER))
    write(versions, put("/a", b"two"), to=ref)
    write(versions, append("/a", b"three"), delete("/d/"), put("/d/z", b"z"))
    assert content(versions, ref) == {"/a": b"twothree", "/d/z": b"z"}
    versions.transact(lambda tx: tx.clear_commit(ref))
    assert content(versions, ref) == {"/a": b"one", "/d/x": b"x", "/d/y": b"y"}
    write(versions, delete("/a"), to=ref)
    versions.transact(lambda tx: tx.finish_commit(ref))
    finish(versions)
    assert content(versions) == {"/d/x": b"x", "/d/y": b"y"}


def test_a_write_that_fails_leaves_nothing(versions: Versions) -> None:
    first = write(versions, put("/a", b"one"))
    with pytest.raises(RuntimeError), versions.modify(HEAD) as session:
        session.put("/a", b"two")
        raise RuntimeError
    with versions.view() as view:
        assert view.branch(MASTER).head == first
    assert content(versions) == {"/a": b"one"}


def test_what_cannot_be_written_to(versions: Versions) -> None:
    first = write(versions, put("/a", b"one"))
    with pytest.raises(CommitFinished, match="has already finished"), versions.modify(first):
        pass
    with pytest.raises(CommitFinished), versions.modify(CommitSpec(RAW, "master^0")):
        pass
    with pytest.raises(RepoNotFound), versions.modify(CommitSpec(RepoRef("none"), "master")):
        pass
    with pytest.raises(NotFound), versions.modify(CommitRef(RAW, CommitId("0" * 12 + "4" + "0" * 19))):
        pass
    versions.transact(lambda tx: tx.create_repo(CLEAN))
    versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "master"), provenance=[MASTER]))
    versions.transact(lambda tx: tx.finish_commit(CommitSpec(CLEAN, "master")))
    with pytest.raises(CommitOnOutputBranch), versions.modify(CommitSpec(CLEAN, "master")):
        pass


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "printable"),
        ("/a\nb", "only printable ASCII"),
        ("/ä", "only printable ASCII"),
        ("/a*", r"globbing character \(\*\) not allowed"),
        ("/a{b", "globbing character"),
        ("/a/../b", "relative file paths are not allowed"),
        ("./a", "relative"),
        ("/" + "x" * 5000, "longer than"),
        ("/", "root of a commit is a folder"),
    ],
)
def test_bad_paths_are_refused(versions: Versions, path: str, why: str) -> None:
    with pytest.raises(Invalid, match=why), versions.modify(HEAD) as session:
        session.put(path, b"")


def test_a_path_of_two_datums_is_an_error_of_the_commit(versions: Versions) -> None:
    write(versions, put("/ok", b""))
    ref = write(versions, append("/a", b"1", "d1"), append("/a", b"2", "d2"))
    with versions.view() as view:
        info = view.commit(ref)
    assert info.finished
    assert info.error == "duplicate path output by different datums (/a from d1 and /a from d2)"
    # The next commit rests on the last one that is good.
    write(versions, put("/b", b"b"))
    assert content(versions) == {"/b": b"b", "/ok": b""}


@pytest.mark.parametrize(
    ("before", "now"), [("/a", "/a/b"), ("/a/b", "/a"), ("/a/b/c", "/a"), ("/x", "/x/y/z")]
)
@pytest.mark.parametrize("together", [True, False])
def test_a_file_that_is_a_directory_is_an_error_of_the_commit(
    versions: Versions, before: str, now: str, together: bool
) -> None:
    if together:
        ref = write(versions, put(before, b""), put(now, b""), put("/a-b", b""))
    else:
        write(versions, put(before, b""), put("/a-b", b""))
        ref = write(versions, put(now, b""))
    with versions.view() as view:
        assert view.commit(ref).error.startswith("file / directory path collision (/")
    replaced = write(versions, delete("/a"), delete("/a/"), delete("/x"), put("/a/b/c/d", b""))
    with versions.view() as view:
        assert view.commit(replaced).error == ""


def test_reads_of_a_finishing_commit_wait(versions: Versions) -> None:
    with versions.modify(HEAD) as session:
        session.put("/a", b"one")
    finisher = Finisher(versions)
    try:
        assert content(versions) == {"/a": b"one"}
        assert versions.wait_commit(HEAD, CommitState.FINISHED).size_bytes == 3
    finally:
        finisher.close()


def test_a_commit_on_an_open_one_waits_for_it(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(CLEAN))
    out = BranchRef(CLEAN, "master")
    versions.transact(lambda tx: tx.create_branch(out, provenance=[MASTER]))
    first, second = write(versions, put("/a", b"1")), write(versions, put("/a", b"2"))
    with pytest.raises(BaseCommitNotFinished, match=r"base commit .* for commit .* unfinished"):
        versions.files(CommitRef(CLEAN, second.id))
    write(versions, put("/out", b"2"), to=CommitRef(CLEAN, second.id))
    versions.transact(lambda tx: tx.finish_commit(CommitRef(CLEAN, second.id)))
    finish(versions)
    with versions.view() as view:
        assert not view.commit(CommitRef(CLEAN, second.id)).finished
    for spec in (CommitSpec(CLEAN, "master^^"), CommitRef(CLEAN, first.id)):
        versions.transact(lambda tx, spec=spec: tx.finish_commit(spec))  # type: ignore[misc]
    finish(versions)
    assert content(versions, CommitSpec(CLEAN, "master")) == {"/out": b"2"}


def test_reading(versions: Versions) -> None:
    ref = write(versions, put("/d/e/f", b"abc"), put("/d/g", b"defg"), put("/d-x", b"h"))
    files = versions.files(ref)
    assert [entry.path for entry in files.listing("/d")] == ["/d/e/", "/d/g"]
    assert [entry.path for entry in files.listing("d/g")] == ["/d/g"]
    assert list(files.listing("/none")) == []
    assert [entry.path for entry in files.listing("/", number=1)] == ["/d-x"]
    assert [entry.path for entry in files.listing("/", after="/d-x")] == ["/d/"]
    assert [entry.path for entry in files.walk("/d")] == ["/d/", "/d/e/", "/d/e/f", "/d/g"]
    assert [entry.path for entry in files.walk("/")][:3] == ["/", "/d-x", "/d/"]
    assert [entry.path for entry in files.walk("/d", after="/d/e")] == ["/d/e/f", "/d/g"]
    assert [entry.path for entry in files.walk("/d", number=2, reverse=True)] == ["/d/g", "/d/e/f"]
    assert [entry.path for entry in files.glob("/d/*")] == ["/d/e/", "/d/g"]
    assert [entry.path for entry in files.glob("/**g", lower="/d/f", upper="/d/z")] == ["/d/g"]
    assert b"".join(files.read(files.one("/d/g"), 1, 2)) == b"ef"
    directory = files.stat("/d/")
    assert isinstance(directory, Directory)
    assert (directory.size, directory.count) == (7, 2)
    assert files.stat("/d/g/").size == 4
    with pytest.raises(NotOneFile, match=r"cannot get directory or non-regular file. Use GetFileTAR instead"):
        files.one("/d")
    with pytest.raises(NotOneFile, match="matched multiple files"):
        files.one("/d*")
    with pytest.raises(FileNotFound, match=f"file /none not found in repo default/raw at commit {ref.id}"):
        files.one("/none")
    with pytest.raises(FileNotFound):
        list(files.walk("/none"))
    with pytest.raises(Invalid, match="number must be > 0 when reverse is true"):
        files.listing("/", reverse=True)
    with pytest.raises(Invalid, match="cannot return more than 100000 files"):
        files.listing("/", number=100_001)


def test_an_empty_commit_has_an_empty_root(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_branch(MASTER))
    files = versions.files(HEAD)
    assert list(files.walk("/")) == []
    with pytest.raises(FileNotFound):
        files.stat("/")


def test_datums_delete_only_what_is_theirs(versions: Versions) -> None:
    write(versions, append("/a", b"1", "d1"), append("/b", b"2", "d2"))
    files = versions.files(HEAD)
    assert (files.writers("/a"), list(files.written_by("d2"))) == (("d1",), ["/b"])
    with pytest.raises(FileNotFound):
        files.stat("/a", "d2")
    write(versions, lambda session: session.delete("/", "d1"), append("/c", b"3", "d1"))
    assert content(versions) == {"/b": b"2", "/c": b"3"}


def test_copying_moves_no_bytes(versions: Versions) -> None:
    write(versions, put("/d/a", b"A" * 1000), put("/d/e/b", b"B"))
    source = versions.files(HEAD)
    write(
        versions,
        lambda session: session.copy(source, "/d", "/copy"),
        lambda session: session.copy(source, "/d/e/b", "/d/a", append=True),
    )
    files = content(versions)
    assert files["/copy/e/b"] == b"B"
    assert files["/copy/a"] == b"A" * 1000
    assert files["/d/a"] == b"A" * 1000 + b"B"


def test_find_goes_back_to_the_commits_that_changed_a_file(versions: Versions) -> None:
    first = write(versions, put("/a", b"1"))
    write(versions, put("/b", b"1"))
    third = write(versions, delete("/a"))
    found = list(versions.find_commits(HEAD, "/a"))
    assert [each.found for each in found] == [third, first, None]
    assert found[-1].searched == 3
    assert [each.found for each in versions.find_commits(HEAD, "/a", limit=1)] == [third, None]


def test_filesets_live_for_a_time(versions: Versions, clock: object) -> None:
    with versions.prepare() as session:
        session.put("/a", b"1")
        one = versions.create_fileset(session)
    write(versions, put("/a", b"0"), put("/z", b"0"))
    base = versions.fileset_of_commit(HEAD)
    whole = versions.compose_filesets([base, one])
    view = CommitRef(RepoRef("__filesets__"), CommitId(whole))
    assert content(versions, view) == {"/a": b"1", "/z": b"0"}
    reverse = versions.compose_filesets([one, base])
    assert content(versions, CommitSpec(RepoRef("__filesets__"), reverse)) == {"/a": b"0", "/z": b"0"}
    ref = versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "other")))
    versions.add_fileset(ref, whole)
    assert content(versions, ref) == {"/a": b"1", "/z": b"0"}
    versions.transact(lambda tx: tx.renew_fileset(one, 1800))
    with pytest.raises(Invalid, match="exceeds max ttl"):
        versions.transact(lambda tx: tx.renew_fileset(one, 1801))
    clock.at_ns += 1000 * 10**9  # type: ignore[attr-defined]
    with pytest.raises(FilesetNotFound):
        versions.compose_filesets([base])
    assert versions.compose_filesets([one])


@pytest.mark.parametrize(
    ("path", "clean"),
    [("a", "/a"), ("//a///b/", "/a/b"), ("/.a/..b/...", "/.a/..b/..."), ("/a b/c~", "/a b/c~")],
)
def test_a_path_has_one_spelling(path: str, clean: str) -> None:
    assert validate_path(path) == clean
    assert validate_path(clean) == clean


def test_every_printable_character_is_either_allowed_or_named_in_the_refusal() -> None:
    for character in map(chr, range(32, 127)):
        path = f"/x{character}y/z"
        try:
            assert validate_path(path) == path.replace("//", "/")
        except Invalid as refusal:
            assert f"globbing character ({character})" in str(refusal)
            assert character in "*?[]{}!()@+^"
