"""Numbers as clients write them."""

import re

_NUMBER = re.compile(r"[0-9]+")
_DIGITS = 18

BEYOND = 10**_DIGITS
"""Stands for every number that is larger."""


def number(text: str) -> int | None:
    """The decimal number, at most `BEYOND`; None for what is none."""
    if _NUMBER.fullmatch(text) is None:
        return None
    return int(text) if len(text) <= _DIGITS else BEYOND
