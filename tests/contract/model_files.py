"""Files as a dictionary, and what writes do to them."""

from typing import NamedTuple

Tree = dict[str, dict[str, bytes]]
"""For each path, what each datum wrote."""


class Op(NamedTuple):
    act: str
    path: str
    datum: str = ""
    data: bytes = b""


def applied(tree: Tree, ops: list[Op]) -> Tree:
    result = {path: dict(datums) for path, datums in tree.items()}
    for op in ops:
        if op.act == "put":
            _delete(result, op.path, op.datum)
            result.setdefault(op.path, {})[op.datum] = op.data
        elif op.act == "replace":
            result.setdefault(op.path, {})[op.datum] = op.data
        elif op.act == "append":
            datums = result.setdefault(op.path, {})
            datums[op.datum] = datums.get(op.datum, b"") + op.data
        elif op.act == "delete":
            _delete(result, op.path, op.datum)
        else:
            for path in [path for path in result if path.startswith(op.path)]:
                _delete(result, path, op.datum)
    return {path: datums for path, datums in result.items() if datums}


def _delete(tree: Tree, path: str, datum: str) -> None:
    if not datum:
        tree.pop(path, None)
    elif path in tree:
        tree[path].pop(datum, None)


def problem(tree: Tree) -> str:
    if any(len(datums) > 1 for datums in tree.values()):
        return "duplicate path output by different datums"
    if any(other.startswith(path + "/") for path in tree for other in tree):
        return "file / directory path collision"
    return ""


def readable(tree: Tree) -> dict[str, bytes]:
    return {path: datums[min(datums)] for path, datums in tree.items()}


def standing_at(path: str, files: dict[str, bytes]) -> bytes | dict[str, bytes] | None:
    """A file, or all that is in a folder."""
    below = {found: data for found, data in files.items() if found.startswith(path + "/")}
    return files.get(path, below or None)


def whole(tree: Tree) -> list[Op]:
    """A tree as writes over something else: each file as its first writer left it."""
    return [Op("replace", path, min(datums), datums[min(datums)]) for path, datums in tree.items()]


def copied(files: dict[str, bytes], path: str, to: str, append: bool, datum: str) -> list[Op]:
    """What copying a file or a folder comes to."""
    act = "append" if append else "put"
    below = "/" if path == "/" else path + "/"
    ops = [Op(act, to, datum, files[path])] if path in files else []
    for found in sorted(files):
        if found.startswith(below):
            ops.append(Op(act, f"{to}/{found.removeprefix(below)}", datum, files[found]))
    return ops
