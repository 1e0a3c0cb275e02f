"""What Howdah says while it runs: events with fields, for people or for machines.

    log = logs.get("pachd.versions")
    log.info("commit finished", commit=str(ref), size_bytes=size)

A terminal gets aligned, coloured lines; anything else gets one JSON object a line.
`configure` is called once, by the edge; until then nothing below a warning is printed.

Features of a model's input, its answers and credentials never belong in a log. Fields
whose names say that they hold such things are struck out here, at any depth, and long
values are cut, so that a slip elsewhere leaks a name and not a patient.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Protocol, TextIO

import structlog

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


def get(name: str) -> Log:
    """The log of one part, such as "pachd.versions"; obeys `configure`, earlier or later."""
    if not structlog.is_configured():
        configure("warning")  # structlog's own default prints everything, to stdout
    log: Log = structlog.get_logger(part=name)
    return log


def configure(level: str = "info", format: str = "auto", out: TextIO | None = None) -> None:
    """Sets where events go and how they look: `format` is auto, human or json."""
    stream = out if out is not None else sys.stderr
    human = format == "human" or (format == "auto" and stream.isatty())
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_plain_traceback)]
        if human
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
            strike_out,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


def strike_out(
    logger: object, method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Replaces private fields and cuts long values; a processor of structlog's."""
    for key, value in event.items():
        if key not in ("event", "exc_info"):
            event[key] = _safe(key, value)
    return event


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


def _plain_traceback(out: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    # Rich tracebacks show local variables, and those hold features.
    structlog.dev.plain_traceback(out, exc_info)
