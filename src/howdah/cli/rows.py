"""Rows for a model, from `name=value` words or from a CSV or JSON file."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from howdah.client.predictions import Row
from howdah.errors import Invalid, NotFound


def given(words: Sequence[str], file: str | None) -> list[Row]:
    """Either one row of words, or the rows of a file; `-` is stdin."""
    if bool(words) == (file is not None):
        raise Invalid("give the inputs as name=value words, or a file with -f", remedy="One of the two.")
    if file is None:
        return [_row(words)]
    return parse(_text(file), file)


def parse(text: str, name: str) -> list[Row]:
    """JSON (one object, or a list of them) or CSV with a header."""
    rows = _json(text, name) if text.lstrip().startswith(("{", "[")) else _csv(text, name)
    if not rows:
        raise Invalid(f"{name} holds no rows", remedy="Give a CSV with a header, or JSON objects.")
    return rows


def _json(text: str, name: str) -> list[Row]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Invalid(f"{name} is not JSON", why=str(error)) from error
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise Invalid(f"{name} holds something else than JSON objects", remedy="A row is an object.")
    return rows


def _csv(text: str, name: str) -> list[Row]:
    rows: list[Row] = []
    for number, row in enumerate(csv.DictReader(text.removeprefix("\ufeff").splitlines()), 1):
        if None in row or None in row.values():
            raise Invalid(
                f"row {number} of {name} has another number of cells than the header",
                remedy="Give each row a cell for every name of the header.",
            )
        rows.append(row)
    return rows


def _row(words: Sequence[str]) -> Row:
    row = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Invalid(f"{word!r} is no input", remedy="Write name=value, in quotes if it has spaces.")
        row[name] = value
    return row


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{file} cannot be read", why=error.strerror or "", remedy="Check -f.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8 text", why=str(error)) from error
