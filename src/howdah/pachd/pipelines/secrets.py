"""Secrets that pipelines mount: Kubernetes' own documents, kept in the database (mode 0600)."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from howdah.errors import Invalid
from howdah.pachd.pipelines import tables
from howdah.pachd.pipelines.errors import SecretExists, SecretNotFound
from howdah.pachd.pipelines.reading import Reader
from howdah.pachd.pipelines.records import SecretInfo
from howdah.pachd.pipelines.spec import SecretMount
from howdah.pachd.storage.database import Connection
from howdah.pachd.versions import Transaction

OWN = "howdah/own"
"""The type of secrets that the daemon itself keeps for pipelines. They can be mounted and inspected;
listings show what users made, as Pachyderm's do."""


@dataclass(frozen=True, slots=True)
class Secret:
    info: SecretInfo
    data: Mapping[str, bytes]


def create(tx: Transaction, document: bytes) -> SecretInfo:
    """From a Secret manifest in JSON; see `parse`."""
    secret = parse(document, tx.now_ns)
    name = secret.info.name
    if tables.secret(tx.connection, name) is not None:
        raise SecretExists(name)
    data = {key: base64.b64encode(value).decode() for key, value in secret.data.items()}
    tables.put_secret(tx.connection, secret.info, json.dumps(data))
    return secret.info


def parse(document: bytes, now_ns: int = 0) -> Secret:
    """A Secret manifest in JSON; values in `data` are base64, in `stringData` plain. Raises Invalid."""
    try:
        parsed = json.loads(document)
    except ValueError as error:
        raise Invalid(f"failed to unmarshal secret: {error}") from None
    if not isinstance(parsed, dict):
        raise Invalid("failed to unmarshal secret: expected an object")
    root = Reader(parsed)
    name = (root.object("metadata") or Reader({})).text("name")
    if not name:
        raise Invalid("failed to create secret: metadata.name is missing")
    data = {key: _decoded(key, value) for key, value in root.mapping("data").items()}
    data |= {key: value.encode() for key, value in root.mapping("stringData").items()}
    return Secret(SecretInfo(name, now_ns, root.text("type") or "Opaque"), data)


def _decoded(key: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Invalid(f"failed to create secret: data.{key} is not base64") from None


def read(connection: Connection, name: str) -> Secret:
    found = tables.secret(connection, name)
    if found is None:
        raise SecretNotFound(name)
    info, data = found
    return Secret(info, {key: base64.b64decode(value) for key, value in json.loads(data).items()})


def listed(connection: Connection) -> list[SecretInfo]:
    return [info for info in tables.secrets(connection) if info.type != OWN]


def delete(tx: Transaction, name: str) -> None:
    if not tables.delete_secret(tx.connection, name):
        raise SecretNotFound(name)


def check_mount(connection: Connection, mount: SecretMount) -> None:
    """A pipeline may only be created when what it mounts is there."""
    if tables.secret(connection, mount.name) is None:
        raise Invalid(f"missing Kubernetes secret {mount.name}; create it with `pachctl create secret`")
    if mount.key and mount.key not in read(connection, mount.name).data:
        raise Invalid(f"Kubernetes secret {mount.name} missing key {mount.key}")
