"""Making bytes survive a power cut, on the systems we run on."""

import os
import sys
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

    def sync_file(fd: int) -> None:
        """Return when the file's bytes and length are on stable storage."""
        # fsync on macOS stops at the drive's cache.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
else:

    def sync_file(fd: int) -> None:
        """Return when the file's bytes and length are on stable storage."""
        os.fdatasync(fd)


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries (creations, renames, deletions) are on stable storage."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
