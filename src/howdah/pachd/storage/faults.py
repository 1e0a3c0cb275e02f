"""What the system says of the disk, in our words.

Whatever it is (no room, an I/O error, no descriptor left), it is not a fault of what is stored, and it
may be over later: Unavailable. Whether a name is there or not is an answer, and stays what it is.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from howdah.errors import Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


def in_our_words(place: Path | str, error: OSError) -> Unavailable:
    if error.errno in _FULL:
        return Unavailable(f"{place}: the disk is full; free some space and try again")
    if error.errno in _NO_DESCRIPTOR:
        return Unavailable(f"{place}: too many files are open ({error}); raise the limit (ulimit -n)")
    return Unavailable(f"{place}: the disk reports an error ({error})")


@contextmanager
def told_as_unavailable(place: Path | str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        raise in_our_words(place, error) from error
