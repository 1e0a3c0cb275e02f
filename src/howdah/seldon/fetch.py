"""Bringing models here: copied once, kept by content, verified, read-only.

A model's folder is named after the hash of all its files, so what a server reads can never
change under it: a source that changes gives another folder, for the next revision. Addresses are
`s3://bucket/prefix` with rclone's variables from a secret, and local folders or files.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping, Set
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from howdah.errors import Corrupt, Invalid, NotFound
from howdah.seldon.s3 import Bucket, Remote
from howdah.seldon.workload import ModelSource

FILES_LIMIT, SIZE_LIMIT_BYTES = 10_000, 20 << 30

Variables = Mapping[str, str]
"""What is in the secret that envSecretRefName names."""


class ModelStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._pins = Pins(folder / "pins.json")

    def provide(self, source: ModelSource, variables: Variables) -> Path:
        """The model of a source: what it was when it was first asked for, verified, or fetched anew if
        it is damaged. All processes of a revision have the same, whenever they are started."""
        digest = self._pins.get(source)
        if digest is None:
            folder = self.fetch(source.uri, variables)
            self._pins.put(source, folder.name)
            return folder
        with contextlib.suppress(Corrupt):
            self.verify(self._folder / digest)
            return self._folder / digest
        folder = self.fetch(source.uri, variables)
        if folder.name != digest:
            raise Corrupt(
                f"{source.uri} has changed since this deployment was made, and the copy of what it was is "
                "damaged: give the new model an address of its own, or delete the deployment and make it anew"
            )
        return folder

    def keep(self, sources: Set[ModelSource]) -> None:
        """Forget what all other sources were."""
        self._pins.keep(sources)

    def fetch(self, uri: str, variables: Variables) -> Path:
        """The folder that holds the model; raises what is wrong, in words for a condition."""
        fresh = Path(tempfile.mkdtemp(dir=self._folder, prefix=".fetching-"))
        try:
            _bring(uri, variables, fresh)
            digest = content_hash(fresh)
            if digest is None:
                raise NotFound(f"there are no files at {uri}")
            final = self._folder / digest
            if final.exists() and self._is_whole(final, digest):
                return final
            shutil.rmtree(final, ignore_errors=True)
            _seal(fresh)
            with contextlib.suppress(FileExistsError):
                fresh.rename(final)
            return final
        finally:
            _remove(fresh)

    def _is_whole(self, folder: Path, digest: str) -> bool:
        return content_hash(folder) == digest

    def verify(self, folder: Path) -> None:
        """Before a server reads it: still what was fetched?"""
        if content_hash(folder) != folder.name:
            raise Corrupt(f"the cached model {folder.name} has changed on disk: it will be fetched again")


class Pins:
    """What every source was when it was first asked for; in a file, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        self._digests = found

    def get(self, source: ModelSource) -> str | None:
        return self._digests.get(_key(source))

    def put(self, source: ModelSource, digest: str) -> None:
        with self._lock:
            self._write({**self._digests, _key(source): digest})

    def keep(self, sources: Set[ModelSource]) -> None:
        with self._lock:
            kept = set(map(_key, sources))
            if self._digests.keys() - kept:
                self._write({key: digest for key, digest in self._digests.items() if key in kept})

    def _write(self, digests: dict[str, str]) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(digests, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._digests = digests


def _key(source: ModelSource) -> str:
    """A secret is one of its namespace: elsewhere the same name may lead to another model."""
    return json.dumps([source.namespace, source.uri, source.secret])


def content_hash(folder: Path) -> str | None:
    """A hash of names and contents; None for no files at all."""
    total = hashlib.blake2b(digest_size=16)
    found = False
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = True
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "blake2b")
        total.update(str(path.relative_to(folder)).encode() + b"\0" + inner.digest())
    return total.hexdigest() if found else None


def _bring(uri: str, variables: Variables, into: Path) -> None:
    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        if parts.netloc:
            raise Invalid(f"modelUri {uri}: a local path has three slashes after file:")
        _copy(Path(unquote(parts.path)), into, uri)
    elif parts.scheme in ("s3", "minio", "rclone"):
        _download(Bucket(_remote(parts.scheme, variables), parts.netloc), parts.path.strip("/"), into, uri)
    else:
        raise Invalid(f"modelUri {uri}: {parts.scheme}:// is not fetched here; s3:// and local paths are")


def _remote(scheme: str, variables: Variables) -> Remote:
    def value(name: str, otherwise: str = "") -> str:
        return variables.get(f"RCLONE_CONFIG_{scheme.upper()}_{name}", otherwise)

    endpoint = value("ENDPOINT")
    if not endpoint:
        name = f"RCLONE_CONFIG_{scheme.upper()}_ENDPOINT"
        raise Invalid(f"{name} is not set: name a secret that has it in envSecretRefName")
    return Remote(
        endpoint, value("ACCESS_KEY_ID"), value("SECRET_ACCESS_KEY"), value("REGION") or "us-east-1"
    )


def _copy(source: Path, into: Path, uri: str) -> None:
    if not source.is_absolute() or ".." in source.parts:
        raise Invalid(f"modelUri {uri}: a local path must be absolute and without ..")
    if source.is_file():
        shutil.copyfile(source, into / source.name)
        return
    if not source.is_dir():
        raise NotFound(f"modelUri {uri}: no such file or folder")
    count = size = 0
    for path in sorted(source.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(source.resolve()):
            raise Invalid(f"modelUri {uri}: {path.relative_to(source)} is a link that leaves the folder")
        if path.is_file():
            count, size = _counted(count, size + path.stat().st_size, uri)
            target = into / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _download(bucket: Bucket, prefix: str, into: Path, uri: str) -> None:
    count = size = 0
    for item in bucket.list(prefix):
        below = item.key.removeprefix(prefix).strip("/") if item.key != prefix else PurePosixPath(prefix).name
        if item.key.endswith("/"):
            continue
        if prefix and item.key != prefix and not item.key.startswith(f"{prefix}/"):
            continue
        relative = PurePosixPath(below)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise Invalid(f"modelUri {uri}: {item.key!r} would be written outside the model's folder")
        count, size = _counted(count, size + item.size_bytes, uri)
        target = into / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            got = bucket.get(item.key, file)
        if got != item.size_bytes:
            raise Corrupt(f"modelUri {uri}: {item.key} has {item.size_bytes} bytes, {got} came")


def _counted(count: int, size: int, uri: str) -> tuple[int, int]:
    if count + 1 > FILES_LIMIT or size > SIZE_LIMIT_BYTES:
        raise Invalid(f"modelUri {uri}: more than {FILES_LIMIT} files or {SIZE_LIMIT_BYTES >> 30} GiB")
    return count + 1, size


def _seal(folder: Path) -> None:
    """Durable and read-only."""
    for path in folder.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
            path.chmod(0o444)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
