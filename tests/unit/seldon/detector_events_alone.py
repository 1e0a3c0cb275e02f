"""Events that a detector cannot take are refused with the reason; an online one takes nothing else."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from mlserver.settings import ModelParameters, ModelSettings
from mlserver.types import InferenceRequest
from prometheus_client import REGISTRY

from howdah.errors import Invalid
from howdah.learning import bundle
from howdah.learning.signature import Field, Signature
from howdah.runtimes import detecting
from howdah.runtimes.front.place import Place
from howdah.runtimes.models import hosting

NUMBERS = [{"name": "size", "shape": [2, 1], "datatype": "FP64", "data": [1.0, 2.0]}]
Make = Callable[..., detecting.DetectorModel]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A detector on sixty rows of one number."""
    known = set(REGISTRY._collector_to_names)
    inputs = (Field("size", "number"),)
    signature = Signature("regression", "y", inputs, (Field("y", "number", source="prediction", column=0),))
    manifest = bundle.Manifest("m", "model.onnx", signature, "network", {}, 0, 2, {})
    (tmp_path / "model.onnx").touch()
    (tmp_path / bundle.MANIFEST).write_text(json.dumps(asdict(manifest)))
    (tmp_path / "reference.csv").write_text("size\n" + "".join(f"{at % 7}\n" for at in range(60)))
    monkeypatch.setenv("HOWDAH_STATE_FOLDER", str(tmp_path / "state"))

    def made(**parameters: object) -> detecting.DetectorModel:
        hosting.register("d", Place(1, 2, node="d", model_folder=tmp_path, parameters=parameters))
        settings = ModelSettings(
            name="d", implementation=detecting.DetectorModel, parameters=ModelParameters()
        )
        return detecting.DetectorModel(settings)

    yield made
    for collector in set(REGISTRY._collector_to_names) - known:
        REGISTRY.unregister(collector)


def answered(model: detecting.DetectorModel, *events: object) -> list[tuple[int, dict]]:
    async def ask() -> list[tuple[int, dict]]:
        await model.load()
        return [await model.event(json.dumps(event).encode(), {}) for event in events]

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"inputs": 5}, "inputs: Input should be a valid list"),
        ({"inputs": [{"name": "size"}]}, "inputs.0.shape: Field required"),
        ({"inputs": []}, "inputs missing: size"),
        ({"inputs": [{**NUMBERS[0], "shape": [0, 1], "data": []}]}, "no rows"),
        ({"instances": 5}, "ndarray is a list"),
        ({"instances": [[1], [2, 3]]}, "not all of one length"),
        ({"data": {"names": 5, "ndarray": [[1]]}}, "names is a list"),
        ([1], "a SeldonMessage is a JSON object"),
        (None, "a SeldonMessage is a JSON object"),
    ],
)
def test_a_malformed_event_is_400_with_the_reason(make: Make, event: object, reason: str):
    [(status, told)] = answered(make(), event)
    assert status == 400
    assert reason in told["error"]


def test_what_fails_within_the_detector_is_500_with_a_sentence(make: Make):
    model = make(drift_batch_size=2)

    def failing(columns: object) -> None:
        raise ZeroDivisionError("no variance")

    async def ask() -> tuple[int, dict]:
        await model.load()
        model._detector.examine = failing
        return await model.event(json.dumps({"inputs": NUMBERS}).encode(), {})

    status, told = asyncio.run(ask())
    assert status == 500
    assert told == {"error": "the detector scipy failed on these rows: ZeroDivisionError: no variance"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
def test_an_online_detector_takes_events_alone_and_saves_them_soon(make: Make, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(detecting, "SAVE_WITHIN_S", 0.0)
    options = {"type": "CVMDriftOnline", "expected_run_time": 50, "window_sizes": "10"}
    model = make(**options)

    async def ask() -> None:
        await model.load()
        for _ in range(3):
            status, told = await model.event(json.dumps({"inputs": NUMBERS}).encode(), {})
            assert status == 200, told
            await model._saving
        with pytest.raises(Invalid, match="POST /"):
            await model.predict(InferenceRequest.model_validate({"inputs": NUMBERS}))
        assert model._detector._detector.t == 6

    asyncio.run(ask())
    (saved,) = (tmp_path / "state" / "memory").glob("*/state.npz")
    again = detecting._made("CVMDriftOnline", *_fitted_on(tmp_path, options), tmp_path / "state" / "memory")
    assert again[1] is not None
    again[1].take()
    assert again[0]._detector.t == 6, "saved without being asked to end"
    saved.write_bytes(saved.read_bytes()[:100])
    torn = detecting._made("CVMDriftOnline", *_fitted_on(tmp_path, options), tmp_path / "state" / "memory")
    assert torn[1] is not None
    torn[1].take()
    assert torn[0]._detector.t == 0
    other = {**options, "window_sizes": "12"}
    fresh = detecting._made("CVMDriftOnline", *_fitted_on(tmp_path, other), tmp_path / "state" / "memory")
    assert fresh[0].fingerprint != again[0].fingerprint


def _fitted_on(folder: Path, options: dict) -> tuple:
    from howdah.learning import reference

    signature = bundle.read(folder).manifest.signature
    told = {name: value for name, value in options.items() if name != "type"}
    return reference.read(folder, signature), signature, told
