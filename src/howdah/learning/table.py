"""Tables in and out of files as people really export them.

Reads CSV (any of comma, semicolon, tab, bar; a byte order mark; UTF-8 or Windows-1252;
gzip) and JSON records, every cell as text, in pieces of bounded size, so that a table
of ten million rows needs no more memory than one of a hundred thousand. Turning text
into numbers is `validation`'s job, because only it can say which row was wrong; a frame
carries what it needs to know of the file for that, in `attrs[DECIMAL_COMMA]`.
"""

import codecs
import csv
import gzip
import json
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pandas as pd

from howdah.errors import Invalid

ROWS_AT_ONCE = 100_000
DECIMAL_COMMA = "decimal_comma"
"""In a frame's attrs: whether 1,5 is a number there. Where commas separate cells it may as well be 1500."""
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")


def read(path: Path, rows_at_once: int = ROWS_AT_ONCE) -> Iterator[pd.DataFrame]:
    """The rows of one file as text frames whose index is the line's number in the file, from 1."""
    name = path.name.removesuffix(".gz")
    try:
        if name.endswith((".json", ".jsonl")):
            yield from _read_json(path)
        elif name.endswith((".csv", ".tsv", ".txt")):
            yield from _read_csv(path, rows_at_once)
        else:
            raise Invalid(f"{path.name}: expected a .csv, .tsv, .txt, .json or .jsonl file (or .gz of one).")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Invalid(f"{path.name} is not a whole gzip file: {error}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path.name} holds bytes that are no text; write it as UTF-8.") from error


def read_whole(path: Path) -> pd.DataFrame:
    return pd.concat(list(read(path)))


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _encoding(path: Path) -> str:
    """UTF-8 if the file's beginning is; Windows-1252 otherwise, which is what spreadsheets write."""
    with _open(path) as stream:
        head = stream.read(1 << 20)
    try:
        # The last character may be cut in half by the limit; that is no sign of another encoding.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < 1 << 20)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _separator(header: str) -> str:
    try:
        return csv.Sniffer().sniff(header, delimiters=",;\t|").delimiter
    except csv.Error:
        return ","  # a single column has no separator to find


def _read_csv(path: Path, rows_at_once: int) -> Iterator[pd.DataFrame]:
    encoding = _encoding(path)
    with _open(path) as stream:
        header = stream.readline().decode(encoding)
    if not header.strip():
        raise Invalid(f"{path.name} is empty: it has no header line.")
    separator = _separator(header)
    with _open(path) as stream:
        try:
            pieces = pd.read_csv(
                stream,
                sep=separator,
                index_col=False,  # else a field more than the header has in each row becomes an index
                encoding=encoding,
                dtype=str,
                keep_default_na=False,
                na_values=list(MISSING),
                chunksize=rows_at_once,
                skipinitialspace=True,
                on_bad_lines="error",
            )
            while (piece := _next(pieces)) is not None:
                piece.attrs[DECIMAL_COMMA] = separator != ","
                piece.columns = [str(column).strip() for column in piece.columns]
                piece.index = piece.index + 1
                yield piece
        except pd.errors.ParserWarning as error:
            raise Invalid(
                f"{path.name} is not a table: its rows have more fields than its header has names."
            ) from error
        except pd.errors.ParserError as error:
            raise Invalid(f"{path.name} is not a table: {error}") from error


def _next(pieces: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """The next piece; a ParserWarning, said where fields would be lost, is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return next(pieces, None)


def _read_json(path: Path) -> Iterator[pd.DataFrame]:
    with _open(path) as stream:
        text = stream.read().decode("utf-8-sig")
    try:
        if ".jsonl" in path.name:
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            records = json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Invalid(f"{path.name} must hold a list of objects, one for each row.")
    frame = pd.DataFrame.from_records(records)
    frame = frame.map(lambda cell: None if cell is None or cell != cell else str(cell))
    frame.index = frame.index + 1
    yield frame
