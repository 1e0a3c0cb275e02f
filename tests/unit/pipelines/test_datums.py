"""Datums: which there are, in what order, under which ids, and lazily."""

import struct
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.pachd.pipelines.datums import Datum, Found, InputFile, Source, datums
from howdah.pachd.pipelines.identity import Prefix, datum_hash, datum_id
from howdah.pachd.pipelines.inputs import Combined, CronInput, Input, PfsInput
from howdah.pachd.pipelines.meta import DatumState, Meta, ProcessStats, decode, encode
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.sets import in_sets
from howdah.pachd.pipelines.skip import Drop, Earlier, Run, Skip, decide
from howdah.pachd.pipelines.spec import DatumSets
from howdah.pachd.storage.trees import Glob

A, B = RepoRef("a"), RepoRef("b")


class Shelf:
    """Commits as a dict of repo to paths."""

    def __init__(self, **repos: list[str]) -> None:
        self.repos = repos
        self.globbed: list[str] = []

    def glob(self, commit: CommitRef, pattern: str) -> Iterator[Found]:
        self.globbed.append(commit.repo.name)
        for path in self.repos[commit.repo.name]:
            if Glob(pattern).match(path) is not None:
                yield Found(path, path.encode(), 1)


def pfs(repo: RepoRef, glob: str = "/*", **more: object) -> PfsInput:
    return PfsInput(name=repo.name, repo=repo, branch="master", glob=glob, commit="c1", **more)  # type: ignore[arg-type]


def shown(root: Input, shelf: Shelf) -> list[str]:
    return [" ".join(f"{i.source.name}:{i.path}" for i in d.inputs) for d in datums(root, shelf)]


def test_a_glob_gives_a_datum_per_match() -> None:
    shelf = Shelf(a=["/x", "/y/", "/y/z"])
    assert shown(pfs(A), shelf) == ["a:/x", "a:/y/"]


def test_cross_union_and_nesting() -> None:
    shelf = Shelf(a=["/1", "/2"], b=["/x", "/y"])
    assert shown(Combined("cross", (pfs(A), pfs(B))), shelf) == [
        "a:/1 b:/x", "a:/1 b:/y", "a:/2 b:/x", "a:/2 b:/y",
    ]  # fmt: skip
    union = Combined("union", (pfs(A), pfs(B), pfs(A, "/1")))
    assert shown(union, shelf) == ["a:/1", "a:/2", "b:/x", "b:/y"]
    nested = Combined("cross", (union, pfs(B, "/x")))
    assert len(shown(nested, shelf)) == 4
    assert shown(Combined("cross", (pfs(A), pfs(B, "/none"))), shelf) == []


def test_join_matches_captured_keys() -> None:
    shelf = Shelf(a=["/r-1.txt", "/r-2.txt", "/r-3.txt"], b=["/1-x", "/1-y", "/2-x", "/9-x"])
    root = Combined("join", (pfs(A, "/r-(*).txt", join_on="$1"), pfs(B, "/(*)-(*)", join_on="${1}")))
    assert shown(root, shelf) == ["a:/r-1.txt b:/1-x", "a:/r-1.txt b:/1-y", "a:/r-2.txt b:/2-x"]


def test_outer_join_keeps_the_unmatched_of_its_side() -> None:
    shelf = Shelf(a=["/1", "/2"], b=["/2", "/3"])
    left = pfs(A, "/(*)", join_on="$1", outer_join=True)
    right = pfs(B, "/(*)", join_on="$1")
    assert shown(Combined("join", (left, right)), shelf) == ["a:/1", "a:/2 b:/2"]


def test_group_gathers_by_key_over_all_parts() -> None:
    shelf = Shelf(a=["/u-1", "/v-1", "/u-2"], b=["/u"])
    root = Combined("group", (pfs(A, "/(*)-(*)", group_by="$1"), pfs(B, "/(*)", group_by="$1")))
    assert shown(root, shelf) == ["a:/u-1 a:/u-2 b:/u", "a:/v-1"]


def test_cron_gives_a_datum_per_tick() -> None:
    cron = CronInput(name="tick", repo=A, spec="@daily", commit="c1")
    assert shown(cron, Shelf(a=["/2026-01-01T00:00:00Z"])) == ["tick:/2026-01-01T00:00:00Z"]


def test_a_large_cross_starts_at_once() -> None:
    shelf = Shelf(a=[f"/{i}" for i in range(1000)], b=[f"/{i}" for i in range(1000)])
    first = list(islice(datums(Combined("cross", (pfs(A), pfs(B))), shelf), 3))
    assert [d.inputs[1].path for d in first] == ["/0", "/1", "/2"]


def test_the_id_is_pachyderms_own_recipe() -> None:
    source = Source("images", RepoRef("images", project="other"), "master", CommitId("c"))
    item = InputFile(source, "/46Q8nDz.jpg", b"\x01", 3)
    expected = blake2b(digest_size=32)
    for part in (b"images", b"images", b"master", b"/46Q8nDz.jpg"):
        expected.update(part + struct.pack(">q", len(part)))
    assert datum_id((item,)) == expected.hexdigest()
    assert Prefix("images", "images", "master").id_of("/46Q8nDz.jpg") == expected.hexdigest()
    whole = blake2b(expected.hexdigest().encode() + b"\x01" + b"salt", digest_size=32)
    assert datum_hash(datum_id((item,)), (item,), "salt") == whole.hexdigest()


def test_a_reference_does_not_count_for_the_hash() -> None:
    def hashed(reference: bool, data: bytes) -> str:
        source = Source("a", A, "master", CommitId("c"), reference=reference)
        return Datum((InputFile(source, "/f", data, 1),)).hash("s")

    assert hashed(True, b"1") == hashed(True, b"2")
    assert hashed(False, b"1") != hashed(False, b"2")


def one(path: str, data: bytes = b"1") -> Datum:
    return Datum((InputFile(Source("a", A, "master", CommitId("c")), path, data, 1),))


def test_decisions_against_the_base() -> None:
    same, changed, failed, new = one("/same"), one("/changed"), one("/failed"), one("/new")
    gone = one("/gone").id
    base = {
        same.id: Earlier(same.hash("s"), True),
        changed.id: Earlier("older", True),
        failed.id: Earlier(failed.hash("s"), False),
        gone: Earlier("x", True),
    }
    assert list(decide([same, changed, failed, new], base, "s")) == [
        Skip(same.id), Run(changed, True), Run(failed, True), Run(new, False), Drop(gone),
    ]  # fmt: skip
    assert list(decide([same], {same.id: base[same.id]}, "s", every_job=True)) == [Run(same, True)]
    assert list(decide([same], {same.id: base[same.id]}, "other salt")) == [Run(same, True)]


def test_sets_start_small_and_grow_or_follow_the_spec() -> None:
    many = [one(f"/{i}") for i in range(100)]
    grown = [len(s) for s in in_sets(many, DatumSets(), workers=1)]
    assert grown[0] == 1 and max(grown) > 8 and sum(grown) == 100
    assert [len(s) for s in in_sets(many, DatumSets(number=40), 1)] == [40, 40, 20]
    assert [len(s) for s in in_sets(many, DatumSets(size_bytes=50), 1)] == [50, 50]


def test_meta_survives_its_encoding() -> None:
    source = Source("n", RepoRef("a", project="p"), "dev", CommitId("c"), lazy=True, outer_join=True)
    datum = Datum((InputFile(source, "/d/", b"\x00\xff", 9, "j", "g"), InputFile(source, "/e ü", b"", 0)))
    job = JobRef(PipelineRef("pipe", "p"), CommitId("f" * 32))
    meta = Meta(job, datum, "h", DatumState.FAILED, "why", ProcessStats(0.5, 1.25, 2, 3, 4), "img")
    assert decode(encode(meta)) == meta
    assert decode(encode(meta)).datum.id == datum.id
