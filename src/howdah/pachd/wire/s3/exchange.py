"""One request as the gateway's threads see it."""

from collections.abc import Mapping
from dataclasses import dataclass

from howdah.pachd.wire.s3.payload import Body


@dataclass(frozen=True, slots=True)
class Exchange:
    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Body
