"""Rows of files beside a model that can be asked about them: how `score` and `detect` begin."""

from argparse import ArgumentParser
from pathlib import Path

import pandas as pd

from howdah.errors import Invalid
from howdah.learning import bundle, validation
from howdah.learning.schema import Column, Schema
from howdah.steps import program

PLACE = "__place"


def asked(step: ArgumentParser) -> None:
    step.add_argument("--model", type=Path, required=True, help="the input that holds the bundle")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")


def model_in(folder: Path, refusal: str) -> tuple[bundle.Bundle, Schema] | None:
    """The bundle, and the schema of its inputs alone: a row to answer need not know its answer.

    None, and a word about it, where there is no model yet. Invalid with `refusal` for a forecast.
    """
    if not (folder / bundle.MANIFEST).exists():
        program.say("no model yet: nothing to ask")
        return None
    found = bundle.read(folder)
    signature = found.manifest.signature
    if signature.task == "forecast":
        raise Invalid(refusal)
    schema = Schema.read(folder / "schema.json")
    return found, Schema(tuple(schema[field.name] for field in signature.inputs))


def keep(piece: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows that can be answered. Two may well ask the same, so repetition is no fault here."""
    distinct = piece.assign(**{PLACE: piece.index.astype(str)})
    keyed = Schema((*schema.columns, Column(PLACE, "category")), (PLACE,))
    return validation.sort(distinct, keyed).clean.drop(columns=PLACE)
