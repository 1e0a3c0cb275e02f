"""What must not stand in a finished commit, and what a sweep must not take."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import attribution, layers, read
from howdah.pachd.storage.trees.diff import diff
from howdah.pachd.storage.trees.merge import Roots
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Nodes

DEFAULT_DATUM = "default"
"""What Pachyderm calls the datum of a file that no datum wrote."""


_FEW = 2000


def problem(
    nodes: Nodes, roots: Roots, base: Roots | None, layers_: Sequence[Hash] | None = None
) -> str | None:
    """Why the files cannot be a sound commit, in Pachyderm's words; None if they can.

    With a base that is known to be sound only what differs from it is looked at; with the layers
    that were merged over it only what they name, if that is little."""
    for path, names in attribution.duplicates(nodes, roots.attribution):
        at = path.decode()
        one, other = (name or DEFAULT_DATUM for name in names[:2])
        return f"duplicate path output by different datums ({at} from {one} and {at} from {other})"
    if base is None or base.content == EMPTY_ROOT:
        collision = _first_collision(nodes, roots.content)
    else:
        added = _added(nodes, base.content, roots.content, layers_)
        collision = _collision(nodes, base.content, roots.content, added)
    return None if collision is None else f"file / directory path collision ({collision.decode()})"


def _added(nodes: Nodes, base: Hash, root: Hash, layers_: Sequence[Hash] | None) -> Iterator[bytes]:
    """The paths of files that the base did not have."""
    if layers_ is not None:
        named = (
            path
            for layer in layers_
            for path, _, done in layers.operations(nodes, layer)
            if layers.writes(done)
        )
        paths = dict.fromkeys(islice(named, _FEW))
        if next(named, None) is None:
            for path in paths:
                if read.get(nodes, base, path) is None and read.get(nodes, root, path) is not None:
                    yield path
            return
    for path, was, now in diff(nodes, base, root):
        if was is None and now is not None:
            yield path


def _collision(nodes: Nodes, base: Hash, root: Hash, added: Iterable[bytes]) -> bytes | None:
    """The least path of a file that stands under another file, where one of the two was added to a
    base without collisions."""
    found: list[bytes] = []
    checked: set[bytes] = set()
    for path in added:
        below = path + b"/"
        under = read.first_key(nodes, root, below, path + b"0")
        if under is not None:
            found.append(under)
        slash = path.rfind(b"/")
        if slash <= 0 or path[:slash] in checked:
            continue
        neighbours = _neighbours(nodes, base, path)
        while slash > 0 and path[:slash] not in checked:
            if any(key.startswith(path[: slash + 1]) for key in neighbours):
                # A folder of the base, so it and those above it were no files there. One that was
                # added as a file is looked at itself.
                break
            checked.add(path[:slash])
            if read.get(nodes, root, path[:slash]) is not None:
                found.append(path)
            slash = path.rfind(b"/", 0, slash)
    return min(found, default=None)


def _neighbours(nodes: Nodes, root: Hash, path: bytes) -> list[bytes]:
    """Up to two keys beside a path, in the leaf that edits of the path have read anyway."""
    leaf = read.leaf_after(nodes, root, path)
    if leaf is None:
        return []
    i = leaf.find(path)
    return [leaf.key(at) for at in (i - 1, i) if 0 <= at < leaf.count]


def _first_collision(nodes: Nodes, root: Hash) -> bytes | None:
    """Reads everything once. A file that something stands under comes before it, though not always
    right before: `/a`, `/a-b`, `/a/b`. So the files that begin the present one are kept at hand."""
    begun: list[bytes] = []
    for path, _ in read.scan(nodes, root):
        while begun and not path.startswith(begun[-1]):
            begun.pop()
        for earlier in begun:
            if path[len(earlier)] == 0x2F:
                return path
        begun.append(path)
    return None


def reachable(nodes: Nodes, root: Hash, skip: Callable[[Hash], bool]) -> Iterator[tuple[Hash, list[Content]]]:
    """Every block of a tree, be it of contents, of attribution or a layer, with the contents that
    it refers to. What `skip` says yes to is passed over with all that only it leads to."""
    for hash, node in read.walk_nodes(nodes, root, skip):
        yield hash, [] if node.level else _contents(node.keys(), node.values())


def _contents(keys: list[bytes], values: list[bytes]) -> list[Content]:
    found = map(content_of, keys, values)
    return [content for content in found if content is not None]


def content_of(key: bytes, value: bytes) -> Content | None:
    """The content in a leaf's entry, if it is of a kind that has one.

    Which tree an entry is of shows in its key: only a layer's has a 0x00 nine bytes from its end, for
    paths hold none, and only paths begin with a slash."""
    if key[:1] != b"/":
        further = attribution.further_content(key, value)
        return None if further is None else Content.decode(further)
    if len(key) > 9 and not key[-9]:
        return layers.content(value)
    return Content.decode(value)
