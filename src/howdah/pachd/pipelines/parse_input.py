"""From the `input` of a spec to a tree of inputs, checked, with defaults filled in."""

import datetime
from typing import get_args

from howdah.core.refs import RepoRef
from howdah.errors import Invalid
from howdah.pachd.pipelines.inputs import (
    Combined,
    CombineKind,
    CronInput,
    Input,
    PfsInput,
    Trigger,
    in_order,
)
from howdah.pachd.pipelines.reading import Reader
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.pipelines.schema import SpecError
from howdah.pachd.storage.trees import BadGlob, Glob
from howdah.pachd.versions.triggers import next_tick

_KINDS: tuple[CombineKind, ...] = get_args(CombineKind)
_TAKEN = ("out", ".env")


def parse_input(read: Reader, pipeline: PipelineRef) -> Input:
    """Raises `SpecError` with the path to whatever is wrong."""
    root = _Parser(pipeline).parse(read)
    check_names(root, read.path)
    return in_order(root)


class _Parser:
    def __init__(self, pipeline: PipelineRef) -> None:
        self._pipeline = pipeline
        self._triggers: dict[str, int] = {}

    def parse(self, read: Reader) -> Input:
        given = [key for key in ("pfs", "cron", *_KINDS) if read.has(key)]
        if not given:
            raise SpecError(read.path, f"no input set; set one of pfs, cron, {', '.join(_KINDS)}")
        if len(given) > 1:
            raise SpecError(read.path, f"multiple input types set: {', '.join(given)}")
        if pfs := read.object("pfs"):
            return self._pfs(pfs)
        if cron := read.object("cron"):
            return self._cron(cron)
        kind = next(kind for kind in _KINDS if read.has(kind))
        parts = tuple(self.parse(part) for part in read.objects(kind))
        if not parts:
            raise SpecError(read.path_to(kind), "needs at least one input")
        return Combined(kind, parts)

    def _pfs(self, read: Reader) -> PfsInput:
        repo = read.text("repo")
        if not repo:
            raise SpecError(read.path_to("repo"), "input must specify a repo")
        if repo == "out" and not read.text("name"):
            raise SpecError(
                read.path_to("name"),
                "inputs based on repos named \"out\" must have 'name' set, since /pfs/out is the output",
            )
        if read.text("commit"):
            raise SpecError(
                read.path_to("commit"),
                "input cannot come from a commit; use a branch with head pointing to the commit",
            )
        trigger = _trigger(read.object("trigger"))
        propagation = read.object("propagationSpec")
        return PfsInput(
            name=read.text("name") or repo,
            repo=RepoRef(repo, read.text("repoType"), read.text("project") or self._pipeline.project),
            branch=read.text("branch") or (self._trigger_branch(repo) if trigger else "master"),
            glob=_glob(read),
            join_on=read.text("joinOn"),
            outer_join=read.flag("outerJoin"),
            group_by=read.text("groupBy"),
            lazy=read.flag("lazy"),
            empty_files=read.flag("emptyFiles"),
            reference=read.flag("reference"),
            never_propagates=propagation.flag("never") if propagation else False,
            trigger=trigger,
        )

    def _trigger_branch(self, repo: str) -> str:
        self._triggers[repo] = self._triggers.get(repo, 0) + 1
        return f"{self._pipeline.name}-trigger-{self._triggers[repo]}"

    def _cron(self, read: Reader) -> CronInput:
        name = read.text("name")
        check_cron(read.text("spec"), read.path_to("spec"))
        start = read.text("start")
        return CronInput(
            name=name,
            repo=RepoRef(
                read.text("repo") or f"{self._pipeline.name}_{name}",
                project=read.text("project") or self._pipeline.project,
            ),
            spec=read.text("spec"),
            overwrite=read.flag("overwrite"),
            start_ns=int(datetime.datetime.fromisoformat(start).timestamp() * 10**9) if start else 0,
        )


def _glob(read: Reader) -> str:
    glob = read.text("glob")
    if not glob:
        raise SpecError(read.path_to("glob"), "input must specify a glob")
    if not glob.startswith("/"):
        glob = "/" + glob
    glob = glob.rstrip("/") or "/"
    try:
        Glob(glob)
    except BadGlob as error:
        raise SpecError(read.path_to("glob"), str(error)) from None
    return glob


def _trigger(read: Reader | None) -> Trigger | None:
    if read is None:
        return None
    if spec := read.text("cronSpec"):
        check_cron(spec, read.path_to("cronSpec"))
    if spec := read.text("rateLimitSpec"):
        check_cron(spec, read.path_to("rateLimitSpec"))
    return Trigger(
        branch=read.text("branch") or "master",
        all=read.flag("all"),
        rate_limit_spec=read.text("rateLimitSpec"),
        size=read.text("size"),
        commits=read.integer("commits"),
        cron_spec=read.text("cronSpec"),
    )


def check_cron(spec: str, path: str) -> None:
    try:
        next_tick(spec, 0)
    except Invalid as error:
        raise SpecError(path, f'error parsing cron-spec "{spec}": {error}') from None


def check_names(root: Input, path: str) -> set[str]:
    """Names under one datum's /pfs must differ; only the parts of a union may share them."""
    if not isinstance(root, Combined):
        if not root.name:
            raise SpecError(path, "input must specify a name")
        if root.name in _TAKEN or "/" in root.name or root.name in (".", "..", ".scratch"):
            raise SpecError(path, f"input cannot be named {root.name}")
        return {root.name}
    names: set[str] = set()
    for i, part in enumerate(root.parts):
        found = check_names(part, f"{path}.{root.kind}[{i}]")
        again = sorted(names & found)
        if again and root.kind != "union":
            raise SpecError(f"{path}.{root.kind}[{i}]", f'name "{again[0]}" was used more than once')
        names |= found
    return names
