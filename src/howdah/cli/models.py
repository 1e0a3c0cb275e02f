"""`howdah models`, `compare`, `promote` and `rollback`: who serves, who wants to, and what people decide.

A person's decision goes into the same record as the policy's own, with a name and a reason; the
daemon's monitor carries it out like any other.
"""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import completing
from howdah.cli.pachctl.printing import duration, table
from howdah.cli.surroundings import CaseProject, State, pachd
from howdah.client.files import Files
from howdah.core.clock import SystemClock
from howdah.core.json import JsonObject, as_object, at
from howdah.errors import Conflict, Invalid, NotFound
from howdah.lineage import versions
from howdah.monitoring.case import POLICY_SUFFIX, Case
from howdah.monitoring.plan import Decision, Kind, champion

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME[:vN]",
        help="The case, or a version of its models.",
        show_default=False,
        autocompletion=completing.cases,
    ),
]
Model = Annotated[
    str | None,
    typer.Argument(
        metavar="[COMMIT]",
        help="The model's commit.",
        show_default=False,
        autocompletion=completing.models,
    ),
]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; it is kept in the record.")]
Actor = Annotated[str, typer.Option("--actor", help="Who decides, if not you.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
KINDS = (Kind.PROMOTED, Kind.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Standing:
    case: str
    champion: str
    champion_version: str
    challenger: str
    challenger_version: str
    decision: str
    reason: str
    at_ns: int


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One case's record.", autocompletion=completing.cases),
    ] = None,
    project: CaseProject = "default",
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """List the cases with their champions, or one case's versions and everything decided on it."""
    with pachd(state) as found:
        files = Files(found)
        if name is not None:
            case = case_of(files, name, project)
            _print_record(case.record(), versions.numbered(files, case.repo("model")), as_json)
            return
        names = [repo for owner, repo in files.repos() if owner == project and repo.endswith(POLICY_SUFFIX)]
        standings = [_standing(Case(repo.removesuffix(POLICY_SUFFIX), project, files)) for repo in names]
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in standings]) + "\n")
        return
    rows = (
        (
            each.case,
            f"{each.champion_version} {each.champion}".strip() or "-",
            f"{each.challenger_version} {each.challenger}".strip() or "-",
            each.decision or "-",
            _ago(each.at_ns),
        )
        for each in standings
    )
    table(("CASE", "CHAMPION", "CHALLENGER", "LAST DECISION", "MADE"), rows)


def compare(
    name: Name, project: CaseProject = "default", as_json: AsJson = False, state: State = None
) -> None:
    """Show how the newest challenger, or that version, did against the champion, figure by figure."""
    with _case(state, name, project) as (case, model):
        branch = case.repo(f"compare@{model or 'master'}")
        if case.files.finished_head(branch) is None or not case.files.exists(branch, "/comparison.json"):
            raise NotFound(f"{name} has no comparison yet", remedy="One is made when a model is trained.")
        document = as_object(json.loads(case.files.read(branch, "/comparison.json")))
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sides = {side: as_object(document.get(side)) for side in ("champion", "challenger")}
    figures = {side: as_object(each.get("metrics")) for side, each in sides.items()}
    sys.stdout.write(f"{document.get('rows')} rows: {document.get('window')}\n")
    table(("FIGURE", "CHAMPION", "CHALLENGER"), _figures(figures))
    p_value = at(document, "comparison", "p_value")
    if isinstance(p_value, float):
        sys.stdout.write(f"p = {p_value:.4f}\n")


def promote(
    name: Name,
    model: Model = None,
    reason: Reason = "",
    actor: Actor = "",
    project: CaseProject = "default",
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """Make a model the champion: by default the newest.

    Example: howdah promote mileage --reason "the new sensors are in"
    """
    with _case(state, name, project, model) as (case, named):
        chosen, record = named or newest(case), case.record()
        if chosen == champion(record):
            raise Conflict(
                f"{chosen} is the champion of {case.name} already", remedy="Nothing needs to be done."
            )
        _tell(case.name, decide(case, record, Kind.PROMOTED, chosen, reason, actor), as_json)


def rollback(
    name: Name,
    model: Model = None,
    reason: Reason = "",
    actor: Actor = "",
    project: CaseProject = "default",
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """Make an earlier champion the champion again: by default the one before.

    Example: howdah rollback mileage:v1 --reason "complaints from the field"
    """
    with _case(state, name, project, model) as (case, named):
        record = case.record()
        chosen = named or _before(case.name, record)
        _tell(case.name, decide(case, record, Kind.ROLLED_BACK, chosen, reason, actor), as_json)


@contextmanager
def _case(
    state: Path | None, name: str, project: str, model: str | None = None
) -> Iterator[tuple[Case, str | None]]:
    """The case, and the model's commit where one is named, by itself or as a version."""
    with pachd(state) as found:
        case = case_of(Files(found), versions.split(name)[0], project)
        if not versions.is_version(name):
            yield case, model
        elif model is None:
            yield case, commit_of(case.files, name, project)
        else:
            raise Invalid(f"{name} and {model} both name a model", remedy="Give one of the two.")


def commit_of(files: Files, model: str, project: str) -> str:
    """The commit of `case:v2`; anything else is taken for what it is."""
    if not versions.is_version(model):
        return model
    case = case_of(files, versions.split(model)[0], project)
    return versions.commit_of(files, model, project, champion(case.record()) or "")


def case_of(files: Files, name: str, project: str) -> Case:
    if (project, name + POLICY_SUFFIX) not in files.repos():
        raise NotFound(f"{project} has no case {name!r}", remedy="See `howdah models`.")
    return Case(name, project, files)


def decide(
    case: Case, record: tuple[Decision, ...], kind: Kind, model: str, reason: str, actor: str
) -> Decision:
    if not case.files.exists(case.repo(f"model@{model}"), "/model.json"):
        raise Invalid(f"{model} holds no model of {case.name}", remedy=f"See `howdah models {case.name}`.")
    by = actor or getpass.getuser()
    decision = Decision(kind, model, reason or "asked for", by, SystemClock().now_ns())
    case.write((decision,), already=len(record))
    return decision


def _tell(case: str, decision: Decision, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"case": case} | asdict(decision)) + "\n")
    else:
        sys.stdout.write(f"{case}: {decision.kind.replace('_', ' ')} {decision.subject}\n")


def newest(case: Case) -> str:
    found = case.files.finished_head(case.repo("model@master"))
    if found is None:
        raise NotFound(f"{case.name} has no model yet", remedy=f"Put data into {case.name}-raw.")
    return found


def _before(name: str, record: tuple[Decision, ...]) -> str:
    chosen = [entry.subject for entry in record if entry.kind in KINDS]
    earlier = [model for model in chosen if model != chosen[-1]]
    if not earlier:
        raise Conflict(f"{name} has no champion before this one", remedy="Name the model's commit.")
    return earlier[-1]


def _standing(case: Case) -> Standing:
    record, numbers = case.record(), versions.numbered(case.files, case.repo("model"))
    best, newest = champion(record) or "", next(reversed(numbers), "")
    challenger = newest if numbers.get(newest) != numbers.get(best) else ""
    last = record[-1] if record else None
    return Standing(
        case=case.name,
        champion=best,
        champion_version=versions.told(numbers, best),
        challenger=challenger,
        challenger_version=versions.told(numbers, challenger),
        decision=str(last.kind) if last else "",
        reason=last.reason if last else "",
        at_ns=last.at_ns if last else 0,
    )


def _print_record(record: tuple[Decision, ...], numbers: dict[str, int], as_json: bool) -> None:
    told = [(entry, versions.told(numbers, entry.subject)) for entry in record]
    if as_json:
        document = [{**asdict(entry), "version": version} for entry, version in told]
        sys.stdout.write(json.dumps(document) + "\n")
        return
    best = champion(record) or ""
    rows = [
        (f"v{number}", commit, "champion" if commit == best else "")
        for number, commit in versions.commits(numbers, best).items()
    ]
    table(("VERSION", "MODEL", "STANDING"), rows)
    sys.stdout.write("\n")
    decided = (
        (str(entry.kind), version or "-", entry.subject, entry.actor, _ago(entry.at_ns), entry.reason)
        for entry, version in told
    )
    table(("DECISION", "VERSION", "ABOUT", "BY", "MADE", "REASON"), decided)


def _figures(figures: dict[str, JsonObject]) -> Iterator[tuple[str, str, str]]:
    for name, value in figures["challenger"].items():
        if isinstance(value, int | float):
            before = figures["champion"].get(name)
            yield name, f"{before:.4g}" if isinstance(before, int | float) else "-", f"{value:.4g}"


def _ago(at_ns: int) -> str:
    return f"{duration((SystemClock().now_ns() - at_ns) / 1e9)} ago" if at_ns else "-"
