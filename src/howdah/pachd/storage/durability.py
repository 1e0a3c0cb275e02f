"""Making bytes survive a power cut, on the systems we run on."""

import ctypes
import os
import sys
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

    def sync_file(fd: int) -> None:
        """Return when the file's bytes and length are on stable storage."""
        # fsync on macOS stops at the drive's cache.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)

    def start_writeback(fd: int, start: int, length: int) -> None:
        """Ask for the range to be written soon, without waiting. No such request on macOS."""
else:
    _sync_file_range = ctypes.CDLL(None, use_errno=True).sync_file_range
    _sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    _SYNC_FILE_RANGE_WRITE = 2

    def sync_file(fd: int) -> None:
        """Return when the file's bytes and length are on stable storage."""
        os.fdatasync(fd)

    def start_writeback(fd: int, start: int, length: int) -> None:
        """Ask for the range to be written soon, without waiting. A hint: it promises nothing, and
        whether the system heeds it shows only in how long the next sync takes."""
        _sync_file_range(fd, start, length, _SYNC_FILE_RANGE_WRITE)


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries (creations, renames, deletions) are on stable storage."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """The folder and those above it that are missing; their names are durable when it returns. What
    is durable within a folder is lost with the folder's own name."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    sync_folder(folder.parent)
