"""`howdah.connect()`: commits, files, datums, predictions and decisions from Python and notebooks.

Everything shows itself as a table where a notebook asks for HTML. Files become DataFrames only if pandas
is installed beside Howdah: it is looked for when the first one is wanted, and never before.
"""

import html
import importlib
import io
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from howdah.cli import models
from howdah.cli.pachctl.connection import Context, active_context, opened
from howdah.cli.proxies import spare_loopback
from howdah.cli.where import state_folder
from howdah.client.files import Files
from howdah.client.pachd import Fields, Pachd
from howdah.client.predictions import Answer, Ingress
from howdah.core.json import JsonObject
from howdah.daemon import running
from howdah.errors import Invalid, NotFound
from howdah.lineage import why
from howdah.monitoring.plan import Kind

READERS = {".csv": "read_csv", ".json": "read_json", ".parquet": "read_parquet", ".tsv": "read_table"}
AGAIN_S = 0.5
Frame = Any  # type: ignore[explicit-any]  # a pandas DataFrame: pandas is the user's, not ours


def connect(
    address: str | None = None,
    *,
    ingress: str | None = None,
    state: Path | None = None,
    project: str = "default",
) -> "Connection":
    """To `address`, else as every command does: to the daemon of `state`, or PACHD_ADDRESS, or the active
    context, or the daemon of the state folder at hand."""
    spare_loopback(os.environ)
    token = os.environ.get("PACH_TOKEN", "")
    context = Context(address, token=token) if address else active_context(state)
    ingress = ingress or os.environ.get("HOWDAH_INGRESS")
    if ingress is None:
        with suppress(NotFound):
            ingress = running.find(state_folder(state)).ingress
    return Connection(opened(context), ingress, project)


class Connection:
    """One pachd and, where there is one, one ingress. Names without a project are in `project`."""

    def __init__(self, pachd: Pachd, ingress: str | None, project: str) -> None:
        self._pachd, self._project = pachd, project
        self._files = Files(pachd)
        self._ingress = Ingress(ingress.rstrip("/")) if ingress else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pachd.close()

    def __repr__(self) -> str:
        return f"<howdah at {self._pachd.address}, project {self._project}>"

    def repos(self) -> "Table":
        return Table(("project", "repo"), self._files.repos())

    def commit(self, name: str) -> "Commit":
        """`repo@branch` or `repo@id`: the commit that it names now, and from then on no other."""
        repo, at, revision = name.partition("@")
        if not at:
            raise Invalid(f"{name!r} names no commit", remedy="Write repo@branch or repo@id.")
        repo = repo if "/" in repo else f"{self._project}/{repo}"
        info = self._pachd.call("pfs_v2.API/InspectCommit", commit=self._message(repo, revision))
        return Commit(self._files, repo, info.commit.id, info.description)

    def commits(self, repo: str) -> list["Commit"]:
        """A repo's commits, newest first."""
        repo = repo if "/" in repo else f"{self._project}/{repo}"
        asked = self._message(repo, "").repo
        found = self._pachd.stream("pfs_v2.API/ListCommit", repo=asked, all=True)
        return [Commit(self._files, repo, info.commit.id, info.description) for info in found]

    def datums(self, job: str) -> "Table":
        """The datums of a job, `pipeline@id`, with their files and states."""
        pipeline, at, id = job.partition("@")
        if not at:
            raise Invalid(f"{job!r} names no job", remedy="Write pipeline@id.")
        project, _, name = pipeline.rpartition("/")
        owner = self._pachd.message("pfs_v2.Project", name=project or self._project)
        named = self._pachd.message("pps_v2.Pipeline", project=owner, name=name)
        asked = self._pachd.message("pps_v2.Job", pipeline=named, id=id)
        found = self._pachd.stream("pps_v2.API/ListDatum", job=asked)
        return Table(("id", "files", "state"), (_datum(info) for info in found))

    def predict(
        self,
        name: str,
        rows: "Mapping[str, object] | Sequence[Mapping[str, object]] | Frame",
        namespace: str = "default",
    ) -> "Prediction":
        """The model's answers to one row, several, or a DataFrame, whose other columns are ignored."""
        listed = _rows(rows)
        answer = self._serving().predict(name, listed, namespace, ignore_others=True)
        return Prediction(answer)

    def explain(self, name: str, row: Mapping[str, object], namespace: str = "default") -> "Explanation":
        """Why it answers so to this row, whose other columns are ignored."""
        return Explanation(self._serving().explain(name, [row], namespace, ignore_others=True))

    def why(self, prediction: "str | Prediction", wait_s: float = 0) -> JsonObject:
        """From a prediction back to the model, the data and the code that made it. A prediction is on
        record within a minute; `wait_s` is how long to wait for it."""
        id = prediction.id if isinstance(prediction, Prediction) else prediction
        end = time.monotonic() + wait_s
        while True:
            try:
                return why.prediction(self._pachd, id).as_json()
            except NotFound:
                if time.monotonic() >= end:
                    raise
            time.sleep(AGAIN_S)

    def promote(self, case: str, model: str | None = None, *, reason: str) -> str:
        """Make a model the champion, by default the newest; returns its commit."""
        found = models.case_of(self._files, case, self._project)
        chosen = model or models.newest(found)
        models.decide(found, found.record(), Kind.PROMOTED, chosen, reason, "")
        return chosen

    def _serving(self) -> Ingress:
        if self._ingress is None:
            raise NotFound("no ingress is known", remedy="Give connect() its URL as `ingress`.")
        return self._ingress

    def _message(self, repo: str, revision: str) -> Fields:
        project, _, name = repo.rpartition("/")
        owner = self._pachd.message("pfs_v2.Project", name=project)
        named = self._pachd.message("pfs_v2.Repo", project=owner, name=name, type="user")
        return self._pachd.message("pfs_v2.Commit", repo=named, id=revision)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, for ever the same. `commit["/path"]` is a file's bytes."""

    _files: Files
    repo: str
    id: str
    description: str

    def __repr__(self) -> str:
        return f"<commit {self.repo}@{self.id}>"

    def __getitem__(self, path: str) -> bytes:
        return self._files.read(f"{self.repo}@{self.id}", path)

    def paths(self, below: str = "/") -> list[str]:
        return self._files.paths(f"{self.repo}@{self.id}", below)

    def frame(self, path: str, **options: object) -> Frame:
        """A CSV, TSV, JSON or Parquet file as a DataFrame; `options` are those of pandas' reader."""
        reader = READERS.get(Path(path).suffix)
        if reader is None:
            raise Invalid(f"{path} is no table", remedy=f"A table ends in {', '.join(READERS)}.")
        return getattr(_pandas(), reader)(io.BytesIO(self[path]), **options)

    def _repr_html_(self) -> str:
        title = f"<b>{html.escape(self.repo)}</b>@{self.id} {html.escape(self.description)}"
        return title + Table(("path",), ((path,) for path in self.paths()))._repr_html_()


class Table(list[dict[str, object]]):
    """Rows as dicts, shown as a table."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        super().__init__(dict(zip(columns, row, strict=True)) for row in rows)
        self.columns = tuple(columns)

    def frame(self) -> Frame:
        return _pandas().DataFrame(list(self), columns=list(self.columns))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(f"<tr>{''.join(_cells(row, self.columns))}</tr>" for row in self)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Prediction(Table):
    """What a model answered, a row for each that was asked; `id` names it for ever."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(tuple(answer.outputs), (tuple(row.values()) for row in answer.rows()))
        self.id, self.model = answer.id, answer.model


class Explanation(Table):
    """An explainer's words; for Shapley values a row for each input, most telling first."""

    def __init__(self, document: JsonObject) -> None:
        shares = document.get("shares")
        super().__init__(("input", "share"), shares.items() if isinstance(shares, dict) else ())
        self.document = document


def _cells(row: Mapping[str, object], columns: Sequence[str]) -> Iterator[str]:
    for name in columns:
        value = row[name]
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        yield f"<td>{html.escape(text)}</td>"


def _datum(info: Fields) -> tuple[object, ...]:
    files = [f"{each.file.commit.repo.name}@{each.file.commit.id}:{each.file.path}" for each in info.data]
    state = info.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_number[info.state].name
    return info.datum.id, " ".join(files), state.lower()


def _rows(rows: object) -> list[Mapping[str, object]]:
    if isinstance(rows, Mapping):
        return [rows]
    if hasattr(rows, "to_dict"):
        missing = rows.astype(object).where(rows.notna(), None)  # type: ignore[attr-defined]
        return list(missing.to_dict("records"))
    return list(rows)  # type: ignore[call-overload, no-any-return]


def _pandas() -> Any:  # type: ignore[explicit-any]
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise NotFound("pandas is not installed here", remedy="pip install pandas") from error
