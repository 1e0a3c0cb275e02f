"""Columns, times and sizes as the real tool prints them; JSON and YAML as protobuf writes them."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from howdah.client.pachd import Fields
from howdah.core.json import Json
from howdah.errors import Invalid

GREEN, YELLOW, RED = 32, 33, 31


class Encoding(StrEnum):
    JSON = "json"
    YAML = "yaml"


Raw = Annotated[bool, typer.Option("--raw", help="Print the protocol's own messages, as JSON.")]
Output = Annotated[
    Encoding | None, typer.Option("--output", "-o", help="With --raw: json or yaml; implies --raw.")
]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Accepted; nothing goes through a pager here.")]
FullTimestamps = Annotated[
    bool, typer.Option("--full-timestamps", help="Print times whole, not how long ago.")
]


def messages(found: Iterable[Fields], output: Encoding | None) -> None:
    """Each message as one JSON document, or all as YAML documents."""
    from google.protobuf.json_format import MessageToDict

    documents((MessageToDict(message, preserving_proto_field_name=True) for message in found), output)


def documents(found: Iterable[Json], output: Encoding | None) -> None:
    for document in found:
        if output is Encoding.YAML:
            import yaml

            sys.stdout.write("---\n" + yaml.safe_dump(document, sort_keys=False))
        else:
            sys.stdout.write(json.dumps(document, indent=2) + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Left-aligned columns; colours do not count towards a column's width."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(_width(line[place]) for line in lines) for place in range(len(header))]
    for line in lines:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(" ".join(cells).rstrip() + "\n")


def _width(cell: str) -> int:
    plain = cell
    while "\x1b[" in plain:
        before, _, rest = plain.partition("\x1b[")
        plain = before + rest.partition("m")[2]
    return len(plain)


def coloured() -> bool:
    """Whether stdout is a terminal that wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def colour(text: str, code: int) -> str:
    """`text` in colour on a terminal that wants it, plain anywhere else."""
    return f"\x1b[{code}m{text}\x1b[0m" if coloured() else text


def numbers(names: Iterable[str], states: Mapping[int, tuple[str, int]], what: str) -> set[int]:
    """The states that a user names."""
    known = {name: number for number, (name, _) in states.items() if name.isalpha()}
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(f"No {what} state {unknown[0]!r}; there are {', '.join(known)}.")
    return {known[name] for name in names}


def size(count: int) -> str:
    """Binary units with four significant digits, as Pachyderm prints sizes."""
    value, units = float(count), ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    place = 0
    while value >= 1024 and place < len(units) - 1:
        value /= 1024
        place += 1
    return f"{value:.4g}{units[place]}"


def moment(stamp: Fields, full: bool) -> str:
    """How long ago, or the whole time; `-` where nothing is set."""
    if not stamp.seconds and not stamp.nanos:
        return "-"
    then = stamp.ToDatetime(tzinfo=UTC)
    if full:
        return str(then.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return f"{duration((datetime.now(UTC) - then).total_seconds())} ago"


def duration(seconds: float) -> str:
    """One unit, rounded the way people speak."""
    if seconds < 1:
        return "Less than a second"
    steps = (
        (60, 1, "second"),
        (3600, 60, "minute"),
        (48 * 3600, 3600, "hour"),
        (14 * 86400, 86400, "day"),
        (60 * 86400, 7 * 86400, "week"),
        (2 * 365 * 86400, 30 * 86400, "month"),
    )
    for limit, unit, name in steps:
        if seconds < limit:
            count = int(seconds // unit)
            if name == "minute" and count == 1:
                return "About a minute"
            if name == "hour" and count == 1:
                return "About an hour"
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{int(seconds // (365 * 86400))} years"


def progress_bar(done: int, waiting: int, failed: int, width: int = 8) -> str:
    total = done + waiting + failed
    cells = []
    for place in range(width):
        if failed and place == width - 1:
            cells.append(colour("▇", RED))
        elif place * total < done * width:
            cells.append(colour("▇", GREEN))
        elif place * total < (done + waiting) * width:
            cells.append(colour("▇", YELLOW))
        else:
            cells.append(colour("▇", RED) if failed else " ")
    return "".join(cells)


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """`Name: value` lines; what is empty is left out."""
    for name, value in pairs:
        if value:
            sys.stdout.write(f"{name}: {value}\n")


def many(
    found: Iterable[Fields],
    header: Sequence[str],
    row: Callable[[Fields], Sequence[str]],
    raw: bool,
    output: Encoding | None,
    full: bool = False,
) -> None:
    """A table with a row for each, or the messages themselves where they are asked for."""
    if raw_wanted(raw, output, full):
        messages(found, output)
    else:
        table(header, map(row, found))


def one(
    info: Fields,
    told: Iterable[tuple[str, str]],
    raw: bool,
    output: Encoding | None,
    full: bool = False,
) -> None:
    """What is to be told of one thing, or the message itself where that is asked for."""
    if raw_wanted(raw, output, full):
        messages([info], output)
    else:
        facts(told)


def raw_wanted(raw: bool, output: Encoding | None, full: bool = False) -> bool:
    if full and (raw or output):
        raise Invalid("--full-timestamps has no meaning for raw output", remedy="Leave one of the two out.")
    return raw or output is not None
