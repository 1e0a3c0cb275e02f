"""What a table must look like, inferred once, kept as JSON, versioned like data.

A schema is a contract about columns. Rows that break it are never dropped in silence:
`validation` sets them aside with the row, the column and the reason.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from howdah.errors import Invalid

Kind = Literal["number", "category", "date"]

# Above this many distinct values a text column is free text or an identifier, not a category.
MOST_LEVELS = 50
# Observed ranges are widened by this share on both sides: tomorrow's data is not yesterday's.
SLACK = 1.0


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it holds, whether it may be missing, and which values are believable."""

    name: str
    kind: Kind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] | None = None
    """The categories seen; None where any text will do. New levels are accepted but noted."""


@dataclass(frozen=True, slots=True)
class Schema:
    columns: tuple[Column, ...]
    unique: tuple[str, ...] = ()
    """Columns whose values together may not repeat; empty means whole-row duplicates only."""

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise Invalid(f"The schema has no column {name!r}; it has {', '.join(self.names)}.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def write(self, path: Path) -> None:
        document: dict[str, object] = {
            "columns": [_plain(column) for column in self.columns],
            "unique": list(self.unique),
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Schema":
        try:
            return parse(json.loads(path.read_text(encoding="utf-8")))
        except json.JSONDecodeError as error:
            raise Invalid(f"{path.name} is not JSON: {error}.") from error


def parse(document: Mapping[str, object]) -> Schema:
    """A schema from its JSON form; unknown keys and kinds are refused by name."""
    if unknown := set(document) - {"columns", "unique"}:
        raise Invalid(f"A schema has no key {sorted(unknown)[0]!r}; it has 'columns' and 'unique'.")
    entries = document.get("columns")
    if not isinstance(entries, list) or not entries:
        raise Invalid("A schema needs a list 'columns' with at least one column.")
    unique = document.get("unique") or ()
    if not isinstance(unique, list | tuple):
        raise Invalid("The schema's 'unique' must be a list of column names.")
    return Schema(tuple(_column(entry) for entry in entries), tuple(str(name) for name in unique))


def _column(entry: object) -> Column:
    if not isinstance(entry, dict) or "name" not in entry:
        raise Invalid(f"Each column of a schema is an object with a 'name', not {entry!r}.")
    name = str(entry["name"])
    if unknown := set(entry) - set(Column.__slots__):
        raise Invalid(f"columns[{name}] has no key {sorted(unknown)[0]!r}.")
    if entry.get("kind") not in ("number", "category", "date"):
        raise Invalid(f"columns[{name}].kind must be number, category or date, not {entry.get('kind')!r}.")
    levels = entry.get("levels")
    return Column(
        name=name,
        kind=entry["kind"],
        nullable=bool(entry.get("nullable", False)),
        minimum=None if entry.get("minimum") is None else float(entry["minimum"]),
        maximum=None if entry.get("maximum") is None else float(entry["maximum"]),
        levels=None if levels is None else tuple(str(level) for level in levels),
    )


def _plain(column: Column) -> dict[str, object]:
    """As JSON, without what says nothing."""
    return {key: value for key, value in asdict(column).items() if value is not None and value is not False}


def infer(frame: pd.DataFrame, unique: Iterable[str] = ()) -> Schema:
    """The schema that `frame` suggests: kinds from the values, generous ranges, levels where few."""
    if frame.empty:
        raise Invalid("A schema cannot be inferred from a table without rows.")
    return Schema(tuple(_infer_column(str(name), frame[name]) for name in frame.columns), tuple(unique))


def _infer_column(name: str, values: pd.Series) -> Column:
    present = values.dropna()
    nullable = len(present) < len(values)
    numbers = pd.to_numeric(present, errors="coerce")
    if len(present) and numbers.notna().all() and present.dtype != bool:
        low, high = float(numbers.min()), float(numbers.max())
        room = SLACK * max(high - low, abs(high), 1.0)
        # A quantity that was never negative stays so: a negative weight is a mistake, not a drift.
        return Column(name, "number", nullable, max(low - room, 0.0) if low >= 0 else low - room, high + room)
    if len(present) and _looks_like_dates(present):
        return Column(name, "date", nullable)
    levels = sorted(present.astype(str).unique())
    return Column(name, "category", nullable, levels=tuple(levels) if len(levels) <= MOST_LEVELS else None)


def _looks_like_dates(values: pd.Series) -> bool:
    sample = values.astype(str).head(100)
    if not sample.str.match(r"^\d{4}-\d{2}-\d{2}").all():
        return False
    return bool(pd.to_datetime(sample, errors="coerce", format="ISO8601").notna().all())
