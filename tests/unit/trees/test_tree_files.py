"""The reading interface against a sorted list of paths."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.pachd.storage.content import Content, Hash, inline_content
from howdah.pachd.storage.trees import EMPTY_ROOT, Blocks, Directory, File, Files, Glob, NodeCache
from howdah.pachd.storage.trees.edit import apply
from howdah.pachd.storage.trees.nodes import Nodes
from howdah.pachd.storage.trees.sums import FILES


def content_of(path: str) -> Content:
    return inline_content(path.encode()[-3:])


def files_of(nodes: Nodes, paths: Iterable[str]) -> Files:
    edits = [(path.encode(), content_of(path).encode()) for path in sorted(set(paths))]
    return Files(nodes, apply(nodes, EMPTY_ROOT, edits, FILES))


def directories_of(paths: Iterable[str]) -> set[str]:
    return {path[: i + 1] for path in paths for i, char in enumerate(path) if char == "/"}


def paths_of(found: Iterable[File | Directory]) -> list[str]:
    return [each.path for each in found]


names = st.sampled_from(["a", "b", "a-b", "ab", "c0", "a.b", "z"])
file_paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
path_sets = st.sets(file_paths, max_size=40)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(paths=path_sets, data=st.data())
def test_everything_reads_as_from_a_list(nodes: Nodes, paths: set[str], data: st.DataObject) -> None:
    files = files_of(nodes, paths)
    directories = directories_of(paths)
    everything = sorted(paths | directories)
    assert paths_of(files.files()) == sorted(paths)
    assert paths_of(files.walk()) == everything
    for directory in directories | {"/", "/none/"}:
        children = [
            path
            for path in everything
            if path != directory
            and path.startswith(directory)
            and "/" not in path[len(directory) :].rstrip("/")
        ]
        assert paths_of(files.listing(directory)) == children
        assert paths_of(files.listing(directory, reverse=True)) == children[::-1]
        assert paths_of(files.walk(directory)) == [p for p in everything if p.startswith(directory)]
        if children:
            after = data.draw(st.sampled_from(children))
            place = children.index(after)
            assert paths_of(files.listing(directory, after)) == children[place + 1 :]
            backwards = files.listing(directory, after, reverse=True)
            assert paths_of(backwards) == children[:place][::-1]
        under = [path for path in sorted(paths) if path.startswith(directory)]
        found = files.directory(directory)
        assert (found is not None) == bool(under or directory == "/")
        if found is not None:
            size = sum(content_of(path).size for path in under)
            assert (found.path, found.count, found.size) == (directory, len(under), size)
            alone = files_of(nodes, under).directory(directory)
            assert alone is not None and alone.hash == found.hash
    for path in everything:
        expected = "/" if path == "/" else path
        assert (found_ := files.find(path)) is not None and found_.path == expected
    assert files.get("/none") is None and files.find("/none") is None


PATTERNS = ["/*", "/**", "/a*", "/*/a", "/*/*", "/a/**", "/{a,b}/*", "/a?b", "/!(a)", "/!(a)/*", "/(a|b)/(*)"]
PATTERNS += ["/", "/a", "/a/b", "/*(a|b)", "/[!a]*", "/**b", "/a**", "/*/*(a|/)*", "/c0/[a-c]*/?"]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(paths=path_sets, pattern=st.sampled_from(PATTERNS), data=st.data())
def test_globs_find_what_matches_of_all_files_and_directories(
    nodes: Nodes, paths: set[str], pattern: str, data: st.DataObject
) -> None:
    files, glob = files_of(nodes, paths), Glob(pattern)
    everything = sorted(paths | directories_of(paths) | {"/"})
    expected = [path for path in everything if glob.match(path) is not None]
    assert paths_of(files.glob(pattern)) == expected
    after = data.draw(st.sampled_from(everything))
    assert paths_of(files.glob(glob, after)) == [path for path in expected if path > after]


def test_a_directorys_hash_covers_names_and_contents_and_nothing_else(nodes: Nodes) -> None:
    def hash_of(*paths: str) -> bytes:
        found = files_of(nodes, paths).directory("/d")
        assert found is not None
        return found.hash

    plain = hash_of("/d/a", "/d/b")
    assert hash_of("/d/a", "/d/b", "/c", "/d-", "/d.x/y", "/e/f") == plain
    assert hash_of("/d/a", "/d/c") != plain
    assert hash_of("/d/a", "/d/b/c") != plain
    renamed = apply(
        nodes,
        EMPTY_ROOT,
        [(b"/d/a", content_of("/d/b").encode()), (b"/d/b", content_of("/d/a").encode())],
        FILES,
    )
    swapped = Files(nodes, renamed).directory("/d")
    assert swapped is not None and swapped.hash != plain


def test_the_root_of_nothing_is_an_empty_directory(nodes: Nodes) -> None:
    files = Files(nodes, EMPTY_ROOT)
    root = files.find("/")
    assert isinstance(root, Directory) and (root.size, root.count) == (0, 0)
    assert list(files.listing()) == list(files.files()) == list(files.walk()) == []
    assert list(files.glob("/**")) == []


def test_listing_passes_over_what_is_in_directories(blocks: Blocks, nodes: Nodes) -> None:
    class Counting:
        reads = 0

        def get(self, hash: Hash) -> bytes:
            self.reads += 1
            return blocks.get(hash)

        def get_all(self, hashes: Sequence[Hash]) -> list[bytes]:
            return [self.get(hash) for hash in hashes]

        def put(self, data: bytes) -> Hash:
            return blocks.put(data)

    paths = [f"/big/{i:05d}" for i in range(20_000)] + ["/a", "/z"]
    files, counting = files_of(nodes, paths), Counting()
    assert paths_of(Files(Nodes(counting, NodeCache()), files.root).listing()) == ["/a", "/big/", "/z"]
    assert counting.reads < 12


def test_what_was_fetched_is_not_read_again(blocks: Blocks, nodes: Nodes) -> None:
    class Rounds:
        single = together = 0

        def get(self, hash: Hash) -> bytes:
            self.single += 1
            return blocks.get(hash)

        def get_all(self, hashes: Sequence[Hash]) -> list[bytes]:
            self.together += 1
            return blocks.get_all(hashes)

        def put(self, data: bytes) -> Hash:
            return blocks.put(data)

    paths = [f"/dir-{i % 7}/{i:05d}" for i in range(20_000)]
    root, rounds = files_of(nodes, paths).root, Rounds()
    reading = Nodes(rounds, NodeCache())
    asked = sorted(path.encode() for path in [*paths[::331], "/", "/dir-3", "/dir-3/x", "/zzz"])
    reading.fetch(root, asked)
    assert rounds.single == 0 and rounds.together == nodes.load(root).level + 1
    files = Files(reading, root)
    assert [files.get(key.decode()) is None for key in asked] == [key.decode() not in paths for key in asked]
    assert rounds.single == 0


def test_paths_sort_by_their_bytes(nodes: Nodes) -> None:
    files = files_of(nodes, ["/a/x", "/a-b", "/a.b", "/a0"])
    assert paths_of(files.listing()) == ["/a-b", "/a.b", "/a/", "/a0"]
