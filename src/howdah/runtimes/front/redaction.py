"""Taking named columns out of payloads before they are kept or sent on.

A column is found wherever its name stands: as a key (`instances`, `jsonData`, `shares`), as the
`name` of a tensor, in the `names` beside rows, within a text. Rows of a question of which nothing
says which column is which go whole, and so does what nobody can look into. A payload that is no
JSON object is dropped: the log would rather miss something than keep what it must not.
"""

import json
import math
import re

from howdah.core.json import Json, JsonObject

DEPTH_LIMIT = 64
OPAQUE = ("strData", "binData", "tftensor", "raw_input_contents", "raw_output_contents")
ANSWERS = ("response", "truth")
"""The parts of a feedback that hold no questions."""


def without(payload: bytes, names: frozenset[str], answers: bool = False) -> bytes:
    """`answers`: the payload is what a model said, whose own values bear no columns' names."""
    try:
        document: Json = json.loads(payload)
        if not isinstance(document, dict):
            return b""
        return json.dumps(_Redaction(names).of(document, answers, 0)).encode()
    except (ValueError, TypeError, RecursionError):
        return b""


class _Redaction:
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        words = "|".join(map(re.escape, sorted(names)))
        self._told = re.compile(rf"(?<!\w)(?:{words})(?!\w)")

    def of(self, value: Json, answers: bool, depth: int) -> Json:
        if depth > DEPTH_LIMIT:
            raise ValueError("nested too deeply to be looked through")
        if isinstance(value, str):
            return self._text(value, answers, depth)
        if isinstance(value, list):
            return [self.of(entry, answers, depth + 1) for entry in value]
        if isinstance(value, dict):
            return self._object(value, answers, depth)
        return value

    def _text(self, text: str, answers: bool, depth: int) -> Json:
        """A name alone says nothing; a text may be a document of its own, as explanations are."""
        if text in self._names:
            return text
        if text.lstrip()[:1] in ("{", "["):
            try:
                inner: Json = json.loads(text)
            except ValueError:
                return None
            return json.dumps(self.of(inner, answers, depth + 1))
        return None if self._told.search(text) else text

    def _object(self, given: JsonObject, answers: bool, depth: int) -> JsonObject:
        clean: JsonObject = {}
        for key, value in given.items():
            said = (answers or key in ANSWERS) and key != "request"
            hidden = self._told.match(key) or (key in OPAQUE and not said)
            clean[key] = None if hidden else self.of(value, said, depth + 1)
        self._named(clean, answers)
        columns = clean.get("names")
        told = columns if isinstance(columns, list) else []
        if "ndarray" in clean:
            clean["ndarray"] = self._rows(clean["ndarray"], told, answers)
        if "tensor" in clean:
            clean["tensor"] = self._tensor(clean["tensor"], told, answers)
        if "instances" in clean and not answers:
            clean["instances"] = self._rows(clean["instances"], [], answers)
        return clean

    def _named(self, tensor: JsonObject, answers: bool) -> None:
        """A tensor of V2: the column itself, or a matrix of columns that nothing names."""
        name, shape = tensor.get("name"), tensor.get("shape")
        hidden = isinstance(name, str) and self._told.search(name) is not None
        matrix = isinstance(shape, list) and len(shape) > 1 and shape[-1] != 1
        if not hidden and (answers or not matrix or "datatype" not in tensor):
            return
        for key in ("data", "contents"):
            if key in tensor:
                tensor[key] = []

    def _rows(self, rows: Json, columns: list[Json], answers: bool) -> Json:
        if not isinstance(rows, list):
            return None
        if rows and not any(isinstance(row, list | dict) for row in rows):
            return self._row(list(rows), columns, answers)  # one row, or one column
        return [self._row(row, columns, answers) for row in rows]

    def _row(self, row: Json, columns: list[Json], answers: bool) -> Json:
        if isinstance(row, dict):
            return row  # its keys have been looked at
        if not isinstance(row, list):
            return row if answers else None
        if len(row) == len(columns):
            return [None if self._hides(name) else value for name, value in zip(columns, row, strict=True)]
        return row if answers and not any(map(self._hides, columns)) else [None] * len(row)

    def _tensor(self, tensor: Json, columns: list[Json], answers: bool) -> Json:
        if not isinstance(tensor, dict):
            return None
        shape, values = tensor.get("shape"), tensor.get("values")
        if not isinstance(values, list) or not isinstance(shape, list):
            return {**tensor, "values": []}
        sizes = [size for size in shape if isinstance(size, int)]
        width = len(columns)
        if width and len(sizes) == len(shape) and sizes[-1:] == [width] and math.prod(sizes) == len(values):
            hidden = [self._hides(name) for name in columns]
            values = [None if hidden[at % width] else value for at, value in enumerate(values)]
        elif not answers or any(map(self._hides, columns)):
            values = []
        return {**tensor, "values": values}

    def _hides(self, name: Json) -> bool:
        return not isinstance(name, str) or self._told.search(name) is not None
