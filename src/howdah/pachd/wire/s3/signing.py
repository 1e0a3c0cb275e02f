"""Signature version 4, checked: in the header, or in the query of a presigned address.

As with Pachyderm, access key and secret are both the token. So the key id, which is sent as it is,
shows whether the sender knows the token, and is the secret with which the signature is computed
again: we keep only the token's hash.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from howdah.core.clock import Clock
from howdah.pachd.wire.credentials import TokenHash
from howdah.pachd.wire.s3.failures import (
    AccessDenied,
    InvalidAccessKeyId,
    InvalidArgument,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from howdah.pachd.wire.s3.numbers import number
from howdah.pachd.wire.s3.payload import HASH_HEADER

_ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW_S = 15 * 60
_LONGEST_PRESIGNED_S = 7 * 24 * 3600
_HEADER = re.compile(
    rf"{_ALGORITHM} Credential=([^,/]+)/([0-9]{{8}})/([^,/]+)/s3/aws4_request, *"
    r"SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Signed:
    """As much of a request as its signature covers. Header names in lower case; `path` without percent signs
    that stand for something else, `query` as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Claim:
    key: str
    day: str
    region: str
    at: str
    signed_headers: str
    signature: str
    payload_hash: str
    presigned_for_s: int | None = None


def check(request: Signed, token: TokenHash, clock: Clock) -> None:
    """Return, or raise one of S3's failures."""
    claim = _claim(request)
    if not token.matches(claim.key):
        raise InvalidAccessKeyId("the access key is not this server's token")
    _check_time(claim, clock)
    if "host" not in claim.signed_headers.split(";"):
        raise SignatureDoesNotMatch("the signature must cover the host header")
    if not hmac.compare_digest(signature(request, claim), claim.signature):
        raise SignatureDoesNotMatch("the request does not match its signature")


def _claim(request: Signed) -> _Claim:
    given = request.headers.get("authorization")
    if given is not None:
        match = _HEADER.fullmatch(given)
        if match is None:
            raise InvalidArgument("the Authorization header is not a version 4 signature for s3")
        key, day, region, signed, sent = match.groups()
        payload = request.headers.get(HASH_HEADER, "")
        return _Claim(key, day, region, request.headers.get("x-amz-date", ""), signed, sent, payload)
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if query.get("X-Amz-Algorithm") != _ALGORITHM:
        raise AccessDenied("this server asks for signed requests; sign with the token as key and as secret")
    scope = query.get("X-Amz-Credential", "").split("/")
    expires_s = number(query.get("X-Amz-Expires", ""))
    if len(scope) != 5 or scope[3:] != ["s3", "aws4_request"] or expires_s is None:
        raise InvalidArgument("the query is not a version 4 signature for s3")
    return _Claim(
        key=scope[0],
        day=scope[1],
        region=scope[2],
        at=query.get("X-Amz-Date", ""),
        signed_headers=query.get("X-Amz-SignedHeaders", ""),
        signature=query.get("X-Amz-Signature", ""),
        payload_hash="UNSIGNED-PAYLOAD",
        presigned_for_s=min(expires_s, _LONGEST_PRESIGNED_S),
    )


def _check_time(claim: _Claim, clock: Clock) -> None:
    try:
        at = datetime.strptime(claim.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidArgument("the request has no x-amz-date") from error
    age_s = clock.now_ns() / 1e9 - at.timestamp()
    if claim.presigned_for_s is not None and age_s > claim.presigned_for_s:
        raise AccessDenied("the presigned address has expired")
    if age_s < -_SKEW_S or (claim.presigned_for_s is None and age_s > _SKEW_S):
        raise RequestTimeTooSkewed("the request was signed too long ago, or the clocks differ")


def signature(request: Signed, claim: _Claim) -> str:
    names = claim.signed_headers.split(";")
    canonical = "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            _canonical_query(request.query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            claim.signed_headers,
            claim.payload_hash,
        )
    )
    scope = f"{claim.day}/{claim.region}/s3/aws4_request"
    to_sign = "\n".join((_ALGORITHM, claim.at, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{claim.key}".encode()
    for part in (claim.day, claim.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded if name != "X-Amz-Signature")
