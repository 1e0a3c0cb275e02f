"""Words of a command line, read without pydantic where their meaning is plain.

typer hands every value to pydantic, whose import alone takes a quarter of the time of a short
command. Text, choices and defaults need none of it. Whatever is not plain (a number, a path, a
choice that does not exist) still goes to typer, which also words the refusal.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Protocol


class Reader(Protocol):
    """What typer asks to turn a word into a value."""

    def coerce(self, value: object, param: "Parameter", ctx: object) -> object: ...


class Info(Protocol):
    parser: object
    case_sensitive: bool


class Descriptor(Protocol):
    annotation: object
    parameter_info: Info


class Parameter(Protocol):
    multiple: bool
    nargs: int
    type_descriptor: Descriptor
    get_runtime_param: Callable[[], Reader]


def read_plainly[P: Parameter](parameters: list[P]) -> list[P]:
    """The same parameters, from now on reading their values as described above."""
    for parameter in parameters:
        if not getattr(parameter, "reads_plainly", False):
            reader = _Plain(parameter.get_runtime_param)
            vars(parameter).update(reads_plainly=True, get_runtime_param=partial(_same, reader))
    return parameters


def _same(reader: Reader) -> Reader:
    return reader


class _Plain:
    def __init__(self, typers_own: Callable[[], Reader]) -> None:
        self._typers_own = typers_own

    def coerce(self, value: object, param: Parameter, ctx: object) -> object:
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if param.type_descriptor.parameter_info.parser is None:
            found = _plain(value, param.type_descriptor, many)
            if found is not None:
                return found
        return self._typers_own().coerce(value, param, ctx)


def _plain(value: object, descriptor: Descriptor, many: bool) -> object | None:
    """What the value means; None where that is not plain."""
    kind = descriptor.annotation
    if many:
        if kind == list[str] and isinstance(value, Sequence) and not isinstance(value, str):
            return list(value) if all(isinstance(each, str) for each in value) else None
        return None
    if not isinstance(kind, type):
        return None
    if issubclass(kind, Enum):
        return _choice(value, kind, descriptor.parameter_info.case_sensitive)
    # A default has the right type already. True is an int to Python, but not to a user.
    return value if type(value) is kind else None


def _choice(value: object, kind: type[Enum], case_sensitive: bool) -> Enum | None:
    if isinstance(value, kind):
        return value
    for choice in kind:
        if value == choice.value or (not case_sensitive and str(value).lower() == choice.value.lower()):
            return choice
    return None
