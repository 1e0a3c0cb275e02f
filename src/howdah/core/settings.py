"""The one configuration file, `howdah.toml`, as frozen values.

Each section is a dataclass named after the part that obeys it; each setting says its
kind, its default and what it does, and that is all there is to adding one: the reader,
the refusal of what is wrong and `docs/reference/configuration.md` follow from it.

Precedence is settled at the edge, not here: a command's option, then `HOWDAH_STATE` for
the state folder, then the file, then the default. Paths in the file are relative to it.
"""

import copy
import dataclasses
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from howdah.core.setting_kinds import Choice, Folder, HostNames, Kind, Names, Port, Text
from howdah.errors import Invalid, Unavailable

FILE_NAME = "howdah.toml"


def _setting[T](default: T, kind: Kind[T], doc: str) -> T:
    # A field in truth; the caller declares the type that instances have, as with field().
    made: T = field(default=default, metadata={"kind": kind, "doc": doc})
    return made


@dataclass(frozen=True)
class Daemon:
    """Where Howdah lives and listens."""

    state: Path = _setting(
        Path(".howdah"), Folder(), "The one folder that holds everything. Only you may enter it (mode 0700)."
    )
    bind: str = _setting(
        "127.0.0.1",
        Text(),
        "The address that every port listens on. Any but a loopback address needs a token and TLS.",
    )
    pachd_port: int = _setting(30650, Port(), "Pachyderm's gRPC API.")
    s3_port: int = _setting(30600, Port(), "The S3 gateway.")
    http_port: int = _setting(4000, Port(), "The console, the JSON gateway and the Kubernetes API.")
    ingress_port: int = _setting(8003, Port(), "Predictions, by HTTP and gRPC.")


@dataclass(frozen=True)
class Pachd:
    """The embedded Pachyderm."""

    put_file_hosts: tuple[str, ...] = _setting(
        (),
        HostNames(),
        "Hosts that `put file` may fetch a URL from; none by default. Name a host or `*.example.org`.",
    )


@dataclass(frozen=True)
class Pipelines:
    """How pipelines run."""

    unknown_images: str = _setting(
        "host",
        Choice("host", "refuse"),
        "What becomes of a pipeline whose image is no folder under `images/`: "
        "it runs in Howdah's own environment with a warning on the job, or is refused.",
    )


@dataclass(frozen=True)
class Serving:
    """How models are served."""

    trusted_pickles: tuple[str, ...] = _setting(
        (),
        Names(),
        "Model URIs (a prefix ends in `*`) that may be loaded although they are pickle or dill files, "
        "which run code when they are loaded. Never taken from the model's own words.",
    )


@dataclass(frozen=True)
class Logs:
    """What the daemon says."""

    level: str = _setting(
        "info", Choice("debug", "info", "warning", "error"), "The least severe line that is written."
    )
    format: str = _setting(
        "auto",
        Choice("auto", "human", "json"),
        "`auto` writes for people on a terminal and JSON lines anywhere else.",
    )


@dataclass(frozen=True)
class Settings:
    """All of it; `Settings()` is the defaults."""

    daemon: Daemon = field(default_factory=Daemon)
    pachd: Pachd = field(default_factory=Pachd)
    pipelines: Pipelines = field(default_factory=Pipelines)
    serving: Serving = field(default_factory=Serving)
    logs: Logs = field(default_factory=Logs)


@dataclass(frozen=True)
class Described:
    """One setting, for the reference."""

    section: str
    key: str
    default: object
    kind: Kind[object]
    doc: str


def load(folder: Path) -> Settings:
    """The settings of `folder`'s howdah.toml; the defaults where there is none."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return parse("", folder)
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(
            f"{path} cannot be read", why=str(error), remedy=f"Make {path} a readable text file."
        ) from error
    return parse(text, folder)


def parse(text: str, folder: Path) -> Settings:
    """As `load`, from the file's text; relative paths start at `folder`."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(
            f"{FILE_NAME} is not TOML", why=str(error), remedy="Correct the line that is named."
        ) from error
    sections = {each.name: getattr(Settings(), each.name) for each in dataclasses.fields(Settings)}
    for name, table in tables.items():
        if name not in sections:
            raise _unknown(name, list(sections) + [f"{each.section}.{each.key}" for each in described()])
        if not isinstance(table, dict):
            raise Invalid(
                f"{FILE_NAME}: {name} must be a table", remedy=f"Write [{name}] on a line of its own."
            )
    return Settings(
        **{name: _section(name, default, tables.get(name, {}), folder) for name, default in sections.items()}
    )


def described() -> Iterator[Described]:
    """Every setting there is, in the order of the reference."""
    for section in dataclasses.fields(Settings):
        for each in dataclasses.fields(getattr(Settings(), section.name)):
            kind: Kind[object] = each.metadata["kind"]
            yield Described(section.name, each.name, each.default, kind, each.metadata["doc"])


def _section[S](name: str, default: S, table: Mapping[str, object], folder: Path) -> S:
    kinds = {each.key: each.kind for each in described() if each.section == name}
    values: dict[str, object] = {key: getattr(default, key) for key in kinds}
    for key, value in table.items():
        if key not in kinds:
            raise _unknown(f"{name}.{key}", [f"{each.section}.{each.key}" for each in described()])
        values[key] = _read(f"{name}.{key}", kinds[key], value)
    made = copy.copy(default)
    for key, value in values.items():
        if isinstance(value, Path):
            value = folder / value  # an absolute path stays what it is
        object.__setattr__(made, key, value)  # nobody has seen the copy yet
    return made


def _read(key: str, kind: Kind[object], value: object) -> object:
    try:
        return kind.read(value)
    except ValueError as error:
        raise Invalid(
            f"{FILE_NAME}: {key} cannot be {value!r}", why=str(error), remedy=f"Give {kind.means}."
        ) from error


def _unknown(key: str, known: list[str]) -> Invalid:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if not near:
        # The right name in the wrong section is the commonest slip that spelling cannot find.
        last = key.rpartition(".")[2]
        near = [each for each in known if each.rpartition(".")[2] == last]
    remedy = f"Did you mean {near[0]!r}?" if near else f"The keys are: {', '.join(known)}."
    return Invalid(f"{FILE_NAME}: unknown key {key!r}", why="Howdah ignores no setting.", remedy=remedy)
