"""From a member of a group to the process to start: its environment, secrets and model folder."""

import base64
import fnmatch
import json
import os
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from howdah.core.json import as_object, as_text
from howdah.errors import Invalid, NotFound
from howdah.processes.environments import Environment
from howdah.seldon import objects
from howdah.seldon.children import Launch, Running
from howdah.seldon.desired import ENGINE_NODE
from howdah.seldon.objects import Objects
from howdah.seldon.plan import Slot, State
from howdah.seldon.workload import Group, Member

BESIDE = "howdah.runtimes.beside"
PICKLES = {".joblib", ".pickle", ".pkl", ".dill"}


class NotTrusted(Invalid):
    """The model is a pickle and nobody has said that it may be loaded."""


class SecretMissing(NotFound):
    """A secret or a key of it that a variable comes from is not there (yet)."""


@dataclass(frozen=True, slots=True)
class LogPolicy:
    folder: Path
    rotate_s: float = 60.0
    rotate_rows: int = 10_000


class Launcher:
    def __init__(self, store: Objects, folder: Path, trusted: Sequence[str], log: LogPolicy) -> None:
        self._store, self._folder, self._trusted, self._log = store, folder, trusted, log
        self._written: dict[Path, str] = {}

    def variables(self, namespace: str, secret: str) -> dict[str, str]:
        """What the named secret holds, decoded; nothing if none is named."""
        if not secret:
            return {}
        try:
            found = self._store.get(objects.SECRETS, namespace, secret)
        except NotFound:
            raise NotFound(f"secret {secret} does not exist in namespace {namespace}") from None
        data = as_object(found.get("data"))
        return {key: _text(secret, key, as_text(value)) for key, value in data.items()}

    def launch(
        self, group: Group, member: Member, slot: Slot, model: Path | None, environment: Environment | None
    ) -> Launch:
        env = dict(member.env)
        env.update(self._secrets(group.namespace, member))
        if model is not None:
            env["MLSERVER_MODEL_URI"] = str(model)
            env["HOWDAH_TRUST_PICKLE"] = "1" if self._may_load(member, model) else ""
        if env.pop("HOWDAH_LOG", "") == "on":
            folder = self._log.folder / f"{group.namespace}~{group.deployment}"
            env["HOWDAH_LOG_FOLDER"] = str(folder)
            env["HOWDAH_LOG_ROTATE_S"] = str(self._log.rotate_s)
            env["HOWDAH_LOG_ROTATE_ROWS"] = str(self._log.rotate_rows)
        if member.name == ENGINE_NODE:
            env["HOWDAH_ENDPOINTS"] = str(self._endpoints_file(slot.group, slot.revision))
        env["HOWDAH_STATE_FOLDER"] = str(self._writable(slot))
        if environment is None:
            return Launch(
                member.program, member.arguments, tuple(env.items()), memory_bytes=member.memory_bytes
            )
        if environment.app is not None:
            env["HOWDAH_APP"] = str(environment.app)
        paths = sysconfig.get_paths()
        behind = os.pathsep.join(dict.fromkeys((paths["purelib"], paths["platlib"])))
        return Launch(
            BESIDE,
            (behind, member.program, *member.arguments),
            tuple(env.items()),
            python=str(environment.path[0] / "python"),
            memory_bytes=member.memory_bytes,
        )

    def _secrets(self, namespace: str, member: Member) -> Iterator[tuple[str, str]]:
        """The variables that come from secrets. Raises SecretMissing rather than leave one empty."""
        for variable, secret, key in member.secret_env:
            try:
                found = self._store.get(objects.SECRETS, namespace, secret)
                value = as_object(found.get("data"))[key]
            except (NotFound, KeyError) as missing:
                if variable in member.optional_env:
                    continue
                lacks = f"has no key {key}" if isinstance(missing, KeyError) else "does not exist"
                raise SecretMissing(
                    f"secret {secret} in namespace {namespace} {lacks}: {member.name} has its variable "
                    f"{variable} from there and starts once it is there"
                ) from None
            yield variable, _text(secret, key, as_text(value))

    def publish_endpoints(self, running: Iterable[Running]) -> None:
        """Tell every graph executor where its nodes are: a file, replaced whole."""
        found: dict[Path, dict[str, list[list[int]]]] = {}
        for child in running:
            slot = child.slot
            nodes = found.setdefault(self._endpoints_file(slot.group, slot.revision), {})
            if slot.member != ENGINE_NODE and child.state is State.READY and not child.exited:
                nodes.setdefault(slot.member, []).append([child.http_port, child.grpc_port])
        for path, nodes in found.items():
            text = json.dumps(nodes, sort_keys=True)
            if self._written.get(path) != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                fresh = path.with_suffix(".new")
                fresh.write_text(text)
                fresh.replace(path)
                self._written[path] = text

    def _may_load(self, member: Member, model: Path) -> bool:
        pickles = [path.name for path in model.rglob("*") if path.suffix in PICKLES]
        uri = member.model.uri if member.model is not None else ""
        trusted = any(fnmatch.fnmatchcase(uri, pattern) for pattern in self._trusted)
        if pickles and not trusted and not self._has_safe_format(model):
            raise NotTrusted(
                f"{uri} holds {', '.join(sorted(pickles)[:3])}, and loading a pickle runs "
                "whatever code is in it: list the address under [serving] trusted_pickles in howdah.toml "
                "if you trust where it came from"
            )
        return trusted

    def _has_safe_format(self, model: Path) -> bool:
        return any(path.suffix in (".skops", ".onnx", ".keras") for path in model.rglob("*"))

    def _endpoints_file(self, group: str, revision: str) -> Path:
        return self._folder / "endpoints" / f"{group}#{revision}.json".replace("/", "~")

    def _writable(self, slot: Slot) -> Path:
        """Where a server may keep state of its own, such as an online detector's: one for each replica,
        the same for all revisions, so that state survives an update of anything but the place itself."""
        name = f"{slot.group}/{slot.member}/{slot.index}".replace("/", "~")
        folder = self._folder / "server-state" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _text(secret: str, key: str, value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except ValueError:
        raise Invalid(f"secret {secret}: {key} is no UTF-8 text, which a variable has to be") from None
