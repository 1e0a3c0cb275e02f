"""What has to run for a deployment: groups of processes that are rolled out together."""

import hashlib
import json
from dataclasses import asdict, dataclass, field

from pydantic import TypeAdapter

from howdah.core.json import JsonObject


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model comes from, as the manifest says."""

    uri: str
    secret: str = ""
    namespace: str = ""
    """Of the secret."""

    @property
    def commit(self) -> str:
        """The commit that an address on pachd's S3 gateway is pinned to; empty if to none."""
        if not self.uri.startswith("s3://"):
            return ""
        first = self.uri.removeprefix("s3://").split("/")[0].split(".")[0]
        return first if len(first) == 32 and all(c in "0123456789abcdef" for c in first) else ""


@dataclass(frozen=True, slots=True)
class Member:
    """One kind of process in a group: what to run, how often."""

    name: str
    program: str
    """The module that runs, as `python -m`."""
    replicas: int = 1
    model: ModelSource | None = None
    image: str = ""
    env: tuple[tuple[str, str], ...] = ()
    secret_env: tuple[tuple[str, str, str], ...] = ()
    """(variable, secret, key)"""
    optional_env: tuple[str, ...] = ()
    """Of these, the variables that are left out where the secret or its key is missing."""
    arguments: tuple[str, ...] = ()
    memory_bytes: int | None = None
    environment: str = ""
    """The image whose requirements it runs with; empty for the project's own environment."""


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of one predictor, or of one explainer: started together, swapped together.

    A change to anything but the number of replicas makes a new revision, which is started beside
    the old one and takes over when all of it is ready.
    """

    key: str
    namespace: str
    deployment: str
    predictor: str
    members: tuple[Member, ...]
    front: str
    """The member that callers reach."""
    uid: str = ""
    deadline_s: float = 600.0
    explains: bool = False
    revision: str = field(default="", compare=False)

    def with_revision(self) -> "Group":
        said = asdict(self)
        said.pop("revision")
        for member in said["members"]:
            member.pop("replicas")
            if not member["optional_env"]:  # what was written before there were any keeps its revision
                member.pop("optional_env")
        text = json.dumps(said, sort_keys=True).encode()
        hashed = hashlib.blake2b(text, digest_size=5).hexdigest()
        return Group(
            **{name: getattr(self, name) for name in self.__slots__ if name != "revision"}, revision=hashed
        )

    def written(self) -> JsonObject:
        body: JsonObject = json.loads(json.dumps(asdict(self)))
        return body

    @classmethod
    def read(cls, body: JsonObject) -> "Group":
        """What `written` gave."""
        return _GROUPS.validate_python(body)

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)


_GROUPS = TypeAdapter(Group)
