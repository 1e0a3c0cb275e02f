"""Trees against a plain dictionary, under any history."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.pachd.storage.content import Content, Hash, inline_content
from howdah.pachd.storage.trees import EMPTY_ROOT, Roots, Trees


def joined(contents: Sequence[Content]) -> Content:
    parts = [content.inline for content in contents]
    return inline_content(b"".join(part for part in parts if part is not None))


Model = dict[str, dict[str, bytes]]
"""Path to datum to bytes."""


def apply_to_model(model: Model, act: tuple[str, str, str | None, bytes]) -> None:
    kind, path, datum, data = act
    if kind == "delete":
        for each in [p for p in model if p == path or (path.endswith("/") and p.startswith(path))]:
            versions = model[each]
            if datum is None:
                versions.clear()
            versions.pop(datum or "", None)
            if not versions:
                del model[each]
        return
    versions = model.setdefault(path, {})
    versions[datum or ""] = (versions.get(datum or "", b"") if kind == "append" else b"") + data


names = st.sampled_from(["a", "b", "a-b", "ab", "c0"])
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
directories = st.lists(names, max_size=2).map(lambda parts: "".join(f"/{part}" for part in parts) + "/")
datums = st.sampled_from(["", "d1", "d2"])
acts = st.one_of(
    st.tuples(st.sampled_from(["put", "append"]), paths, datums, st.binary(max_size=4)),
    st.tuples(st.just("delete"), paths | directories, datums | st.none(), st.just(b"")),
)


def layer_of(trees: Trees, each: Sequence[tuple[str, str, str | None, bytes]]) -> Hash:
    writer = trees.layer()
    for kind, path, datum, data in each:
        if kind == "delete":
            writer.delete(path, datum)
        else:
            writer.put(path, inline_content(data), datum or "", append=kind == "append")
    return writer.finish()


def build(trees: Trees, model: Model) -> Roots:
    """The model's files in one layer on nothing."""
    puts = [("put", path, datum, data) for path in model for datum, data in model[path].items()]
    return trees.merge(Roots(), [layer_of(trees, puts)], joined)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(history=st.lists(st.lists(st.lists(acts, max_size=8), max_size=3), max_size=4))
def test_any_history_of_commits_gives_the_roots_of_a_fresh_build(
    trees: Trees, history: list[list[list[tuple[str, str, str | None, bytes]]]]
) -> None:
    roots, model = Roots(), Model()
    for commit in history:
        before = {path: dict(versions) for path, versions in model.items()}
        for layer in commit:
            for act in layer:
                apply_to_model(model, act)
        layers = [layer_of(trees, layer) for layer in commit]
        view = trees.view(roots, layers, joined)
        old, roots = roots, trees.merge(roots, layers, joined)
        assert view.roots == roots
        assert roots == build(trees, model)
        first = {path: versions[min(versions)] for path, versions in model.items()}
        read = {file.path: file.content.inline for file in view.files.files()}
        assert read == first
        was = {path: versions[min(versions)] for path, versions in before.items()}
        changed = {each.path for each in trees.diff(old.content, roots.content)}
        assert changed == {path for path in was.keys() | first.keys() if was.get(path) != first.get(path)}
        for path, versions in model.items():
            assert trees.writers(roots, path) == tuple(sorted(versions))
        for datum in ("d1", "d2"):
            assert list(trees.written(roots, datum)) == sorted(p for p in model if datum in model[p])
    if not model:
        assert roots == Roots(EMPTY_ROOT, EMPTY_ROOT)
