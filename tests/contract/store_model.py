"""Versioned data as plain dictionaries: what the store must be indistinguishable from.

Written without a look at how the store does it: no trees, no layers on disk, no SQL. Files are
dictionaries, provenance is followed by recursion, and every question is answered by brute force.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

OPEN, FINISHING, FINISHED = "open", "finishing", "finished"
Key = tuple[str, str]
"""A commit: its repo and its commit set. A branch: its repo and its name."""
Tree = dict[str, dict[str, bytes]]
"""For each path, what each datum wrote."""


class Op(NamedTuple):
    act: str
    path: str
    datum: str = ""
    data: bytes = b""


class Refused(Exception):
    """The model says that this must fail."""


@dataclass
class Commit:
    branch: Key | None
    parent: Key | None
    provenance: tuple[Key, ...]
    origin: str
    state: str = OPEN
    error: str = ""
    ops: list[Op] = field(default_factory=list)
    tree: Tree = field(default_factory=dict)
    """Once finished."""


@dataclass
class Branch:
    head: Key
    provenance: tuple[Key, ...] = ()
    never: frozenset[Key] = frozenset()


def applied(tree: Tree, ops: list[Op]) -> Tree:
    result = {path: dict(datums) for path, datums in tree.items()}
    for op in ops:
        if op.act == "put":
            _delete(result, op.path, op.datum)
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


class Model:
    def __init__(self) -> None:
        self.repos: dict[str, str] = {}
        self.branches: dict[Key, Branch] = {}
        self.commits: dict[Key, Commit] = {}

    # -- questions

    def full(self, branch: Key, downstream: bool = False) -> set[Key]:
        """Every branch that this one rests on, or that rests on it."""
        found: set[Key] = set()
        near = [branch]
        while near:
            here = near.pop()
            step = self._below(here) if downstream else list(self.branches[here].provenance)
            near += [each for each in step if each not in found]
            found.update(step)
        return found

    def _below(self, branch: Key) -> list[Key]:
        return [key for key, other in self.branches.items() if branch in other.provenance]

    def children(self, commit: Key) -> list[Key]:
        return [key for key, other in self.commits.items() if other.parent == commit]

    def subvenance(self, commit: Key) -> set[Key]:
        direct = {key for key, other in self.commits.items() if commit in other.provenance}
        return direct.union(*(self.subvenance(each) for each in direct))

    def base(self, commit: Commit) -> Tree | None:
        """None while it is not known."""
        parent = commit.parent
        while parent is not None:
            ancestor = self.commits[parent]
            if ancestor.state != FINISHED:
                return None
            if not ancestor.error:
                return ancestor.tree
            parent = ancestor.parent
        return {}

    def files(self, key: Key) -> dict[str, bytes] | None:
        commit = self.commits[key]
        if commit.state == FINISHED:
            return readable(commit.tree)
        base = self.base(commit)
        return None if base is None else readable(applied(base, commit.ops))

    # -- changes; each is given the id of the commit set

    def create_branch(
        self, key: Key, set_id: str, head: Key | None, provenance: tuple[Key, ...], never: frozenset[Key]
    ) -> None:
        for up in provenance:
            if up not in self.branches:
                self.create_branch(up, set_id, None, (), frozenset())
        old = self.branches.get(key)
        place = head or (old.head if old else None)
        fresh = place is None or bool(provenance and set(old.provenance if old else ()) != set(provenance))
        if fresh:
            upstream = tuple(self.branches[up].head for up in provenance)
            place = self._make(key, set_id, place, upstream, "AUTO")
            if not provenance:
                self.commits[place].state = FINISHED
        assert place is not None
        self.branches[key] = Branch(place, tuple(sorted(provenance)), never)
        for up in provenance:
            if up in self.full(key, downstream=True):
                raise Refused
        if fresh or head is not None:
            self.propagate([key], set_id)

    def start(self, key: Key, set_id: str) -> Key:
        branch = self.branches.get(key)
        if branch is not None and (branch.provenance or self.commits[branch.head].state == OPEN):
            raise Refused
        made = self._make(key, set_id, branch.head if branch else None, (), "USER")
        self.branches[key] = Branch(made) if branch is None else Branch(made, branch.provenance, branch.never)
        self.propagate([key], set_id)
        return made

    def _make(
        self, branch: Key, set_id: str, parent: Key | None, upstream: tuple[Key, ...], origin: str
    ) -> Key:
        key = (branch[0], set_id)
        if key in self.commits:
            raise Refused
        self.commits[key] = Commit(branch, parent, tuple(sorted(set(upstream))), origin)
        return key

    def propagate(self, moved: list[Key], set_id: str) -> None:
        for start in moved:
            component = {start}
            while True:
                more = component.union(*(self.full(each) | self.full(each, True) for each in component))
                if more == component:
                    break
                component = more
            if len({repo for repo, _ in component}) < len(component):
                raise Refused
        reached: set[Key] = set()
        near = list(moved)
        while near:
            here = near.pop()
            for below in self._below(here):
                if below not in reached and here not in self.branches[below].never:
                    reached.add(below)
                    near.append(below)
        for key in sorted(reached, key=lambda each: len(self.full(each))):
            branch = self.branches[key]
            if branch.head[1] != set_id:
                upstream = tuple(self.branches[up].head for up in branch.provenance)
                branch.head = self._make(key, set_id, branch.head, upstream, "AUTO")

    def finish_all(self) -> None:
        changed = True
        while changed:
            changed = False
            for commit in self.commits.values():
                changed |= self.finish_one(commit)

    def finish_one(self, commit: Commit) -> bool:
        """Whether it was finishing, and what it rests on has finished."""
        base = self.base(commit) if commit.state == FINISHING else None
        if base is None:
            return False
        commit.tree = applied(base, commit.ops)
        commit.error = commit.error or problem(commit.tree)
        commit.state, commit.ops = FINISHED, []
        return True

    def remove(self, keys: list[Key], set_id: str) -> None:
        for key in keys:
            for child in self.children(key):
                if self.commits[child].state != FINISHED:
                    raise Refused
            if self._founds(key):
                raise Refused
        for key in keys:
            commit = self.commits[key]
            headless = [branch for branch in self.branches if self.branches[branch].head == key]
            place = commit.parent
            if headless and place is None:
                place = (key[0], set_id)
                if place not in self.commits:
                    upstream = tuple(self.branches[up].head for up in self.branches[headless[0]].provenance)
                    self._make(headless[0], set_id, None, upstream, "AUTO")
                    if not upstream:
                        self.commits[place].state = FINISHED
            for branch in headless:
                assert place is not None
                self.branches[branch].head = place
            for child in self.children(key):
                self.commits[child].parent = commit.parent
            del self.commits[key]
            for other in self.commits.values():
                other.provenance = tuple(each for each in other.provenance if each != key)

    def _founds(self, key: Key) -> bool:
        """Whether something to come rests on this commit through children that have an error."""
        heads = {branch.head for branch in self.branches.values()}
        for child in self.children(key):
            if self.commits[child].error and (
                child in heads
                or any(self.commits[each].state != FINISHED for each in self.children(child))
                or self._founds(child)
            ):
                return True
        return False

    def delete_branch(self, key: Key, force: bool) -> None:
        if self._below(key) and not force:
            raise Refused
        del self.branches[key]
        for other in self.branches.values():
            other.provenance = tuple(up for up in other.provenance if up != key)
            other.never -= {key}
        for commit in self.commits.values():
            if commit.branch == key:
                commit.branch = None

    def delete_repo(self, name: str, force: bool) -> None:
        mine = [key for key in self.branches if key[0] == name]
        for key in sorted(mine, key=lambda each: -len(self.full(each))):
            self.delete_branch(key, force)
        gone = [key for key in self.commits if key[0] == name]
        for key in gone:
            del self.commits[key]
        for other in self.commits.values():
            other.provenance = tuple(each for each in other.provenance if each not in gone)
        del self.repos[name]
