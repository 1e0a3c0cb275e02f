"""`howdah why`: one prediction, or one model, walked back to the data that made it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from howdah.client.files import Files
from howdah.client.pachd import Pachd
from howdah.core.json import Json, JsonObject, as_object
from howdah.errors import NotFound
from howdah.lineage import inferences, models
from howdah.lineage.inferences import Exchange
from howdah.lineage.models import Model

FILES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Why:
    prediction: Exchange | None
    model: Model

    def as_json(self) -> JsonObject:
        document: JsonObject = json.loads(json.dumps(asdict(self)))
        return document

    def lines(self) -> Iterator[str]:
        if self.prediction is not None:
            yield from _prediction(self.prediction)
        yield from _model(self.model)


def prediction(pachd: Pachd, id: str) -> Why:
    """Why that answer was given."""
    exchange = inferences.find(Files(pachd), id)
    if not exchange.model_commit:
        raise NotFound(
            f"Prediction {id} names no model commit",
            why="Its deployment does not serve a commit: its modelUri points elsewhere.",
            remedy="Serve a model through publish, which names the commit.",
        )
    return Why(exchange, models.find(pachd, exchange.model_commit))


def model(pachd: Pachd, commit: str) -> Why:
    """Why that model is what it is."""
    return Why(None, models.find(pachd, commit))


def _prediction(found: Exchange) -> Iterator[str]:
    yield f"prediction {found.id}"
    yield f"  made at     {found.time} by {found.namespace}/{found.deployment}, predictor {found.predictor}"
    yield f"  took        {found.latency_ms:.1f} ms"
    yield f"  asked       {values(found.request, 'inputs')}"
    yield f"  answered    {values(found.response, 'outputs')}"
    yield f"  on record   {found.repo}:{found.path}"


def values(text: str, side: str) -> str:
    """The V2 protocol's tensors as name=value; other protocols as they came."""
    try:
        tensors = as_object(json.loads(text)).get(side)
    except ValueError:
        return text
    if not isinstance(tensors, list):
        return text
    return ", ".join(f"{tensor['name']}={_short(tensor['data'])}" for tensor in map(as_object, tensors))


def _short(data: Json) -> str:
    if isinstance(data, list) and len(data) == 1:
        return str(data[0])
    return str(data)


def _model(found: Model) -> Iterator[str]:
    manifest = found.manifest
    yield f"model {found.repo}@{found.commit}"
    target = as_object(manifest.get("signature")).get("target")
    yield f"  is          {manifest.get('family')} for {target}"
    yield f"  made with   seed {manifest.get('seed')}, parameters {json.dumps(manifest.get('parameters'))}"
    for split, figures in sorted(as_object(manifest.get("metrics")).items()):
        told = ", ".join(f"{name} {_figure(value)}" for name, value in as_object(figures).items())
        yield f"  scored      {split}: {told}"
    for decision in found.decisions:
        yield f"  {decision.kind:<11} by {decision.actor}: {decision.reason}"
        if decision.evidence:
            yield f"              evidence: commit {decision.evidence}"
    job = found.job
    yield f"job {job.pipeline}@{job.id} ({job.state}, version {job.pipeline_version} of the pipeline)"
    yield f"  ran         {' '.join(job.command)}"
    yield f"  in image    {job.image}" + (f", code {manifest['code']}" if manifest.get("code") else "")
    libraries = as_object(manifest.get("libraries")).items()
    yield "  with        " + ", ".join(f"{name} {version}" for name, version in sorted(libraries))
    for data in found.data:
        yield f"data {data.repo}@{data.commit} (finished {data.finished})"
        for file in data.files[:FILES_SHOWN]:
            yield f"  {file.path:<28} {file.size:>9} B  {file.hash[:16]}"
        if len(data.files) > FILES_SHOWN:
            yield f"  … and {len(data.files) - FILES_SHOWN} more"


def _figure(value: Json) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)
