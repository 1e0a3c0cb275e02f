"""What layers do to a commit's files, case by case, and what a finished commit may not hold."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from howdah.pachd.storage.content import Content, Hash, inline_content
from howdah.pachd.storage.trees import EMPTY_ROOT, Roots, Trees
from howdah.pachd.storage.trees.layers import LayerWriter


def joined(contents: Sequence[Content]) -> Content:
    return inline_content(b"".join(content.inline or b"" for content in contents))


def put(writer: LayerWriter, path: str, data: str, datum: str = "", append: bool = False) -> None:
    writer.put(path, inline_content(data.encode()), datum, append)


def merged(trees: Trees, base: Roots, *layers: Hash) -> Roots:
    return trees.merge(base, layers, joined)


def read(trees: Trees, roots: Roots) -> dict[str, str]:
    return {file.path: (file.content.inline or b"").decode() for file in trees.files(roots.content).files()}


def with_files(trees: Trees, *files: tuple[str, str, str], base: Roots | None = None) -> Roots:
    """The base, with files of (path, data, datum) put."""
    writer = trees.layer()
    for path, data, datum in files:
        put(writer, path, data, datum)
    return merged(trees, base or Roots(), writer.finish())


def test_operations_of_a_layer_apply_in_their_order(trees: Trees) -> None:
    writer = trees.layer()
    put(writer, "/a", "1")
    put(writer, "/a", "2", append=True)
    put(writer, "/b", "gone")
    put(writer, "/d/x", "gone")
    writer.delete("/b")
    writer.delete("/d/")
    put(writer, "/d/y", "3", append=True)
    put(writer, "/c", "4")
    writer.delete("/c")
    put(writer, "/c", "5", append=True)
    roots = merged(trees, Roots(), writer.finish())
    assert read(trees, roots) == {"/a": "12", "/d/y": "3", "/c": "5"}


def test_layers_apply_in_their_order(trees: Trees) -> None:
    first, second, third = trees.layer(), trees.layer(), trees.layer()
    put(first, "/a", "1")
    put(first, "/d/b", "1")
    second.delete("/")
    put(second, "/d/c", "2")
    put(third, "/d/c", "3", append=True)
    base = with_files(trees, ("/old", "0", ""))
    roots = merged(trees, base, first.finish(), second.finish(), third.finish())
    assert read(trees, roots) == {"/d/c": "23"}


def test_a_put_replaces_only_what_its_own_datum_wrote(trees: Trees) -> None:
    base = with_files(trees, ("/a", "one", "d1"), ("/a", "two", "d2"))
    roots = with_files(trees, ("/a", "new", "d1"), base=base)
    assert read(trees, roots) == {"/a": "new"}
    assert trees.writers(roots, "/a") == ("d1", "d2")
    writer = trees.layer()
    writer.delete("/a", "d1")
    roots = merged(trees, roots, writer.finish())
    assert read(trees, roots) == {"/a": "two"}
    assert trees.writers(roots, "/a") == ("d2",)


def test_everything_a_datum_wrote_goes_and_nothing_else(trees: Trees) -> None:
    base = with_files(trees, ("/x/1", "1", "d1"), ("/x/2", "2", "d2"), ("/y", "3", "d1"), ("/z", "4", ""))
    writer = trees.layer()
    writer.delete("/", "d1")
    roots = merged(trees, base, writer.finish())
    assert read(trees, roots) == {"/x/2": "2", "/z": "4"}
    assert roots == with_files(trees, ("/x/2", "2", "d2"), ("/z", "4", ""))
    writer = trees.layer()
    writer.delete("/", "")
    roots = merged(trees, roots, writer.finish())
    assert read(trees, roots) == {"/x/2": "2"}
    assert list(trees.written(base, "d1")) == ["/x/1", "/y"]
    assert list(trees.written(base, "d1", "/x/")) == ["/x/1"]


def test_the_content_root_does_not_know_who_wrote(trees: Trees) -> None:
    one = with_files(trees, ("/a", "1", "d1"))
    other = with_files(trees, ("/a", "1", ""))
    assert one.content == other.content
    assert one.attribution != other.attribution == EMPTY_ROOT


def test_a_layer_that_asks_for_nothing_is_the_empty_tree(trees: Trees) -> None:
    writer = trees.layer()
    assert writer.finish() == EMPTY_ROOT
    base = with_files(trees, ("/a", "1", "d1"))
    assert merged(trees, base, EMPTY_ROOT) == base == merged(trees, base)


def test_two_writers_of_a_path_are_a_problem_in_pachyderms_words(trees: Trees) -> None:
    roots = with_files(trees, ("/a", "1", "d1"), ("/b", "2", "d2"), ("/b", "3", ""))
    expected = "duplicate path output by different datums (/b from default and /b from d2)"
    assert trees.problem(roots) == expected
    assert trees.problem(roots, with_files(trees, ("/a", "1", "d1"))) == expected
    writer = trees.layer()
    writer.delete("/b", "")
    assert trees.problem(merged(trees, roots, writer.finish())) is None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([], ["/a", "/a-b", "/a/b"], "/a/b"),
        (["/a"], ["/a-b", "/a/b/c"], "/a/b/c"),
        (["/a/b/c", "/z"], ["/a/b"], "/a/b/c"),
        (["/a/b", "/ab"], ["/a-b", "/a.b", "/a/b.c", "/a/c"], None),
        (["/x"], ["/x/y", "/w", "/w/v"], "/w/v"),
    ],
)
def test_a_file_and_a_directory_of_one_path_are_a_problem(
    trees: Trees, before: list[str], after: list[str], found: str | None
) -> None:
    base = with_files(trees, *((path, "0", "") for path in before))
    roots = with_files(trees, *((path, "1", "") for path in after), base=base)
    expected = None if found is None else f"file / directory path collision ({found})"
    assert trees.problem(roots, base) == expected
    assert trees.problem(roots) == expected


def test_a_view_shows_an_open_commit_and_stores_nothing(trees: Trees, blocks: object) -> None:
    base = with_files(trees, ("/a", "1", ""), ("/b", "2", ""))
    writer = trees.layer()
    put(writer, "/a", "+", append=True)
    writer.delete("/b")
    layer = writer.finish()
    stored = set(blocks.blocks)  # type: ignore[attr-defined]
    view = trees.view(base, [layer], joined)
    assert read(view.trees, view.roots) == {"/a": "1+"}
    assert set(blocks.blocks) == stored  # type: ignore[attr-defined]
    writer = trees.layer()
    put(writer, "/c", "3")
    further = view.trees.view(view.roots, [writer.finish()], joined)
    assert read(further.trees, further.roots) == {"/a": "1+", "/c": "3"}
    assert further.roots == with_files(trees, ("/a", "1+", ""), ("/c", "3", ""))


def test_differences_name_both_sides(trees: Trees) -> None:
    old = with_files(trees, ("/a", "1", ""), ("/d/b", "2", ""), ("/d/c", "3", ""))
    new = with_files(trees, ("/a", "new", ""), ("/d/b", "2", ""), ("/e", "4", ""))
    found = [
        (each.path, each.old and each.old.content.inline, each.new and each.new.content.inline)
        for each in trees.diff(old.content, new.content)
    ]
    assert found == [("/a", b"1", b"new"), ("/d/c", b"3", None), ("/e", None, b"4")]
    assert [each.path for each in trees.diff(old.content, new.content, "/d/")] == ["/d/c"]
    assert list(trees.diff(old.content, old.content)) == []


def test_all_that_a_sweep_must_keep_is_reachable(trees: Trees, blocks: object) -> None:
    writer = trees.layer()
    for i in range(2000):
        put(writer, f"/f{i:04d}", str(i), datum=f"d{i % 7}")
    put(writer, "/f0000", "second", datum="another")
    writer.delete("/f0001")
    writer.delete("/none/")
    layer = writer.finish()
    roots = merged(trees, Roots(), layer)
    kept: dict[Hash, bytes] = {}
    contents = set()
    for root in (roots.content, roots.attribution, layer):
        for hash, found in trees.reachable(root, kept.__contains__):
            kept[hash] = blocks.blocks[hash]  # type: ignore[attr-defined]
            contents.update(found)
    assert contents == {inline_content(str(i).encode()) for i in range(2000)} | {inline_content(b"second")}
    alone = type(blocks)()
    alone.blocks = kept
    swept = Trees(alone, trees._folder)
    assert read(swept, roots) == {f"/f{i:04d}": str(i) for i in range(2000) if i != 1} | {"/f0000": "second"}
    assert swept.merge(Roots(), [layer], joined) == roots


@pytest.mark.slow
def test_a_layer_larger_than_memory_is_sorted_on_disk(
    trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("howdah.pachd.storage.trees.sorter.MEMORY_BYTES", 2000)
    monkeypatch.setattr("howdah.pachd.storage.trees.sorter.MOST_RUNS", 4)
    writer = trees.layer()
    order = [(i * 7919) % 1000 for i in range(1000)]
    for i in order:
        put(writer, f"/{i:03d}", f"first {i}")
    for i in order:
        put(writer, f"/{i:03d}", f", then {i}", append=True)
    roots = merged(trees, Roots(), writer.finish())
    assert read(trees, roots) == {f"/{i:03d}": f"first {i}, then {i}" for i in range(1000)}


def test_a_layer_given_up_leaves_nothing(trees: Trees) -> None:
    writer = trees.layer()
    put(writer, "/a", "1")
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        put(writer, "/b", "1")
