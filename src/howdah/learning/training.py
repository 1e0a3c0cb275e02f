"""Estimators that we train, each a scikit-learn pipeline from raw columns to an answer.

The pipeline takes the columns as the schema types them, missing values included, so
that a server, a notebook and an evaluation all do exactly the same to a row.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from howdah.errors import Invalid
from howdah.learning.schema import Schema
from howdah.learning.signature import Array, Field, Signature, Task

Parameters = Mapping[str, float | int | str]
Maker = Callable[[Parameters, int], BaseEstimator]

TREES = ("forest", "boosting")

FAMILIES: dict[Task, dict[str, Maker]] = {
    "regression": {
        "ridge": lambda p, seed: Ridge(**p),
        "forest": lambda p, seed: RandomForestRegressor(random_state=seed, **p),
        "boosting": lambda p, seed: GradientBoostingRegressor(random_state=seed, **p),
    },
    "classification": {
        "logistic": lambda p, seed: LogisticRegression(random_state=seed, **{"max_iter": 2000, **p}),
        "forest": lambda p, seed: RandomForestClassifier(random_state=seed, **p),
        "boosting": lambda p, seed: GradientBoostingClassifier(random_state=seed, **p),
    },
    "forecast": {},
}


def signature_for(
    schema: Schema, target: str, task: Task, leave_out: tuple[str, ...], classes: tuple[str, ...] = ()
) -> Signature:
    """Every column but the target and those left out is an input, in the schema's order."""
    schema[target]
    for name in leave_out:
        schema[name]
    inputs = tuple(
        Field(column.name, "number" if column.kind == "number" else "category")
        for column in schema.columns
        if column.name != target and column.name not in leave_out
    )
    if not inputs:
        raise Invalid(f"Nothing is left to learn {target!r} from: every other column is left out.")
    outputs: tuple[Field, ...]
    if task == "regression":
        outputs = (Field(target, "number", source="variable", column=0),)
    else:
        outputs = (
            Field(target, "category", source="label"),
            Field("probabilities", "number", (len(classes),), source="probabilities"),
        )
    return Signature(task, target, inputs, outputs, classes)


def build(signature: Signature, family: str, parameters: Parameters, seed: int) -> Pipeline:
    """An unfitted pipeline; Invalid names the families of the task where `family` is none of them."""
    makers = FAMILIES[signature.task]
    if family not in makers:
        raise Invalid(f"No model family {family!r} for {signature.task}; there are {', '.join(makers)}.")
    try:
        estimator = makers[family](parameters, seed)
    except TypeError as error:
        raise Invalid(f"Parameters of {family}: {error}.") from error
    return Pipeline([("columns", columns(signature, scaled=family not in TREES)), ("model", estimator)])


def columns(signature: Signature, *, scaled: bool) -> ColumnTransformer:
    """Raw columns to a matrix: numbers filled with the median, categories one-hot, new ones as nought."""
    numbers = [field.name for field in signature.inputs if field.kind == "number"]
    categories = [field.name for field in signature.inputs if field.kind == "category"]
    fill = SimpleImputer(strategy="median")
    # Trees split on order alone; scaling would only move values across their thresholds by rounding.
    numeric = Pipeline([("fill", fill), ("scale", StandardScaler())]) if scaled else fill
    steps: list[tuple[str, object, list[str]]] = []
    if numbers:
        steps.append(("numbers", numeric, numbers))
    if categories:
        steps.append(("categories", OneHotEncoder(handle_unknown="ignore"), categories))
    return ColumnTransformer(steps)


def frame_of(table: Mapping[str, Array] | pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """The inputs as the pipelines want them: float32 numbers, text with "" where missing.

    Numbers are rounded to float32 before training as well as before serving: a tree's
    threshold then falls on the same side in every format, and ONNX can be proven equal.
    """
    columns = {}
    for field in signature.inputs:
        values = np.asarray(table[field.name]).reshape(-1)
        if field.kind == "number":
            columns[field.name] = values.astype(np.float32)
        else:
            columns[field.name] = np.where(pd.isna(values), "", values).astype(object)
    return pd.DataFrame(columns)


def outputs_of(estimator: object, frame: pd.DataFrame, signature: Signature) -> dict[str, Array]:
    if signature.task == "regression":
        return {signature.target: np.asarray(estimator.predict(frame), dtype=np.float64)}  # type: ignore[attr-defined]
    probabilities = np.asarray(estimator.predict_proba(frame), dtype=np.float64)  # type: ignore[attr-defined]
    labels = np.asarray(signature.classes, dtype=object)[probabilities.argmax(axis=1)]
    return {signature.target: labels, "probabilities": probabilities}
