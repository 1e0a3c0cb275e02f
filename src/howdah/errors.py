"""Every error that Howdah raises on purpose: one small tree.

A message says what happened, to which object, and what to do. Subclasses live
beside the code that raises them and carry typed fields; `pachd/wire/status.py`
maps the six branches to gRPC and HTTP codes in one table.

The message is the whole error on the wire, where Pachyderm's clients match its
text. `why` and `remedy` are for a person at a terminal, who is shown all three.
"""


class HowdahError(Exception):
    """The root; raise one of the six below."""

    why: str = ""
    remedy: str = ""

    def __init__(self, what: str = "", *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        if why:
            self.why = why
        if remedy:
            self.remedy = remedy


class NotFound(HowdahError):
    """The named object does not exist."""


class AlreadyExists(HowdahError):
    """The name is taken."""


class Invalid(HowdahError):
    """The request can never succeed as it was made."""


class Conflict(HowdahError):
    """The request is well made but the present state forbids it."""


class Corrupt(HowdahError):
    """Stored bytes are not what they were when they were acknowledged."""


class Unavailable(HowdahError):
    """Not now: a resource is missing, full or closing. Trying later may succeed."""
