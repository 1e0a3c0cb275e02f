"""Every detector on a sample, on more of the same, and on something else."""

from pathlib import Path

import numpy as np
import pytest

from howdah.errors import Invalid
from howdah.learning.signature import Field, Signature
from howdah.runtimes.detectors.permissive import ScipyDrift

SIGNATURE = Signature(
    "regression",
    "y",
    (Field("size", "number"), Field("age", "number"), Field("maker", "category")),
    (Field("y", "number"),),
)


def rows(count: int, shift: float = 0.0, seed: int = 0) -> dict:
    generator = np.random.default_rng(seed)
    return {
        "size": generator.normal(shift, 1, count),
        "age": generator.normal(0, 1, count),
        "maker": np.array(generator.choice(["a", "b"], count), dtype=object),
    }


def test_scipy_finds_the_column_that_moved():
    detector = ScipyDrift(rows(300), SIGNATURE, 0.01)
    assert not detector.examine(rows(200, seed=1)).positive
    moved = detector.examine(rows(200, shift=1.0, seed=1))
    assert moved.positive
    assert dict(zip(moved.features, moved.rows, strict=True)) == {"size": True, "age": False, "maker": False}


def test_an_unknown_detector_is_refused_by_name():
    from howdah.runtimes.detectors.alibi import AlibiDetector

    with pytest.raises(Invalid, match="no detector Oracle: there are scipy, TabularDrift"):
        AlibiDetector("Oracle", rows(50), SIGNATURE, {})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["TabularDrift", "KSDrift", "MMDDrift", "LSDDDrift"])
def test_drift_by_alibi(kind: str):
    from howdah.runtimes.detectors.alibi import AlibiDetector

    detector = AlibiDetector(kind, rows(200), SIGNATURE, {"p_val": 0.01})
    assert not detector.examine(rows(100, seed=1)).positive
    assert detector.examine(rows(100, shift=2.0, seed=2)).positive


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["IForest", "Mahalanobis", "OutlierVAE"])
def test_outliers_by_alibi(kind: str):
    from howdah.runtimes.detectors.alibi import AlibiDetector

    detector = AlibiDetector(kind, rows(300), SIGNATURE, {"threshold_perc": 95})
    strange = {**rows(3, seed=3), "size": np.array([0.0, 50.0, 0.0]), "age": np.array([0.0, -50.0, 0.0])}
    found = detector.examine(strange)
    assert found.rows[1]
    assert found.scores[1] > max(found.scores[0], found.scores[2])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(300)
def test_an_online_detector_remembers(tmp_path: Path):
    from howdah.runtimes.detectors.alibi import AlibiDetector

    options = {"expected_run_time": 50, "window_sizes": "10"}
    detector = AlibiDetector("CVMDriftOnline", rows(200), SIGNATURE, options)
    detector.examine(rows(5, seed=4))
    detector.save(tmp_path)
    again = AlibiDetector("CVMDriftOnline", rows(200), SIGNATURE, options)
    again.restore(tmp_path)
    assert again._detector.t == detector._detector.t == 5
    assert again.examine(rows(40, shift=4.0, seed=5)).positive


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(300)
def test_what_an_online_detector_remembers_does_not_grow(tmp_path: Path):
    """And what it finds is what alibi finds that keeps everything."""
    from howdah.runtimes.detectors.alibi import AlibiDetector

    options = {"expected_run_time": 50, "window_sizes": "5,10"}
    ours = AlibiDetector("CVMDriftOnline", rows(100), SIGNATURE, options)
    whole = AlibiDetector("CVMDriftOnline", rows(100), SIGNATURE, options)
    sizes = []
    for seed in range(6):
        batch = rows(15, seed=seed)
        found = ours.examine(batch)
        for row in whole._scaled(whole._encoder.matrix(batch)):
            told = whole._detector.predict(row)["data"]
        assert np.allclose(found.distances, told["test_stat"].ravel())
        ours.save(tmp_path)
        sizes.append((tmp_path / "state.npz").stat().st_size)
    assert set(sizes) == {sizes[0]}
    assert len(whole._detector.xs) == 90
