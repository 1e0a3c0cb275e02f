"""Versioned data as plain dictionaries: what the store must be indistinguishable from.

Written without a look at how the store does it: no trees, no layers on disk, no SQL. Files are
dictionaries, provenance is followed by recursion, and every question is answered by brute force.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from model_files import Op, Tree, applied, problem, readable, standing_at, whole

OPEN, FINISHING, FINISHED = "open", "finishing", "finished"
Key = tuple[str, str]
"""A commit: its repo and its commit set. A branch: its repo and its name."""
NewId = Callable[[], str]
"""Draws the id of the next commit set."""


class Refused(Exception):
    """The model says that this must fail."""


class OnBranch(NamedTuple):
    """A trigger."""

    branch: str
    all: bool = False
    size: int = 0
    commits: int = 0
    pause_s: int = 0
    """At most once in so many seconds."""
    every_s: int = 0
    """Regardless of commits."""


@dataclass
class Commit:
    branch: Key | None
    parent: Key | None
    provenance: tuple[Key, ...]
    origin: str
    size: int = 0
    """While it is not finished, what its parent's was when it was made."""
    state: str = OPEN
    error: str = ""
    description: str = ""
    finishing_s: int = 0
    forgotten: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    tree: Tree = field(default_factory=dict)
    """Once finished."""


@dataclass
class Branch:
    head: Key
    provenance: tuple[Key, ...] = ()
    never: frozenset[Key] = frozenset()
    trigger: OnBranch | None = None
    updated_s: int = 0
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class Described:
    """A project or a repo."""

    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class Fileset:
    expires_s: float
    base: Tree
    ops: list[Op]


class Model:
    def __init__(self, now_s: int = 0) -> None:
        self.now_s = now_s
        self.metadata: dict[str, str] = {}
        self.projects = {"default": Described()}
        self.repos: dict[str, Described] = {}
        self.branches: dict[Key, Branch] = {}
        self.commits: dict[Key, Commit] = {}
        self.filesets: dict[str, Fileset] = {}
        self.transactions: dict[str, list[bytes]] = {}

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

    def _triggered_by(self, branch: Key) -> list[Key]:
        return [
            key
            for key, other in self.branches.items()
            if other.trigger and (key[0], other.trigger.branch) == branch
        ]

    def children(self, commit: Key) -> list[Key]:
        return [key for key, other in self.commits.items() if other.parent == commit]

    def line(self, commit: Key | None) -> list[Key]:
        """The commit and its ancestors, newest first."""
        found = []
        while commit is not None:
            found.append(commit)
            commit = self.commits[commit].parent
        return found

    def subvenance(self, commit: Key) -> set[Key]:
        direct = {key for key, other in self.commits.items() if commit in other.provenance}
        return direct.union(*(self.subvenance(each) for each in direct))

    def is_ready(self, commit: Commit) -> bool:
        return all(self.commits[each].state == FINISHED for each in commit.provenance)

    def base(self, commit: Commit) -> Tree | None:
        """None while it is not known."""
        for key in self.line(commit.parent):
            ancestor = self.commits[key]
            if ancestor.state != FINISHED:
                return None
            if not ancestor.error:
                return ancestor.tree
        return {}

    def files(self, key: Key) -> dict[str, bytes] | None:
        """None where they cannot be read."""
        commit = self.commits[key]
        if commit.forgotten:
            return None
        if commit.state == FINISHED:
            return readable(commit.tree)
        base = self.base(commit)
        return None if base is None else readable(applied(base, commit.ops))

    def fileset(self, id: str) -> dict[str, bytes]:
        return readable(applied(self.filesets[id].base, self.filesets[id].ops))

    def found(self, start: Key, path: str) -> tuple[list[Key], Key] | None:
        """The commits that changed the file, and the last that was looked at; None where one of the
        line cannot be read."""
        line = self.line(start)
        files = [self.files(key) if self.commits[key].state == FINISHED else None for key in line]
        if any(each is None for each in files):
            return None
        contents = [standing_at(path, each) for each in files if each is not None] + [None]
        return [key for i, key in enumerate(line) if contents[i] != contents[i + 1]], line[-1]

    # -- changes; those that may make commits are given the id of the commit set

    def create_repo(self, name: str, description: str, update: bool) -> None:
        project = name.rpartition("/")[0] or "default"
        if project not in self.projects or (name in self.repos and not update):
            raise Refused
        self.repos.setdefault(name, Described()).description = description

    def create_project(self, name: str, description: str, update: bool) -> None:
        if (name in self.projects) != update:
            raise Refused
        self.projects.setdefault(name, Described()).description = description

    def create_branch(
        self,
        key: Key,
        set_id: str,
        head: Key | None = None,
        provenance: tuple[Key, ...] = (),
        never: frozenset[Key] = frozenset(),
        trigger: OnBranch | None = None,
    ) -> None:
        if trigger is not None:
            self._check_trigger(key, trigger, provenance)
        if head is not None and self.commits[head].forgotten:
            raise Refused
        for up in provenance:
            if up not in self.branches:
                self.create_branch(up, set_id)
        old = self.branches.get(key)
        place = head or (old.head if old else None)
        fresh = place is None or bool(provenance and set(old.provenance if old else ()) != set(provenance))
        if fresh:
            upstream = tuple(self.branches[up].head for up in provenance)
            place = self._make(key, set_id, place, upstream, "AUTO")
            if not provenance:
                self.commits[place].state, self.commits[place].size = FINISHED, 0
                self.commits[place].finishing_s = self.now_s
        assert place is not None
        made = Branch(place, tuple(sorted(provenance)), never, updated_s=self.now_s)
        made.trigger = trigger if trigger or provenance or old is None else old.trigger
        made.metadata = old.metadata if old else {}
        self.branches[key] = made
        for up in provenance:
            if up in self.full(key, downstream=True):
                raise Refused
        for source in self.branches:
            self._check_moved_at_once(source)
        if fresh or head is not None:
            self.propagate([key], set_id)

    def _check_trigger(self, key: Key, trigger: OnBranch, provenance: tuple[Key, ...]) -> None:
        if provenance or (trigger.every_s and (trigger.size or trigger.commits or trigger.pause_s)):
            raise Refused
        on: OnBranch | None = trigger
        while on is not None:
            source = (key[0], on.branch)
            if source == key:
                raise Refused
            if source not in self.branches:
                if on is trigger:
                    raise Refused
                return
            on = self.branches[source].trigger

    def _check_moved_at_once(self, source: Key) -> None:
        """What one commit moves through triggers gets one set, which holds one commit of each repo."""
        moved, near = set[Key](), [source]
        while near:
            fresh = [
                each
                for each in self._triggered_by(near.pop())
                if each not in moved and not getattr(self.branches[each].trigger, "every_s", 0)
            ]
            moved.update(fresh)
            near += fresh
        below = self._reached(list(moved))
        if len({repo for repo, _ in below}) < len(below):
            raise Refused

    def move_head(self, key: Key, head: Key, set_id: str) -> None:
        if self.commits[head].forgotten:
            raise Refused
        self._point(key, head)
        self.propagate([key], set_id)

    def _point(self, key: Key, head: Key) -> None:
        self.branches[key].head, self.branches[key].updated_s = head, self.now_s

    def start(self, key: Key, set_id: str, parent: Key | None = None) -> Key:
        branch = self.branches.get(key)
        parent = parent or (branch.head if branch else None)
        if branch is not None and branch.provenance:
            raise Refused
        if parent is not None and (self.commits[parent].state == OPEN or self.commits[parent].forgotten):
            raise Refused
        made = self._make(key, set_id, parent, (), "USER")
        if branch is None:
            self.branches[key] = Branch(made, updated_s=self.now_s)
        else:
            self._point(key, made)
        self.propagate([key], set_id)
        return made

    def _make(
        self, branch: Key, set_id: str, parent: Key | None, upstream: tuple[Key, ...], origin: str
    ) -> Key:
        key = (branch[0], set_id)
        if key in self.commits:
            raise Refused
        size = self.commits[parent].size if parent else 0
        self.commits[key] = Commit(branch, parent, tuple(sorted(set(upstream))), origin, size)
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
        for key in sorted(self._reached(moved), key=lambda each: len(self.full(each))):
            branch = self.branches[key]
            if branch.head[1] != set_id:
                upstream = tuple(self.branches[up].head for up in branch.provenance)
                self._point(key, self._make(key, set_id, branch.head, upstream, "AUTO"))

    def _reached(self, moved: list[Key]) -> set[Key]:
        reached: set[Key] = set()
        near = list(moved)
        while near:
            here = near.pop()
            for below in self._below(here):
                if below not in reached and here not in self.branches[below].never:
                    reached.add(below)
                    near.append(below)
        return reached

    def finish(self, key: Key, error: str = "", description: str = "") -> None:
        commit = self.commits[key]
        commit.state, commit.error, commit.finishing_s = FINISHING, error, self.now_s
        commit.description = description or commit.description

    def finish_one(self, key: Key, new_id: NewId) -> bool:
        """Whether it was finishing, and what it rests on has finished."""
        commit = self.commits[key]
        base = self.base(commit) if commit.state == FINISHING else None
        if base is None:
            return False
        commit.tree = applied(base, commit.ops)
        commit.error = commit.error or problem(commit.tree)
        commit.state, commit.ops = FINISHED, []
        commit.size = sum(map(len, readable(commit.tree).values()))
        set_id = new_id()
        if commit.branch is not None and not commit.error:
            self._fire(key, commit.branch, set_id)
        return True

    def _fire(self, key: Key, branch: Key, set_id: str) -> None:
        reached = {branch: key}
        near = [branch]
        while near:
            source = near.pop()
            for key in self._triggered_by(source):
                trigger, head = self.branches[key].trigger, self.branches[key].head
                assert trigger is not None
                if key not in reached and self._fires(trigger, head, reached[source]):
                    reached[key] = reached[source]
                    near.append(key)
        del reached[branch]
        for moved, head in reached.items():
            self._point(moved, head)
        self.propagate(list(reached), set_id)

    def _fires(self, trigger: OnBranch, old: Key, new: Key) -> bool:
        if trigger.every_s or old == new:
            return False
        before, after = self.commits[old], self.commits[new]
        conditions = []
        if trigger.size:
            conditions.append(after.size - before.size >= trigger.size)
        if trigger.pause_s:
            conditions.append(before.finishing_s + trigger.pause_s < after.finishing_s)
        if trigger.commits:
            line = self.line(new)
            if old in line:
                line = line[: line.index(old)]
            elif self.commits[line[-1]].origin == "AUTO":
                line.pop()  # what a branch begins with is nobody's commit
            conditions.append(len(line) >= trigger.commits)
        return all(conditions) if trigger.all else any(conditions)

    def tick(self, new_id: NewId) -> Iterator[None]:
        """One move after the other."""
        for key, branch in self.branches.items():
            trigger = branch.trigger
            if trigger and trigger.every_s and branch.updated_s + trigger.every_s <= self.now_s:
                set_id, watched = new_id(), self.branches.get((key[0], trigger.branch))
                if watched is not None:
                    self.move_head(key, watched.head, set_id)
                yield

    def forget(self, key: Key) -> None:
        commit = self.commits[key]
        if (
            any(self.commits[child].state != FINISHED for child in self.children(key))
            or not commit.provenance
            or commit.state != FINISHED
            or any(branch.head == key for branch in self.branches.values())
            or self._founds(key)
        ):
            raise Refused
        commit.forgotten, commit.tree = True, {}

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
                        self.commits[place].finishing_s = self.now_s
            for branch in headless:
                assert place is not None
                if self.commits[place].forgotten:
                    raise Refused
                self._point(branch, place)
            for child in self.children(key):
                self.commits[child].parent = commit.parent
            self._drop([key])

    def _drop(self, keys: list[Key]) -> None:
        for key in keys:
            del self.commits[key]
        for other in self.commits.values():
            other.provenance = tuple(each for each in other.provenance if each not in keys)

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
        if (self._below(key) or self._triggered_by(key)) and not force:
            raise Refused
        for other in self._triggered_by(key):
            self.branches[other].trigger = None
        del self.branches[key]
        for branch in self.branches.values():
            branch.provenance = tuple(up for up in branch.provenance if up != key)
            branch.never -= {key}
        for commit in self.commits.values():
            if commit.branch == key:
                commit.branch = None

    def delete_repos(self, names: list[str], force: bool) -> None:
        mine = [key for key in self.branches if key[0] in names]
        for key in mine:
            self.branches[key].trigger = None  # of the same repo, which goes as a whole
        for key in sorted(mine, key=lambda each: -len(self.full(each))):
            self.delete_branch(key, force)
        self._drop([key for key in self.commits if key[0] in names])
        for name in names:
            del self.repos[name]

    def delete_project(self, name: str, force: bool) -> None:
        inside = [repo for repo in self.repos if (repo.rpartition("/")[0] or "default") == name]
        if name not in self.projects or (inside and not force):
            raise Refused
        self.delete_repos(inside, force=True)
        del self.projects[name]

    def delete_all(self) -> None:
        self.delete_repos(list(self.repos), force=True)
        self.projects = {"default": Described()}

    # -- filesets

    def living(self, id: str) -> Fileset:
        if id not in self.filesets or self.filesets[id].expires_s <= self.now_s:
            raise Refused
        return self.filesets[id]

    def compose(self, ids: list[str]) -> tuple[Tree, list[Op]]:
        """One after the other; whole trees that come later prevail file by file."""
        base: Tree = {}
        ops: list[Op] = []
        for number, id in enumerate(ids):
            part = self.living(id)
            if number == 0:
                base = part.base
            else:
                ops += whole(part.base)
            ops += part.ops
        return base, ops

    def written_by(self, id: str) -> list[Op]:
        """What adding the fileset to a commit comes to."""
        part = self.living(id)
        return [*whole(part.base), *part.ops]
