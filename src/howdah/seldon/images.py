"""Container images by name: which program stands for one here.

Our own images run as what is in them. Any other name must be a folder `images/<name>/`, whose
Dockerfile says what it starts; a component written for `seldon-core-microservice` is hosted by
our own program with the same interface.
"""

import json
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from howdah.errors import Invalid, NotFound

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
    """The image again where it has requirements of its own: an environment is made of exactly those."""


def folder_name(image: str) -> str:
    """`registry:5000/team/name:tag@sha256:…` -> `name`."""
    return image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]


def resolve(image: str, command: tuple[str, ...], images: Path) -> Program:
    """`command` is the manifest's own command and arguments, which replace the image's."""
    name = folder_name(image)
    if name in OWN and not command:
        return Program(SERVE, env=(("MLSERVER_MODEL_IMPLEMENTATION", OWN[name]),))
    folder = images / name
    if not folder.is_dir() and name not in OWN:
        raise NotFound(
            f"image {image} is not known here: there is no folder images/{name}/, and it is none of "
            f"{', '.join(sorted(OWN))}"
        )
    env, started = _dockerfile(folder / "Dockerfile")
    program = _program(command or started, env, folder)
    return replace(program, environment=image) if (folder / "requirements.txt").exists() else program


def _dockerfile(path: Path) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise Invalid(f"{path.parent.name}/ has no Dockerfile that says what to start") from None
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


def _program(words: tuple[str, ...], env: tuple[tuple[str, str], ...], folder: Path) -> Program:
    variables = dict(env)
    expanded = [re.sub(r"\$\{?(\w+)\}?", lambda m: variables.get(m[1], ""), word) for word in words]
    match expanded:
        case ["seldon-core-microservice", *arguments]:
            return Program(COMPONENT, tuple(arguments), env, folder)
        case [python, "-m", "seldon_core.microservice", *arguments] if python.startswith("python"):
            return Program(COMPONENT, tuple(arguments), env, folder)
        case [python, "-m", module, *arguments] if python.startswith("python"):
            return Program(module, tuple(arguments), env, folder)
        case ["mlserver", "start", *_]:
            return Program(SERVE, (), env, folder)
    raise Invalid(
        f"images/{folder.name}/ starts {shlex.join(words) or 'nothing'}: only `python -m MODULE`, "
        "`seldon-core-microservice CLASS` and `mlserver start` can be run without containers"
    )
