"""How far something is that takes long, told to whoever began it."""

from collections.abc import Callable

type Progress = Callable[[int, int], None]
"""Told so many bytes more, of so many in all, 0 while that is unknown; what it raises ends the work."""


def unwatched(count: int, total: int) -> None:
    pass
