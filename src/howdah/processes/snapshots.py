"""Folders frozen by their content: copied once under their hash, read-only ever after."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from howdah.errors import Invalid

_SKIPPED = {
    "__pycache__",
    ".git",
    ".venv",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".ipynb_checkpoints",
}
MAX_BYTES = 1 << 30


class SnapshotTooLarge(Invalid):
    """A folder holds more than code should."""


def digest(folder: Path) -> str:
    """A hash of names, contents and what is executable; the same wherever the folder stands."""
    whole = hashlib.blake2b(digest_size=16)
    total = 0
    for relative, path in _files(folder):
        total += path.stat().st_size
        if total > MAX_BYTES:
            raise SnapshotTooLarge(
                f"{folder} holds more than {MAX_BYTES >> 20} MiB; data belongs in a repo, not beside the code"
            )
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        kind = "x" if os.access(path, os.X_OK) else "-"
        name = relative.encode("utf-8", "surrogateescape")
        whole.update(len(name).to_bytes(4, "big") + name + kind.encode() + content)
    return whole.hexdigest()


def keep(folder: Path, store: Path) -> tuple[str, Path]:
    """The folder's hash and a copy of it in `store`, made unless it is there already."""
    name = digest(folder)
    kept = store / name
    if kept.exists():
        return name, kept
    store.mkdir(parents=True, exist_ok=True)
    fresh = store / f".{name}.{uuid.uuid4().hex}"
    fresh.mkdir()
    for relative, path in _files(folder):
        target = fresh / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o555 if os.access(path, os.X_OK) else 0o444)
    if digest(fresh) != name:
        shutil.rmtree(fresh)
        return keep(folder, store)  # it changed under our hands
    try:
        fresh.rename(kept)
    except OSError:
        shutil.rmtree(fresh)  # another thread was faster, with the same content
    return name, kept


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Regular files in a fixed order, links followed as long as they stay inside."""
    root = folder.resolve()
    for path in sorted(_walk(folder)):
        if path.is_file() and path.resolve().is_relative_to(root):
            yield str(path.relative_to(folder)), path


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _SKIPPED:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path
