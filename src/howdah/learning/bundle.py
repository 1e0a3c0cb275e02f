"""A bundle: a trained model and everything needed to serve, explain, watch and repeat it.

One folder; this module is its only reader and writer.

    model.json          what this is: see `Manifest`
    model.onnx          the model (or .skops, .keras, .pickle)
    reference.csv       a sample of the training rows, inputs and target: the past as it was
    card.md             the model card: data, limits, risks
    scenarios.json      rows and the answers this model gave them when it was made
    plots/*.svg         how it did on what it was validated on; the card shows them

The bytes depend only on data, code, parameters and seed: no time, host or path is
written, so that training again from the same commits can be compared byte for byte.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np

from howdah.errors import Corrupt, Invalid, NotFound
from howdah.learning import predictor
from howdah.learning.signature import Array, Field, Signature

FORMAT = 1
MANIFEST = "model.json"
PLOTS = "plots"
LIBRARIES = ("numpy", "pandas", "scikit-learn", "onnxruntime", "skops", "tensorflow", "keras")


@dataclass(frozen=True, slots=True)
class Validation:
    """What a model was judged on, which its plots show and its figures tell."""

    by: Literal["cross_validation", "last_days"]
    rows: int
    """How many answers were judged, each by a model that had not learned from its row."""
    sources: Mapping[str, str]
    """The input that these rows are of, and its commit; empty outside a pipeline."""
    folds: int = 0
    """Of the cross validation; 0 where there was none."""
    days: int = 0
    """How many of the last days were held out; 0 where none were."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """model.json: enough to answer what, from what, how well and how to do it again."""

    name: str
    model_file: str
    signature: Signature
    family: str
    parameters: Mapping[str, float | int | str]
    seed: int
    rows: int
    metrics: Mapping[str, Mapping[str, float]]
    """By split: `cross_validation`, `held_out`, `naive`, ..."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Each input's name and the commit its rows came from."""
    code: str = ""
    """The content hash of the image's code, where the step ran in one."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    validation: Validation | None = None
    """None in a bundle of before this was recorded."""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Bundle:
    folder: Path
    manifest: Manifest

    def model(self, trust_pickle: bool = False) -> predictor.Model:
        return predictor.load(self.folder, self.manifest.model_file, self.manifest.signature, trust_pickle)

    def replay(self, model: predictor.Model, tolerance: float = 1e-6) -> list[str]:
        """What differs between the recorded scenarios and `model`'s answers now; empty if nothing does."""
        scenarios = json.loads((self.folder / "scenarios.json").read_text(encoding="utf-8"))
        signature = self.manifest.signature
        answers = model.predict({f.name: _column(scenarios["inputs"][f.name], f) for f in signature.inputs})
        differences = []
        for name, expected in scenarios["outputs"].items():
            for row, (was, now) in enumerate(zip(expected, answers[name].tolist(), strict=True)):
                same = was == now if isinstance(was, str) else np.allclose(was, now, tolerance, tolerance)
                if not same:
                    differences.append(f"scenario {row}: {name} was {was}, is {now}")
        return differences


def _column(values: list[object], field: Field) -> Array:
    return np.asarray(values, dtype=object if field.kind == "category" else np.float64)


def versions() -> dict[str, str]:
    """The versions of the libraries that can change a model's answers, as installed here."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def read(folder: Path) -> Bundle:
    """The bundle in `folder`; NotFound, Invalid or Corrupt say what is wrong with it."""
    path = folder / MANIFEST
    if not path.is_file():
        raise NotFound(f"{folder.name} holds no {MANIFEST}: it is not a model bundle.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Corrupt(f"{MANIFEST} of {folder.name} is not JSON: {error}.") from error
    if document.get("format") != FORMAT:
        raise Invalid(
            f"The bundle {folder.name} has format {document.get('format')!r}; this Howdah reads {FORMAT}."
        )
    try:
        manifest = _manifest(document)
    except (KeyError, TypeError) as error:
        raise Corrupt(f"{MANIFEST} of {folder.name} is incomplete: {error}.") from error
    if not (folder / manifest.model_file).is_file() or Path(manifest.model_file).name != manifest.model_file:
        raise Corrupt(f"{MANIFEST} of {folder.name} names {manifest.model_file!r}, which is not beside it.")
    return Bundle(folder, manifest)


def _manifest(document: dict[str, object]) -> Manifest:
    signature = document.pop("signature")
    if not isinstance(signature, dict):
        raise TypeError("signature is not an object")
    fields = {side: tuple(_field(entry) for entry in signature.pop(side)) for side in ("inputs", "outputs")}
    classes = tuple(signature.pop("classes"))
    shape = Signature(**signature, **fields, classes=classes)  # type: ignore[arg-type]
    return Manifest(signature=shape, validation=_validation(document.pop("validation", None)), **document)  # type: ignore[arg-type]


def _validation(entry: object) -> Validation | None:
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise TypeError("validation is not an object")
    return Validation(**entry)


def _field(entry: dict[str, Any]) -> Field:
    lists = {"shape": tuple(entry["shape"]), "columns": tuple(entry.get("columns", ()))}
    return Field(**{**entry, **lists})


def write(
    folder: Path,
    manifest: Manifest,
    reference: str,
    card: str,
    scenario_inputs: Mapping[str, Array],
    plots: Mapping[str, str] | None = None,
) -> Bundle:
    """Completes `folder`, which already holds the model's file, and reads the result back.

    `plots` is SVG by name, drawn by whoever trained, so that a server needs no library for it.
    """
    (folder / "reference.csv").write_text(reference, encoding="utf-8")
    (folder / "card.md").write_text(card, encoding="utf-8")
    for name, drawn in (plots or {}).items():
        (folder / PLOTS).mkdir(exist_ok=True)
        (folder / PLOTS / f"{name}.svg").write_text(drawn, encoding="utf-8")
    (folder / MANIFEST).write_text(_json(asdict(manifest)), encoding="utf-8")
    bundle = read(folder)
    outputs = bundle.model().predict(scenario_inputs)
    scenarios = {
        "inputs": {name: _plain(values) for name, values in scenario_inputs.items()},
        "outputs": {name: _plain(values) for name, values in outputs.items()},
    }
    (folder / "scenarios.json").write_text(_json(scenarios), encoding="utf-8")
    return bundle


def _plain(values: Array) -> list[object]:
    """As JSON can say it: what is missing is null, since NaN is no JSON."""
    return [None if value != value else value for value in values.tolist()]


def _json(document: object) -> str:
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
