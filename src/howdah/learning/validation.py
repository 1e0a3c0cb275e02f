"""Rows that keep the schema's contract, and the others with the reason why not.

Every row read comes out on exactly one side. A quarantined row carries its place in
the file, the first column that was wrong and what was wrong with it, so that whoever
sent it can mend it. A missing column or an unreadable file is refused whole: there is
no row to blame.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa

from howdah.errors import Invalid
from howdah.learning import table
from howdah.learning.repeats import Repeats
from howdah.learning.schema import Column, Schema

REASON, COLUMN, ROW = "__reason", "__column", "__row"


@dataclass(frozen=True, slots=True)
class Sorted:
    """A piece of a table, sorted: typed rows that pass, and text rows with their reasons."""

    clean: pd.DataFrame
    quarantined: pd.DataFrame


def sort(text: pd.DataFrame, schema: Schema, repeats: Repeats | None = None) -> Sorted:
    """Both sides of `text`; raises Invalid where a column of the schema is missing altogether.

    Of a table in pieces, `repeats` remembers the rows of the pieces before.
    """
    absent = [column.name for column in schema.columns if column.name not in text.columns]
    if absent:
        raise Invalid(f"Column {absent[0]!r} is missing; the file has {', '.join(map(str, text.columns))}.")
    comma = bool(text.attrs.get(table.DECIMAL_COMMA))
    typed = pd.DataFrame({each.name: _typed(text[each.name], each, comma) for each in schema.columns})
    failures = _failures(text, typed, schema, repeats or Repeats())
    bad = text.index.isin(list(failures))
    quarantined = text[bad].copy()
    quarantined.insert(0, ROW, quarantined.index)
    quarantined.insert(1, COLUMN, [failures[row][0] for row in quarantined.index])
    quarantined.insert(2, REASON, [failures[row][1] for row in quarantined.index])
    return Sorted(typed[~bad], quarantined)


def pandera_schema(schema: Schema) -> pa.DataFrameSchema:
    """The same contract in pandera's words, for those who use pandera elsewhere."""
    return pa.DataFrameSchema({column.name: _pandera_column(column) for column in schema.columns})


def _pandera_column(column: Column) -> pa.Column:
    checks: list[pa.Check] = []
    if column.kind == "number":
        checks.append(pa.Check(np.isfinite, error="is not a finite number"))
        if column.minimum is not None:
            checks.append(pa.Check.ge(column.minimum, error=f"is below {column.minimum:g}"))
        if column.maximum is not None:
            checks.append(pa.Check.le(column.maximum, error=f"is above {column.maximum:g}"))
    dtype = {"number": float, "category": None, "date": "datetime64[ns]"}[column.kind]
    return pa.Column(dtype, checks, nullable=column.nullable)


def _typed(values: pd.Series, column: Column, decimal_comma: bool) -> pd.Series:
    if column.kind == "number":
        # Exports from half of Europe write 1,5, and never with commas between the cells; there
        # "1,234" may mean thousands, and nobody here knows: it is no number.
        plain = values.str.replace(",", ".", regex=False) if decimal_comma else values
        return pd.to_numeric(plain.str.strip(), errors="coerce").astype(float)
    if column.kind == "date":
        return pd.to_datetime(values, errors="coerce", format="ISO8601")
    return values.str.strip()


def _failures(
    text: pd.DataFrame, typed: pd.DataFrame, schema: Schema, repeats: Repeats
) -> dict[int, tuple[str, str]]:
    """The first fault of each faulty row: its column and the reason."""
    faults: dict[int, tuple[str, str]] = {}
    for column in schema.columns:
        unread = typed[column.name].isna() & text[column.name].notna()
        wanted = {"number": "is not a number", "date": "is not a date", "category": "is not text"}[
            column.kind
        ]
        _note(faults, text, text.index[unread], column.name, wanted)
        if not column.nullable:
            _note(faults, text, text.index[text[column.name].isna()], column.name, "is missing")
    _note_pandera(faults, text, typed, schema)
    keys = list(schema.unique) or list(schema.names)
    _note(faults, text, text.index[repeats.of(typed[keys])], keys[0], "repeats an earlier row")
    return faults


def _note_pandera(
    faults: dict[int, tuple[str, str]], text: pd.DataFrame, typed: pd.DataFrame, schema: Schema
) -> None:
    try:
        pandera_schema(schema).validate(typed.drop(index=list(faults)), lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.dropna(subset=["index"]).sort_values("index", kind="stable")
        for case in cases.itertuples():
            _note(faults, text, [case.index], str(case.column), str(case.check))


def _note(
    faults: dict[int, tuple[str, str]], text: pd.DataFrame, rows: Iterable[int], column: str, reason: str
) -> None:
    for row in rows:
        value = text.at[row, column]
        faults.setdefault(int(row), (column, f"{value!r} {reason}" if isinstance(value, str) else reason))
