"""Container images by name: which program stands for one here.

Our own images run as what is in them. Any other name must be a folder `images/<name>/`, whose
Dockerfile says what it starts; a component written for `seldon-core-microservice` is hosted by
our own program with the same interface. The folder is copied when a version names it, and that
version runs from the copy for as long as it lives.
"""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from howdah.errors import Invalid, NotFound, Unavailable
from howdah.processes import snapshots

SERVE, COMPONENT = "howdah.runtimes.serve", "howdah.runtimes.component"
OWN = {
    "bundle-server": "bundle",
    "sklearn-server": "sklearn",
    "onnx-server": "onnx",
    "tensorflow-server": "tensorflow",
    "explainer-server": "explainer",
    "detector-server": "detector",
}


@dataclass(frozen=True, slots=True)
class Program:
    module: str
    arguments: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    app: Path | None = None
    """The image's own code, on the path of its process."""
    environment: str = ""
    """NAME@ID of the image where it has requirements of its own: an environment is made of exactly those."""


def folder_name(image: str) -> str:
    """`registry:5000/team/name:tag@sha256:…` -> `name`."""
    return image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]


class Folders:
    """The folder of images, and copies of what stood there under the hash of their content."""

    def __init__(self, images: Path, store: Path) -> None:
        self._images, self._store = images, store

    def keep(self, image: str, known: dict[str, str]) -> Path:
        """The copy that `known` names by its ID; else one of what is there now, which `known` then names."""
        name = folder_name(image)
        if name in known and (kept := self._store / known[name]).is_dir():
            return kept
        if not (self._images / name).is_dir():
            raise NotFound(
                f"image {image} is not known here: there is no folder images/{name}/, and it is none of "
                f"{', '.join(sorted(OWN))}"
            )
        try:
            known[name], kept = snapshots.keep(self._images / name, self._store)
        except OSError as error:
            raise Unavailable(f"images/{name}/ cannot be copied: {error}") from error
        return kept


def resolve(image: str, command: tuple[str, ...], keep: Callable[[str], Path]) -> Program:
    """`command` is the manifest's own command and arguments, which replace the image's."""
    name = folder_name(image)
    if name in OWN and not command:
        return Program(SERVE, env=(("MLSERVER_MODEL_IMPLEMENTATION", OWN[name]),))
    folder = keep(image)
    env, started = _dockerfile(name, folder)
    program = _program(name, command or started, env, folder)
    asks = (folder / "requirements.txt").exists()
    return replace(program, environment=f"{name}@{folder.name}") if asks else program


def _dockerfile(name: str, folder: Path) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    try:
        text = (folder / "Dockerfile").read_text()
    except FileNotFoundError:
        raise Invalid(f"{name}/ has no Dockerfile that says what to start") from None
    env: list[tuple[str, str]] = []
    started: dict[str, tuple[str, ...]] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() in ("CMD", "ENTRYPOINT"):
            started[word.upper()] = _words(rest)
        elif word.upper() == "ENV":
            env += [tuple(pair.split("=", 1)) for pair in shlex.split(rest) if "=" in pair]  # type: ignore[misc]
    return tuple(env), (*started.get("ENTRYPOINT", ()), *started.get("CMD", ()))


def _words(text: str) -> tuple[str, ...]:
    text = text.strip()
    if text.startswith("["):
        return tuple(json.loads(text))
    words = shlex.split(text)
    return tuple(words[1:]) if words[:1] == ["exec"] else tuple(words)


def _program(name: str, words: tuple[str, ...], env: tuple[tuple[str, str], ...], folder: Path) -> Program:
    variables = dict(env)
    expanded = [re.sub(r"\$\{?(\w+)\}?", lambda m: variables.get(m[1], ""), word) for word in words]
    match expanded:
        case ["seldon-core-microservice", *arguments]:
            return Program(COMPONENT, tuple(arguments), env, folder)
        case [python, "-m", "seldon_core.microservice", *arguments] if python.startswith("python"):
            return Program(COMPONENT, tuple(arguments), env, folder)
        case [python, "-m", module, *arguments] if python.startswith("python"):
            return Program(module, tuple(arguments), env, folder)
        case ["mlserver", "start", *folders]:
            return Program(SERVE, tuple(filter(None, folders)), env, folder)
    raise Invalid(
        f"images/{name}/ starts {shlex.join(words) or 'nothing'}: only `python -m MODULE`, "
        "`seldon-core-microservice CLASS` and `mlserver start` can be run without containers"
    )
