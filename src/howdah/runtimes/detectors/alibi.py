"""alibi-detect's detectors, fitted on the reference sample.

Numbers that are missing become the reference's median, categories their ordinal; one that the
reference never saw gets an ordinal of its own.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from howdah.errors import Invalid
from howdah.learning.signature import Array, Signature
from howdah.runtimes.detectors import Columns, Finding

DRIFT = ("TabularDrift", "KSDrift", "MMDDrift", "LSDDDrift", "CVMDriftOnline")
OUTLIERS = ("IForest", "Mahalanobis", "OutlierVAE")
MOST_REFERENCE_ROWS = 2_000


class Encoder:
    def __init__(self, sample: Columns, signature: Signature) -> None:
        self.fields = signature.inputs
        self._levels = {
            f.name: {v: i for i, v in enumerate(sorted({str(v) for v in sample[f.name]}))}
            for f in self.fields
            if f.kind == "category"
        }
        self._medians = {
            f.name: float(np.nanmedian(sample[f.name])) for f in self.fields if f.kind == "number"
        }
        self.categories = [place for place, f in enumerate(self.fields) if f.kind == "category"]

    def matrix(self, columns: Columns) -> Array:
        parts = []
        for f in self.fields:
            values = np.asarray(columns[f.name])
            if f.kind == "category":
                levels = self._levels[f.name]
                parts.append(np.array([levels.get(str(v), len(levels)) for v in values.ravel()], dtype=float))
            else:
                numbers = values.astype(float).reshape(len(values), -1)
                parts.extend(np.where(np.isnan(c), self._medians[f.name], c) for c in numbers.T)
        return np.stack(parts, axis=1).astype(np.float32)


class AlibiDetector:
    def __init__(self, kind: str, sample: Columns, signature: Signature, options: dict[str, Any]) -> None:
        self._kind = kind
        self._encoder = Encoder(sample, signature)
        reference = self._encoder.matrix(sample)
        if len(reference) > MOST_REFERENCE_ROWS:
            chosen = np.random.default_rng(0).permutation(len(reference))[:MOST_REFERENCE_ROWS]
            reference = reference[np.sort(chosen)]
        self._mean, self._scale = reference.mean(axis=0), reference.std(axis=0) + 1e-9
        self.online = kind.endswith("Online")
        self.fingerprint = _fingerprint(kind, reference, options)
        self._detector = self._made(kind, reference, options)

    def restore(self, folder: Path) -> None:
        """Online detectors only, as `save` and `forget`."""
        self._detector.load_state(str(folder))

    def save(self, folder: Path) -> None:
        self._detector.save_state(str(folder))

    def forget(self) -> None:
        self._detector.reset_state()

    def examine(self, columns: Columns) -> Finding:
        matrix = self._encoder.matrix(columns)
        if self._kind in OUTLIERS:
            return self._outliers(matrix)
        if self.online:
            return self._stream(matrix)
        given = matrix if self._kind in ("TabularDrift", "KSDrift") else self._scaled(matrix)
        data = self._detector.predict(given)["data"]
        names = tuple(field.name for field in self._encoder.fields)
        p_values = np.atleast_1d(data.get("p_val", np.nan)).astype(float)
        distances = np.atleast_1d(data.get("distance", np.nan)).astype(float)
        return Finding(
            kind="drift",
            positive=bool(data["is_drift"]),
            threshold=float(np.atleast_1d(data["threshold"])[0]),
            features=names if len(p_values) == len(names) else ("all",),
            p_values=tuple(p_values.tolist()),
            distances=tuple(distances.tolist()),
        )

    def _stream(self, matrix: Array) -> Finding:
        data: dict[str, Any] = {}
        positive = False
        for row in self._scaled(matrix):
            data = self._detector.predict(row)["data"]
            positive = positive or bool(np.any(data["is_drift"]))
        self._trim()
        statistic = np.nan_to_num(np.atleast_1d(data.get("test_stat", np.nan)).astype(float).ravel())
        threshold = np.nan_to_num(np.atleast_1d(data.get("threshold", np.nan)).astype(float).ravel())
        return Finding("drift", positive, float(threshold.max()), ("all",), (), tuple(statistic.tolist()))

    def _trim(self) -> None:
        """alibi keeps every row and statistic that ever came, and looks at one window of them only."""
        detector = self._detector
        detector.xs = detector.xs[-detector.max_ws :]
        detector.test_stats, detector.drift_preds = detector.test_stats[-1:], detector.drift_preds[-1:]

    def _outliers(self, matrix: Array) -> Finding:
        found = self._detector.predict(self._scaled(matrix), return_instance_score=True)["data"]
        rows = tuple(bool(value) for value in np.asarray(found["is_outlier"]).ravel())
        scores = tuple(float(value) for value in np.asarray(found["instance_score"]).ravel())
        threshold = float(np.atleast_1d(self._detector.threshold)[0])
        return Finding("outlier", any(rows), threshold, rows=rows, scores=scores)

    def _scaled(self, matrix: Array) -> Array:
        return ((matrix - self._mean) / self._scale).astype(np.float32)

    def _made(self, kind: str, reference: Array, options: dict[str, Any]) -> Any:
        p_value = float(options.get("p_val", 0.05))
        if kind == "TabularDrift":
            from alibi_detect.cd import TabularDrift

            # Categories are taken from the data: one that neither side has would have no frequency.
            categories = dict.fromkeys(self._encoder.categories)
            return TabularDrift(reference, p_val=p_value, categories_per_feature=categories or None)
        if kind == "KSDrift":
            from alibi_detect.cd import KSDrift

            return KSDrift(reference, p_val=p_value)
        scaled = self._scaled(reference)
        if kind in ("MMDDrift", "LSDDDrift"):
            from alibi_detect import cd

            return getattr(cd, kind)(scaled, backend="tensorflow", p_val=p_value)
        if kind == "CVMDriftOnline":
            from alibi_detect.cd import CVMDriftOnline

            run = float(options.get("expected_run_time", 500))
            windows = [int(size) for size in str(options.get("window_sizes", "20")).split(",")]
            return CVMDriftOnline(scaled, ert=run, window_sizes=windows, n_bootstraps=1000, verbose=False)
        return self._outlier_detector(kind, scaled, options)

    def _outlier_detector(self, kind: str, scaled: Array, options: dict[str, Any]) -> Any:
        share = float(options.get("threshold_perc", 95))
        if kind == "IForest":
            from alibi_detect.od import IForest

            detector = IForest(n_estimators=100)
            detector.fit(scaled)
            detector.infer_threshold(scaled, threshold_perc=share)
        elif kind == "Mahalanobis":
            from alibi_detect.od import Mahalanobis

            detector = Mahalanobis(n_components=min(3, scaled.shape[1]), start_clip=len(scaled) + 1)
            detector.infer_threshold(scaled, threshold_perc=share)
        elif kind == "OutlierVAE":
            detector = _autoencoder(scaled, int(options.get("epochs", 30)))
            detector.infer_threshold(scaled, threshold_perc=share)
        else:
            raise Invalid(f"no detector {kind}: there are scipy, {', '.join((*DRIFT, *OUTLIERS))}")
        return detector


def _fingerprint(kind: str, reference: Array, options: dict[str, Any]) -> str:
    """The sample itself and not its commit: the same rows in a later commit are the same detector."""
    said = json.dumps([kind, sorted((name, str(value)) for name, value in options.items())])
    sample = str(reference.shape).encode() + reference.tobytes()
    return hashlib.sha256(said.encode() + sample).hexdigest()[:32]


def _autoencoder(scaled: Array, epochs: int) -> Any:
    import tensorflow as tf
    from alibi_detect.od import OutlierVAE

    tf.keras.utils.set_random_seed(0)
    width = scaled.shape[1]
    layers = tf.keras.layers
    encoder = tf.keras.Sequential(
        [layers.InputLayer(input_shape=(width,)), layers.Dense(16, activation="relu")]
    )
    decoder = tf.keras.Sequential(
        [layers.InputLayer(input_shape=(2,)), layers.Dense(16, activation="relu"), layers.Dense(width)]
    )
    detector = OutlierVAE(encoder_net=encoder, decoder_net=decoder, latent_dim=2, samples=5, score_type="mse")
    detector.fit(scaled, epochs=epochs, batch_size=32, verbose=False)
    return detector
