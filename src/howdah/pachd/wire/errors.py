"""What only the wire can find wrong with a call."""

from howdah.errors import Conflict, HowdahError, Invalid, Unavailable


class NotServed(Invalid):
    """This Howdah does not implement the call; it says so by name."""

    def __init__(self, path: str, why: str = "") -> None:
        service, _, name = path.strip("/").partition("/")
        super().__init__(f"{service}/{name} is not implemented by this Howdah" + (f": {why}" if why else ""))


class AuthNotActivated(Invalid):
    """Clients match this text and the code UNIMPLEMENTED, and go on without authentication."""

    def __init__(self) -> None:
        super().__init__("the auth service is not activated")


class Retired(HowdahError):
    """A service that Pachyderm 2.12 itself keeps only to say that it is gone."""

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} server is deprecated")


class Unauthenticated(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "this server asks for a token, and the call carried none that it knows; "
            "pass the token that `howdah up` printed as `authn-token`"
        )


class TooManyWaiting(Unavailable):
    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} calls are already waiting for something to happen; try again later")


class Malformed(Invalid):
    """Bytes that are not the message they should be."""


class TooLarge(Invalid):
    """A message or body above its limit."""
