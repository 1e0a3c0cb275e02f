"""How good a model is, in the usual figures, always beside the naive answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from howdah.errors import Invalid
from howdah.learning.signature import Array, Signature
from howdah.learning.training import outputs_of

Figures = dict[str, float]


def evaluate(truth: Array, outputs: dict[str, Array], signature: Signature) -> Figures:
    """The task's figures on one set of rows."""
    if len(truth) == 0:
        raise Invalid("There are no rows to evaluate on.")
    if signature.task == "regression":
        return regression(truth.astype(float), outputs[signature.target])
    return classification(truth.astype(str), outputs["probabilities"], signature.classes)


def regression(truth: Array, predicted: Array) -> Figures:
    residuals = truth - predicted
    figures = {
        "mae": float(np.abs(residuals).mean()),
        "rmse": float(np.sqrt((residuals**2).mean())),
        "bias": float(residuals.mean()),
    }
    if len(truth) > 1 and np.ptp(truth) > 0:
        figures["r2"] = float(metrics.r2_score(truth, predicted))
    return figures


def classification(truth: Array, probabilities: Array, classes: Sequence[str]) -> Figures:
    """Binary and multiclass; precision, recall and F1 are of the last class, or macro over many."""
    labels = np.asarray(classes)[probabilities.argmax(axis=1)]
    average = "binary" if len(classes) == 2 else "macro"
    positive = classes[-1] if len(classes) == 2 else 1
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, labels, labels=list(classes), average=average, pos_label=positive, zero_division=0.0
    )
    figures = {
        "accuracy": float((labels == truth).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "log_loss": float(metrics.log_loss(truth, _summing_to_one(probabilities), labels=list(classes))),
        "calibration_error": calibration_error(truth, probabilities, classes),
    }
    if len(set(truth)) == len(classes):
        scores = probabilities[:, 1] if len(classes) == 2 else probabilities
        figures["roc_auc"] = float(
            metrics.roc_auc_score(truth, scores, multi_class="ovr", labels=list(classes))
        )
    return figures


def _summing_to_one(probabilities: Array) -> Array:
    """A model in float32 answers shares that miss one by its rounding, of which scikit-learn warns."""
    exact: Array = np.asarray(probabilities, dtype=np.float64)
    shares: Array = exact / exact.sum(axis=1, keepdims=True)
    return shares


def calibration_error(truth: Array, probabilities: Array, classes: Sequence[str], bins: int = 10) -> float:
    """The mean gap between how sure the model is and how often it is right, over equal-width bins."""
    confidence = probabilities.max(axis=1)
    right = np.asarray(classes)[probabilities.argmax(axis=1)] == truth
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[places == place].mean() - confidence[places == place].mean()) * (places == place).mean()
        for place in np.unique(places)
    ]
    return float(sum(gaps))


def confusion(truth: Array, labels: Array, classes: Sequence[str]) -> list[list[int]]:
    matrix: list[list[int]] = metrics.confusion_matrix(truth, labels, labels=list(classes)).tolist()
    return matrix


def naive(train: Array, truth: Array, signature: Signature) -> Figures:
    """What answering without looking would score: the training rows' mean, or class frequencies."""
    if signature.task == "regression":
        return regression(truth.astype(float), np.full(len(truth), train.astype(float).mean()))
    frequencies = np.array([(train.astype(str) == label).mean() for label in signature.classes])
    return classification(truth.astype(str), np.tile(frequencies, (len(truth), 1)), signature.classes)


@dataclass(frozen=True, slots=True)
class CrossValidation:
    folds: list[Figures]
    outputs: dict[str, Array]
    """Each row's answer, by the one of the folds' models that had not learned from it."""

    def mean(self) -> Figures:
        names = self.folds[0]
        return {name: float(np.mean([fold[name] for fold in self.folds if name in fold])) for name in names}


def cross_validate(
    estimator: Pipeline, frame: pd.DataFrame, truth: Array, signature: Signature, folds: int, seed: int
) -> CrossValidation:
    """Every row is judged once; shuffled by `seed`, stratified by class where there are classes.

    Invalid where a class has one row alone: who judges that row has never seen its class.
    """
    if len(frame) < 2 * folds:
        raise Invalid(f"{len(frame)} rows are too few for {folds} folds; at least {2 * folds} are needed.")
    if signature.task == "classification":
        _can_be_told_apart(truth, signature.target, folds)
    splitter = (StratifiedKFold if signature.task == "classification" else KFold)(
        folds, shuffle=True, random_state=seed
    )
    results: list[Figures] = []
    whole: dict[str, Array] = {}
    for learn, held in splitter.split(frame, truth):
        fitted = clone(estimator).fit(frame.iloc[learn], truth[learn])
        outputs = outputs_of(fitted, frame.iloc[held], signature)
        results.append(evaluate(truth[held], outputs, signature))
        for name, values in outputs.items():
            whole.setdefault(name, np.empty((len(truth), *values.shape[1:]), values.dtype))[held] = values
    return CrossValidation(results, whole)


def _can_be_told_apart(truth: Array, target: str, folds: int) -> None:
    labels, counts = np.unique(truth.astype(str), return_counts=True)
    if counts.min() < 2:
        raise Invalid(
            f"{target} is {str(labels[counts.argmin()])!r} in 1 row only; each class needs at least 2 to be "
            "learned from one and judged on another. Leave that row out, or join the class with another."
        )
    if counts.max() < folds:
        raise Invalid(
            f"{target} has no class of {folds} rows, which {folds} folds need; the largest, "
            f"{str(labels[counts.argmax()])!r}, has {counts.max()}."
        )
