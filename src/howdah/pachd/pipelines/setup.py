"""What a worker is given: the transform, and the secrets that it mounts."""

import posixpath
from collections.abc import Iterable, Mapping

from howdah.errors import Invalid
from howdah.pachd.pipelines import secrets
from howdah.pachd.pipelines.records import PipelineInfo
from howdah.pachd.pipelines.spec import SecretMount
from howdah.pachd.pipelines.workers.task import WorkerSetup
from howdah.pachd.storage.database import Connection


def worker_setup(
    connection: Connection, info: PipelineInfo, number: int, environment: Mapping[str, str]
) -> WorkerSetup:
    """Raises Invalid if a secret has gone since the pipeline was created."""
    spec = info.spec
    held = {mount.name: secrets.read(connection, mount.name).data for mount in spec.transform.secrets}
    env, files = mounted(spec.transform.secrets, held)
    return WorkerSetup(
        pipeline=info.ref,
        spec_commit=info.spec_commit.id,
        transform=spec.transform,
        limits=spec.limits,
        number=number,
        env={**environment, **env},
        secret_files=files,
    )


def mounted(
    mounts: Iterable[SecretMount], held: Mapping[str, Mapping[str, bytes]]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Variables and files (by absolute path) of secrets whose data is `held` by name.

    Raises Invalid for a key that is not there.
    """
    env: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for mount in mounts:
        data = held[mount.name]
        if mount.key and mount.key not in data:
            raise Invalid(f"secret {mount.name} has no key {mount.key} any more")
        if mount.env_var:
            env[mount.env_var] = data[mount.key].decode(errors="surrogateescape")
        if mount.mount_path:
            chosen = {mount.key: data[mount.key]} if mount.key else data
            for key, value in chosen.items():
                files[posixpath.join(mount.mount_path, key)] = value
    return env, files
