"""The one folder that holds everything: made, or refused, before anything is opened."""

import os
import stat
from pathlib import Path

from howdah.errors import Unavailable

MODE = 0o700


def prepare(path: Path) -> Path:
    """The folder, existing, private and writable; made if it was missing.

    Refuses in one sentence, leaving nothing behind, when it cannot be. A folder that
    others could enter is closed to them.
    """
    path = path.absolute()
    try:
        path.mkdir(mode=MODE, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Unavailable(
            f"{path} is not a folder",
            why="Howdah keeps its state there.",
            remedy="Move it away or choose another folder with --state.",
        ) from error
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise _refused(path, "you may not read and write there")
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise _refused(path, f"it belongs to user {found.st_uid}, not to you")
    if stat.S_IMODE(found.st_mode) != MODE:
        path.chmod(MODE)
    return path


def read(path: Path, name: str) -> str:
    """A file of the folder; empty where there is none, or not even the folder. Makes nothing."""
    try:
        return (path / name).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise _refused(path.absolute(), f"{name}: {error.strerror or error}") from error


def _refused(path: Path, why: str) -> Unavailable:
    return Unavailable(
        f"the state folder {path} cannot be used",
        why=why,
        remedy="Choose another with --state, HOWDAH_STATE or `state` under [daemon] in howdah.toml.",
    )
