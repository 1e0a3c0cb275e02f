"""What a setting's value may be: each kind reads a TOML value or says why it cannot."""

import re
from pathlib import Path
from typing import Protocol

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class Kind[T](Protocol):
    @property
    def means(self) -> str:
        """What to give, as the object of a sentence: "a number from 0 to 65535"."""
        ...

    def read(self, value: object) -> T:
        """The value, checked. Raises ValueError with the reason in plain words."""
        ...


class Text:
    means = "a non-empty text"

    def read(self, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("it is not a text, or an empty one")
        return value


class Port:
    means = "a port, 0 to 65535; 0 takes any free one"

    def read(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("it is not a whole number")
        if not 0 <= value <= 65535:
            raise ValueError("there is no such port")
        return value


class Folder:
    means = "a path; a relative one starts at the configuration file"

    def read(self, value: object) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError("it is not a path")
        if value.startswith("~"):
            raise ValueError("'~' is the shell's; the file has no home folder")
        return Path(value)


class Choice:
    def __init__(self, *choices: str) -> None:
        self.choices = choices

    @property
    def means(self) -> str:
        return f"one of {', '.join(repr(choice) for choice in self.choices)}"

    def read(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValueError("it is none of the choices")
        return value


class Names:
    means = "a list of texts"

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise ValueError("it is not a list of texts")
        return tuple(value)


class HostNames(Names):
    means = "a list of host names, such as ['data.example.org', '*.example.com']"

    def read(self, value: object) -> tuple[str, ...]:
        names = super().read(value)
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f"{name!r} is not a host name (no scheme, no port, no path)")
        return names
