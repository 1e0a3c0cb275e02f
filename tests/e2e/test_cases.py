"""The reference cases on a real daemon, from an empty store to served, watched and retrained."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.client import commits
from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.learning import bundle, reference
from howdah.learning.signature import Array, Field
from howdah.lineage.reproduce import Verdict, reproduce
from howdah.monitoring.case import Case
from howdah.monitoring.plan import Decision, Kind

ROOT = Path(__file__).resolve().parents[2]
PACHCTL = "#!/bin/sh\nexec {python} -c 'from howdah.cli.pachctl import main; main()' \"$@\"\n"

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@dataclass
class Deployed:
    """A case on a daemon of its own, laid out by scripts/deploy.py as a user would."""

    name: str
    found: dict[str, str]
    folder: Path

    def __post_init__(self) -> None:
        self.client = Client.from_pachd_address(self.found["pachd"])
        self.files = Files.at(self.found["pachd"])

    def put(self, *names: str) -> str:
        """Commits files of the case's own data; waits until everything that follows has finished."""
        with self.client.pfs.commit(branch=pfs.Branch.from_uri(f"{self.name}-raw@master")) as commit:
            for name in names:
                data = (ROOT / "pipelines" / self.name / "data" / name).read_bytes()
                commit.put_file_from_bytes(f"/{name}", data)
        self.client.pfs.wait_commit_set(pfs.CommitSet(id=commit.id))
        return commit.id

    def record(self) -> tuple[Decision, ...]:
        return Case(self.name, "default", self.files).record()

    def decided(self, kinds: tuple[Kind, ...], count: int, within_s: float = 240) -> list[Decision]:
        """The decisions of these kinds, once there are `count`."""

        def some() -> list[Decision] | None:
            met = [entry for entry in self.record() if entry.kind in kinds]
            return met if len(met) >= count else None

        return self.until(some, f"{count} decisions of {kinds}", within_s)

    def served(self, commit: str) -> None:
        """Waits until the model commit answers at the ingress."""

        def available() -> bool:
            words = [
                "kubectl",
                "--kubeconfig",
                self.found["kubeconfig"],
                "get",
                "sdep",
                "-o",
                "json",
                self.name,
            ]
            held = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
            pinned = held["metadata"].get("annotations", {}).get("howdah/model-commit")
            return pinned == commit and held.get("status", {}).get("state") == "Available"

        step = f"{self.name}-publish@master"
        self.until(lambda: self.files.exists(step, "/deployment.yaml"), "the publish step")
        self.until(available, f"{self.name} at {commit} to be available")

    def jobs(self, step: str) -> list[pps.JobInfo]:
        """The step's jobs, newest first, with their counts of datums."""
        return list(self.client.pps.list_job(pipeline=pps.Pipeline(name=f"{self.name}-{step}"), details=True))

    def read_by(self, job: pps.JobInfo, repo: str) -> set[str]:
        """The commits of a repo that the job's datums read."""
        files = [file for datum in self.client.pps.list_datum(job=job.job) for file in datum.data]
        return {file.file.commit.id for file in files if file.file.commit.repo.name == repo}

    def until[T](self, ask: Callable[[], T | None], what: str, within_s: float = 240) -> T:
        deadline = time.monotonic() + within_s
        while not (found := ask()):
            if time.monotonic() > deadline:
                states = [
                    (job.job.pipeline.name, job.state, job.reason) for job in self.client.pps.list_job()
                ]
                raise AssertionError(f"waited {within_s} s for {what}; jobs: {states}; {self.record()}")
            time.sleep(0.2)
        return found

    def infer(self, inputs: dict[str, Array], fields: tuple[Field, ...]) -> dict[str, Array]:
        tensors = [tensor(field, inputs[field.name]) for field in fields]
        path = f"{self.found['ingress']}/seldon/default/{self.name}/v2/models/{self.name}/infer"
        body = json.dumps({"inputs": tensors}, allow_nan=False).encode()
        request = urllib.request.Request(path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            outputs = json.load(answer)["outputs"]
        return {output["name"]: np.reshape(output["data"], output["shape"]) for output in outputs}

    def explained(self, inputs: dict[str, Array], fields: tuple[Field, ...]) -> dict[str, Any]:
        """The explanation of one row, by the explainer beside the predictor."""
        tensors = [tensor(field, inputs[field.name]) for field in fields]
        name = f"{self.name}-champion-explainer"
        path = f"{self.found['ingress']}/seldon/default/{self.name}-explainer/champion/v2/models/{name}/infer"
        body = json.dumps({"inputs": tensors}).encode()
        request = urllib.request.Request(path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            told: dict[str, Any] = json.loads(json.load(answer)["outputs"][0]["data"][0])
        return told

    def in_a_notebook(self, commit: str) -> bundle.Bundle:
        folder = self.folder / commit
        commits.download(self.files, f"{self.name}-model@{commit}", folder)
        return bundle.read(folder)


def tensor(field: Field, values: Array) -> dict[str, object]:
    datatype = "FP64" if field.kind == "number" else "BYTES"
    data = [None if value != value else value for value in values.ravel().tolist()]
    shape = [len(values), *(field.shape or (1,))]
    return {"name": field.name, "shape": shape, "datatype": datatype, "data": data}


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Callable[[str], Deployed]]:
    """Starts a daemon and deploys a case onto it; at the end both are gone."""
    tool = tmp_path / "bin" / "pachctl"
    tool.parent.mkdir()
    tool.write_text(PACHCTL.format(python=sys.executable))
    tool.chmod(0o755)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PATH": f"{tool.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    state = ["--state", str(tmp_path / "state")]

    def howdah(*words: str) -> str:
        command = [sys.executable, "-m", "howdah", *words, *state]
        return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def make(case: str) -> Deployed:
        ports = [word for port in ("pachd", "s3", "http", "ingress") for word in (f"--{port}-port", "0")]
        howdah("up", "--detach", *ports)
        found = json.loads(howdah("status", "--json"))
        where = {**environment, "PACHD_ADDRESS": found["pachd"]}
        command = [sys.executable, str(ROOT / "scripts" / "deploy.py"), case, "--apply"]
        subprocess.run(command, env=where, check=True, cwd=ROOT)
        return Deployed(case, found, tmp_path)

    yield make
    howdah("down")


def drawn(found: bundle.Bundle, count: int = 1000) -> dict[str, Array]:
    """Rows that nobody has seen: each column drawn by itself from the reference, missing values too."""
    signature = found.manifest.signature
    past = reference.read(found.folder, signature)
    generator = np.random.default_rng(1)
    return {name: generator.choice(values, count) for name, values in past.items()}


def agree(case: Deployed, found: bundle.Bundle, rows: dict[str, Array]) -> None:
    signature = found.manifest.signature
    here = found.model().predict(rows)
    there = case.infer(rows, signature.inputs)
    assert set(there) == set(here)
    for name, values in here.items():
        assert len(there[name]) == len(values) == 1000
        if values.dtype == object:
            assert there[name].ravel().tolist() == values.ravel().tolist()
        else:
            assert np.abs(there[name].reshape(values.shape) - values).max() <= 1e-6


def days_drawn(found: bundle.Bundle, count: int = 1000) -> Array:
    """Windows that nobody has seen: days of the reference in any order."""
    past = next(iter(reference.read(found.folder, found.manifest.signature).values()))
    days = past.reshape(-1, past.shape[-1])
    return np.random.default_rng(1).choice(days, (count, past.shape[1]))


def made_again(case: Deployed, commit: str, verdict: Verdict) -> None:
    with Pachd(Address.parse(case.found["pachd"])) as pachd:
        made = reproduce(pachd, commit, case.folder / "again" / commit, os.environ, ROOT, case.folder, print)
    assert (made.verdict, made.differences, made.circumstances) == (verdict, (), ())


def retraining_of(case: Deployed, asked: Decision) -> tuple[str, dict[str, Any]] | None:
    """The commit of the request that the decision led to, and its window, once it is there."""
    commit = f"{case.name}-retrain@{case.files.finished_head(f'{case.name}-retrain@master')}"
    if not case.files.exists(commit, "/why.json"):
        return None
    why = json.loads(case.files.read(commit, "/why.json"))
    return (commit.partition("@")[2], why["window"]) if why["report"] == asked.subject else None


def test_heart_a_second_hospital_drifts_and_retrains(deployed: Callable[[str], Deployed]) -> None:
    heart = deployed("heart")
    heart.put("1-cleveland.csv")
    (first,) = heart.decided((Kind.PROMOTED,), 1)
    heart.served(first.subject)
    found = heart.in_a_notebook(first.subject)
    assert found.manifest.metrics["cross_validation"]["roc_auc"] >= 0.88
    agree(heart, found, drawn(found))
    one = {name: values[:1] for name, values in drawn(found).items()}
    told = heart.explained(one, found.manifest.signature.inputs)
    assert sum(told["shares"].values()) == pytest.approx(told["prediction"] - told["base"], abs=1e-6)
    made_again(heart, first.subject, Verdict.BYTES)

    # Each candidate was tried once, in a datum of its own; the best of them was learned with.
    tried = heart.jobs("tune")[0]
    assert (tried.data_processed, tried.data_total) == (5, 5)
    chosen = json.loads(heart.files.read(f"heart-choose@{first.subject}", "/chosen.json"))
    assert found.manifest.parameters == chosen["parameters"]

    # The same bytes again: new commits, no work.
    heart.put("1-cleveland.csv")
    trained = heart.jobs("model")
    assert (trained[0].data_processed, trained[0].data_skipped) == (0, 1)
    assert heart.decided((Kind.PROMOTED,), 1)[-1] == first

    heart.put("2-hungary.csv")
    cleaned = heart.jobs("clean")
    assert (cleaned[0].data_processed, cleaned[0].data_skipped) == (1, 1)
    (asked,) = heart.decided((Kind.RETRAINED,), 1)
    assert "2-hungary.csv" in asked.reason
    request, window = heart.until(lambda: retraining_of(heart, asked), "the request for retraining")
    assert window["files"] == [asked.reason.rpartition(" ")[2]]
    assert window["commit"]
    heart.until(
        lambda: any(heart.read_by(job, "heart-retrain") == {request} for job in heart.jobs("model")),
        "a model's job that reads the request",
    )
    answered = heart.decided((Kind.PROMOTED, Kind.HELD), 2)[-1]
    assert (
        "held-out rows" in answered.reason or "improvement" in answered.reason or "policy" in answered.reason
    )
    champion = next(entry for entry in reversed(heart.record()) if entry.kind is Kind.PROMOTED)
    heart.served(champion.subject)
    agree(heart, heart.in_a_notebook(champion.subject), drawn(found))
    told = {name: round(value, 4) for name, value in found.manifest.metrics["cross_validation"].items()}
    sys.stdout.write(f"heart: {asked.reason}; {answered.kind}: {answered.reason}; first, {told}\n")


def test_stocks_forecasts_every_company_beside_naive_and_2008_drifts(
    deployed: Callable[[str], Deployed],
) -> None:
    stocks = deployed("stocks")
    stocks.put(*(f"{year}.csv" for year in range(2004, 2007)))
    (first,) = stocks.decided((Kind.PROMOTED,), 1, within_s=400)
    stocks.served(first.subject)
    found = stocks.in_a_notebook(first.subject)
    metrics = found.manifest.metrics
    assert set(metrics) == {"AAPL", "GOOG", "IBM", "MSFT", "held_out"}
    for company, figures in metrics.items():
        assert figures["mase"] == pytest.approx(figures["mae"] / figures["naive_mae"]), company
    (window,) = found.manifest.signature.inputs
    runs = days_drawn(found)
    agree(stocks, found, {window.name: runs})
    told = stocks.explained({window.name: runs[:1]}, found.manifest.signature.inputs)
    assert set(told["shares"]) == set(window.columns)
    assert sum(told["shares"].values()) == pytest.approx(told["prediction"] - told["base"], abs=1e-6)
    made_again(stocks, first.subject, Verdict.BYTES)

    stocks.put("2007.csv", "2008.csv")
    (asked,) = stocks.decided((Kind.RETRAINED,), 1)
    assert asked.reason.endswith("over 60 working days to 2008-12-31")
    assert "range" in asked.reason
    answered = stocks.decided((Kind.PROMOTED, Kind.HELD), 2)[-1]
    champion = next(entry for entry in reversed(stocks.record()) if entry.kind is Kind.PROMOTED)
    stocks.served(champion.subject)
    told = {name: round(figures["mase"], 4) for name, figures in metrics.items()}
    sys.stdout.write(f"stocks: {asked.reason}; {answered.kind}: {answered.reason}; MASE {told}\n")


def test_mileage_requests_that_drift_retrain_without_new_data(deployed: Callable[[str], Deployed]) -> None:
    mileage = deployed("mileage")
    put = mileage.put(*(f"{year}.csv" for year in range(1970, 1977)))
    (first,) = mileage.decided((Kind.PROMOTED,), 1)
    mileage.served(first.subject)
    fields = mileage.in_a_notebook(first.subject).manifest.signature.inputs
    later = [pd.read_csv(ROOT / "pipelines" / "mileage" / "data" / f"{year}.csv") for year in (1980, 1982)]
    cars = pd.concat(later).dropna()
    assert 50 <= len(cars) < 100
    mileage.infer({field.name: cars[field.name].to_numpy() for field in fields}, fields)

    (asked,) = mileage.decided((Kind.RETRAINED,), 1)
    assert "Weight_in_lbs" in asked.reason
    assert asked.model == first.subject
    request, window = mileage.until(lambda: retraining_of(mileage, asked), "the request for retraining")
    day = window["files"][0].split("/")[1]
    assert window["id"] == asked.subject == f"requests-{day}-{first.subject}-50"
    for path in window["files"]:
        assert mileage.files.exists(f"default-mileage-inferences@{window['commit']}", path)
    report = json.loads(mileage.files.read(f"mileage-request-drift@{asked.evidence}", f"/{day}.json"))
    assert (report["window"], report["champion"]) == (window, first.subject)

    mileage.until(
        lambda: any(mileage.read_by(job, "mileage-retrain") == {request} for job in mileage.jobs("model")),
        "a model's job that reads the request",
    )
    assert mileage.files.finished_head("mileage-raw@master") == put
    sys.stdout.write(f"mileage: {asked.reason}\n")


def test_mileage_a_bad_file_stops_nothing(deployed: Callable[[str], Deployed]) -> None:
    mileage = deployed("mileage")
    mileage.put(*(f"{year}.csv" for year in range(1970, 1977)))
    (first,) = mileage.decided((Kind.PROMOTED,), 1)
    mileage.served(first.subject)
    found = mileage.in_a_notebook(first.subject)
    agree(mileage, found, drawn(found))
    made_again(mileage, first.subject, Verdict.BYTES)

    with mileage.client.pfs.commit(branch=pfs.Branch.from_uri("mileage-raw@master")) as commit:
        commit.put_file_from_bytes("/empty.csv", b"")
    mileage.until(lambda: mileage.jobs("clean")[0].state == pps.JobState.JOB_FAILURE, "the step to refuse it")
    logs = mileage.client.pps.get_logs(job=mileage.jobs("clean")[0].job)
    assert "empty.csv is empty: it has no header line" in "".join(line.message for line in logs)
    assert mileage.record() == (first,)
    agree(mileage, found, drawn(found))
