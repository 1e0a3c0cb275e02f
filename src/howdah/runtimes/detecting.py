"""A detector as a deployment of its own, fed by another deployment's `logger`.

As Seldon's adserver: `POST /` takes a CloudEvent whose payload is the request that was logged,
drift is judged whenever `drift_batch_size` rows have come, outliers at once; the finding goes back
in the answer and, if `reply_url` is set, as a CloudEvent there; figures are gauges at /v1/metrics.
What online detectors remember is saved in the server's own folder within a second of the event, and
restored (detectors/memory.py).
"""

import asyncio
import json
import logging
import os
import urllib.request
from dataclasses import asdict
from pathlib import Path

import numpy as np
from mlserver.codecs import StringCodec
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse
from prometheus_client import Counter, Gauge
from pydantic import ValidationError

from howdah.errors import HowdahError, Invalid
from howdah.learning import bundle, reference
from howdah.runtimes import seldon_message
from howdah.runtimes.detectors import Columns, Detector, Finding
from howdah.runtimes.detectors.memory import Memory
from howdah.runtimes.mlserver_backend import said
from howdah.runtimes.models.columns import columns_of, described
from howdah.runtimes.models.hosting import place_of

BATCH_ROWS = 1000
SAVE_WITHIN_S = 1.0
REPLY_WITHIN_S = 2.0
EVENT_TYPES = {"drift": "io.seldon.serving.inference.drift", "outlier": "io.seldon.serving.inference.outlier"}
log = logging.getLogger(__name__)


class DetectorModel(MLModel):
    platform = "howdah-detector"

    async def load(self) -> bool:
        place = place_of(self)
        found = bundle.read(place.model_folder)
        signature = found.manifest.signature
        options = dict(place.parameters)
        self._kind = str(options.pop("type", "scipy"))
        self._batch_rows = int(str(options.pop("drift_batch_size", BATCH_ROWS)))
        self._reply_url = str(options.pop("reply_url", ""))
        self._fields = signature.inputs
        state = Path(os.environ.get("HOWDAH_STATE_FOLDER") or "/tmp") / "memory"
        sample = reference.read(found.folder, signature)
        made = await asyncio.to_thread(_made, self._kind, sample, signature, options, state)
        self._detector, self._memory = made
        self._pending: list[Columns] = []
        self._lock = asyncio.Lock()
        self._saving: asyncio.Task[None] | None = None
        self._gauges = _Gauges()
        self.inputs = [described(field) for field in self._fields]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Judge these rows by themselves, now: for those who ask, and not for the stream.

        An online detector has nothing but its stream, where rows that somebody only asks about would count.
        """
        if self._detector.online:
            raise Invalid(f"{self._kind} judges a stream and no single rows: send them as events, to POST /")
        columns = columns_of(payload.inputs, self._fields)
        finding = await asyncio.to_thread(self._detector.examine, columns)
        self._gauges.show(finding)
        output = StringCodec.encode_output("finding", [json.dumps(asdict(finding))])
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])

    async def event(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
        """`POST /`: the status and what to answer."""
        try:
            columns = self._rows(body)
            async with self._lock:
                finding = await self._take(columns)
        except Invalid as wrong:
            return 400, {"error": str(wrong)}
        except HowdahError as failed:
            return 503, {"error": str(failed)}
        except Exception as failed:  # a detector's library raises what it likes about odd rows
            log.exception("the detector failed")
            reason = f"{type(failed).__name__}: {failed}"
            return 500, {"error": f"the detector {self._kind} failed on these rows: {reason}"}
        if finding is None:
            waiting = sum(len(next(iter(part.values()))) for part in self._pending)
            return 200, {"data": None, "meta": {"rows_waiting": waiting, "batch": self._batch_rows}}
        told: dict[str, object] = {"data": _as_alibi(finding), "meta": {"detector": self._kind}}
        if self._reply_url:
            await asyncio.to_thread(self._reply, finding, told, headers)
        return 200, told

    def _rows(self, body: bytes) -> Columns:
        """At least one. Raises Invalid for any body that does not hold such."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise Invalid("the event's payload is not JSON") from None
        try:
            columns = columns_of(self._payload(document).inputs, self._fields)
        except ValidationError as invalid:
            raise Invalid(said(invalid)) from None
        except (ValueError, TypeError, KeyError) as wrong:
            raise Invalid(f"the event's rows cannot be read: {type(wrong).__name__}: {wrong}") from wrong
        if not len(next(iter(columns.values()))):
            raise Invalid("the event has no rows")
        return columns

    def _payload(self, document: object) -> InferenceRequest:
        if isinstance(document, dict) and "inputs" in document:
            return InferenceRequest.model_validate(document)
        if isinstance(document, dict) and "instances" in document:
            return self._request(seldon_message.read({"data": {"ndarray": document["instances"]}}))
        return self._request(seldon_message.read(document))

    def _request(self, question: seldon_message.Question) -> InferenceRequest:
        inputs = seldon_message.to_inputs(question, [field.name for field in self._fields])
        return InferenceRequest.model_validate({"inputs": inputs})

    async def _take(self, columns: Columns) -> Finding | None:
        if self._detector.online or self._kind in _outlier_kinds():
            if self._memory is not None:
                await asyncio.to_thread(self._memory.take)
            finding = await asyncio.to_thread(self._detector.examine, columns)
            if self._memory is not None and (self._saving is None or self._saving.done()):
                self._saving = asyncio.create_task(self._save_soon(self._memory))
        else:
            self._pending.append(columns)
            if sum(len(next(iter(part.values()))) for part in self._pending) < self._batch_rows:
                return None
            parts, self._pending = self._pending, []
            whole = {f.name: np.concatenate([part[f.name] for part in parts]) for f in self._fields}
            finding = await asyncio.to_thread(self._detector.examine, whole)
        self._gauges.show(finding)
        return finding

    def _reply(self, finding: Finding, told: dict[str, object], headers: dict[str, str]) -> None:
        sent = {
            "Content-Type": "application/json",
            "Ce-Specversion": "1.0",
            "Ce-Type": EVENT_TYPES[finding.kind],
            "Ce-Source": f"io.seldon.serving.{self.name}",
            "Ce-Id": headers.get("ce-id", ""),
        }
        request = urllib.request.Request(self._reply_url, json.dumps(told).encode(), sent)
        try:
            urllib.request.urlopen(request, timeout=REPLY_WITHIN_S).close()
        except OSError as error:
            log.warning("the finding could not be sent to %s: %s", self._reply_url, error)

    async def _save_soon(self, memory: Memory) -> None:
        await asyncio.sleep(SAVE_WITHIN_S)
        async with self._lock:
            await asyncio.to_thread(_saved, memory)

    async def unload(self) -> bool:
        if self._saving is not None:
            self._saving.cancel()
        if self._memory is not None:
            async with self._lock:
                await asyncio.to_thread(_saved, self._memory)
        return True


class _Gauges:
    def __init__(self) -> None:
        self._drift = {
            name: Gauge(f"seldon_metric_drift_{name}", f"Drift: {name}", ["feature"])
            for name in ("is_drift", "p_val", "distance", "threshold")
        }
        self._drifted = Counter("seldon_metric_drift_counter", "Batches that drifted")
        self._outlier = {
            name: Gauge(f"seldon_metric_outlier_{name}", f"Outliers: {name}")
            for name in ("is_outlier", "instance_score", "threshold")
        }
        self._outliers = Counter("seldon_metric_outlier_counter", "Rows that were outliers")

    def show(self, finding: Finding) -> None:
        if finding.kind == "outlier":
            self._outlier["is_outlier"].set(float(finding.positive))
            self._outlier["instance_score"].set(max(finding.scores, default=0.0))
            self._outlier["threshold"].set(finding.threshold)
            self._outliers.inc(sum(finding.rows))
            return
        self._drifted.inc(float(finding.positive))
        self._drift["is_drift"].labels("all").set(float(finding.positive))
        self._drift["threshold"].labels("all").set(finding.threshold)
        for name, values in (("p_val", finding.p_values), ("distance", finding.distances)):
            for feature, value in zip(finding.features, values, strict=False):
                self._drift[name].labels(feature).set(value)


def _saved(memory: Memory) -> None:
    try:
        memory.save()
    except OSError as error:
        log.warning("what the detector remembers is not saved; the next event tries again: %s", error)


def _made(
    kind: str, sample: Columns, signature: object, options: dict[str, object], state: Path
) -> tuple[Detector, Memory | None]:
    from howdah.learning.signature import Signature

    assert isinstance(signature, Signature)
    if kind == "scipy":
        from howdah.runtimes.detectors.permissive import ScipyDrift

        return ScipyDrift(sample, signature, float(str(options.get("p_val", 0.01)))), None
    from howdah.runtimes.detectors.alibi import AlibiDetector

    detector = AlibiDetector(kind, sample, signature, options)
    return detector, Memory(state, detector) if detector.online else None


def _outlier_kinds() -> tuple[str, ...]:
    from howdah.runtimes.detectors.alibi import OUTLIERS

    return OUTLIERS


def _as_alibi(finding: Finding) -> dict[str, object]:
    """The finding in the words that alibi-detect's own answers use."""
    if finding.kind == "outlier":
        return {
            "is_outlier": [int(row) for row in finding.rows],
            "instance_score": list(finding.scores),
            "threshold": finding.threshold,
        }
    return {
        "is_drift": int(finding.positive),
        "p_val": list(finding.p_values),
        "distance": list(finding.distances),
        "threshold": finding.threshold,
        "features": list(finding.features),
    }
