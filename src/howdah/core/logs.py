"""What Howdah says while it runs: events with fields, for people or for machines.

    log = logs.get("pachd.versions")
    log.info("commit finished", commit=str(ref), size_bytes=size)

A terminal gets aligned, coloured lines; anything else gets one JSON object a line.
`configure` is called once, by the edge; until then nothing below a warning is printed.

Features of a model's input, its answers and credentials never belong in a log. Fields
whose names say that they hold such things are struck out here, at any depth, and long
values are cut, so that a slip elsewhere leaks a name and not a patient.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TextIO

STRUCK = "[struck out]"
LONGEST = 2_000
FEATURES = frozenset(
    [
        "features",
        "feature",
        "values",
        "row",
        "rows",
        "instance",
        "instances",
        "inputs",
        "outputs",
        "input",
        "output",
        "request_body",
        "response_body",
        "body",
        "payload",
        "data",
        "ndarray",
        "tensor",
        "prediction",
        "predictions",
        "label",
        "labels",
        "explanation",
        "record",
        "sample",
    ]
)
CREDENTIALS = frozenset(
    [
        "token",
        "password",
        "secret",
        "secrets",
        "authorization",
        "api_key",
        "access_key",
        "secret_key",
        "cookie",
    ]
)
PRIVATE = FEATURES | CREDENTIALS


class Log(Protocol):
    """What a module holds: events are short constant phrases, everything else is a field."""

    def debug(self, event: str, **fields: object) -> None: ...
    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...
    def exception(self, event: str, **fields: object) -> None:
        """As `error`, with the traceback of the exception being handled (without its locals)."""
        ...

    def bind(self, **fields: object) -> "Log":
        """A log whose every event carries these fields."""
        ...


@dataclass(frozen=True, slots=True)
class _Way:
    """Where events go, and how they look."""

    least: int
    human: bool
    out: TextIO | None
    """None: standard error, whatever that is by then."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr if self.out is None else self.out


_way = _Way(logging.WARNING, human=True, out=None)
_writing = threading.Lock()


def get(name: str) -> Log:
    """The log of one part, such as "pachd.versions"; obeys `configure`, earlier or later."""
    return _PartLog({"part": name})


def configure(level: str = "info", format: str = "auto", out: TextIO | None = None) -> None:
    """Sets where events go and how they look: `format` is auto, human or json."""
    global _way  # the one setting of a process, made once, by its edge
    stream = sys.stderr if out is None else out
    human = format == "human" or (format == "auto" and stream.isatty())
    _way = _Way(logging.getLevelNamesMapping()[level.upper()], human, out)


class _PartLog:
    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def bind(self, **fields: object) -> Log:
        return _PartLog({**self._fields, **fields})

    def debug(self, event: str, **fields: object) -> None:
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._say(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        self._say(logging.ERROR, event, {"exc_info": sys.exception(), **fields})

    def _say(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        way = _way
        if level < way.least:
            return
        safe = {name: _safe(name, value) for name, value in {**self._fields, **fields}.items()}
        error = safe.pop("exc_info", None)
        name = logging.getLevelName(level).lower()
        text = (_line if way.human else _document)(name, event, safe, _traceback(error), way.stream)
        with _writing:  # a line at a time, whichever thread speaks
            way.stream.write(text + "\n")
            way.stream.flush()


def _traceback(error: object) -> str:
    """Without the values of variables: those may be features."""
    return "".join(traceback.format_exception(error)).rstrip() if isinstance(error, BaseException) else ""


def _document(level: str, event: str, fields: Mapping[str, object], trace: str, out: TextIO) -> str:
    at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    said = {**fields, "event": event, "level": level, "timestamp": at}
    return json.dumps(said | ({"exception": trace} if trace else {}), default=str)


_COLOURS = {"debug": "32", "info": "32", "warning": "33", "error": "31"}
_EVENT_WIDTH = 30


def _line(level: str, event: str, fields: Mapping[str, object], trace: str, out: TextIO) -> str:
    colours = out.isatty()

    def coloured(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colours else text

    shown = (f"{coloured(name, '36')}={coloured(_value(value), '35')}" for name, value in fields.items())
    head = (
        coloured(f"{datetime.now().astimezone():%H:%M:%S}", "2"),
        f"[{coloured(f'{level:<9}', _COLOURS[level])}]",
        coloured(f"{event:<{_EVENT_WIDTH}}", "1"),
    )
    return " ".join((*head, *shown)).rstrip() + (f"\n{trace}" if trace else "")


def _value(value: object) -> str:
    """As it is, where that cannot be misread."""
    return value if isinstance(value, str) and value.isprintable() and " " not in value else repr(value)


def _safe(key: str, value: object) -> object:
    if key.lower() in PRIVATE:
        return STRUCK
    if isinstance(value, Mapping):
        return {name: _safe(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_safe("", inner) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}… ({len(value):,} characters)"
    return value
