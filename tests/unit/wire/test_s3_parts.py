"""The gateway's small parts: names, ranges, signatures, XML."""

import secrets
from dataclasses import replace
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from howdah.core.clock import SystemClock
from howdah.pachd.wire.credentials import new_token
from howdah.pachd.wire.s3 import signing
from howdah.pachd.wire.s3.failures import (
    AccessDenied,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidBucketName,
    InvalidRange,
    MalformedXml,
    RequestTimeTooSkewed,
    S3Failure,
    SignatureDoesNotMatch,
)
from howdah.pachd.wire.s3.listing import Asked
from howdah.pachd.wire.s3.markup import children
from howdah.pachd.wire.s3.names import Bucket
from howdah.pachd.wire.s3.numbers import number
from howdah.pachd.wire.s3.payload import _unchunked
from howdah.pachd.wire.s3.ranges import resolve

ID = "0123456789ab4cdef0123456789abcde"


class LaterClock(SystemClock):
    def now_ns(self) -> int:
        return super().now_ns() + 3_600_000_000_000


@pytest.mark.parametrize(
    ("name", "branch", "commit"),
    [
        ("images", "default/images@master", ""),
        ("dev.images", "default/images@dev", ""),
        ("dev.images.vision", "vision/images@dev", ""),
        (f"{ID}.images", "default/images@master", ID),
        (f"{ID}.dev.images", "default/images@dev", ID),
        (f"{ID}.dev.images.vision", "vision/images@dev", ID),
    ],
)
def test_names(name: str, branch: str, commit: str) -> None:
    bucket = Bucket.parse(name)
    assert (str(bucket.branch), bucket.commit_id) == (branch, commit)


@pytest.mark.parametrize("name", [ID, "a..b", "", ".", "a.b.c.d", f"{ID}.a.b.c.d"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidBucketName):
        Bucket.parse(name)


@given(st.integers(1, 500), st.integers(0, 600), st.none() | st.integers(0, 600))
def test_ranges_are_those_of_a_slice(size: int, first: int, last: int | None) -> None:
    data = bytes(index % 256 for index in range(size))
    expected = data[first:] if last is None else data[first : last + 1]
    header = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert resolve(header, size) is None
    elif not expected:
        with pytest.raises(InvalidRange):
            resolve(header, size)
    else:
        found = resolve(header, size)
        assert found is not None
        start, length = found
        assert data[start : start + length] == expected


@pytest.mark.parametrize("header", [None, "", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=a-b"])
def test_what_is_no_single_range_is_ignored(header: str | None) -> None:
    assert resolve(header, 10) is None


DIGITS = "9" * 5000


@pytest.mark.parametrize(("header", "got"), [(f"bytes=-{DIGITS}", (0, 10)), (f"bytes=2-{DIGITS}", (2, 8))])
def test_a_number_may_have_any_length(header: str, got: tuple[int, int]) -> None:
    assert resolve(header, 10) == got
    with pytest.raises(InvalidRange):
        resolve(f"bytes={DIGITS}-", 10)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "²", "١", " 1", "x"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None
    with pytest.raises(InvalidArgument):
        Asked.of("images", {"max-keys": text})


def test_a_page_is_bounded() -> None:
    assert Asked.of("images", {"max-keys": DIGITS}).most == 1000


@pytest.mark.parametrize("expires", ["²", "", "-1"])
def test_an_address_that_expires_at_no_time_is_refused(expires: str) -> None:
    token, hashed = new_token()
    good = plain(signed(token, URL, presigned=True))
    query = good.query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={quote(expires)}")
    assert query != good.query
    with pytest.raises(InvalidArgument, match="not a version 4 signature"):
        signing.check(replace(good, query=query), hashed, SystemClock())


def test_an_address_that_expires_never_is_compared_as_any_other() -> None:
    token, hashed = new_token()
    good = plain(signed(token, URL, presigned=True))
    query = good.query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={DIGITS}")
    with pytest.raises(SignatureDoesNotMatch):
        signing.check(replace(good, query=query), hashed, SystemClock())


def signed(token: str, url: str, presigned: bool = False) -> signing.Signed:
    """As botocore signs it."""
    request = AWSRequest("GET", url, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    credentials = Credentials(token, token)
    signer = S3SigV4QueryAuth if presigned else S3SigV4Auth
    request.context["payload_signing_enabled"] = False
    signer(credentials, "s3", "us-east-1").add_auth(request)
    prepared = request.prepare()
    address, _, query = str(prepared.url).partition("?")
    headers = {name.lower(): str(value) for name, value in prepared.headers.items()}
    headers.setdefault("host", "127.0.0.1:30600")
    return signing.Signed("GET", "/" + address.split("/", 3)[3], query, headers)


URL = "http://127.0.0.1:30600/master.images/a%20b/c?prefix=x%2Fy&list-type=2"


def plain(request: signing.Signed) -> signing.Signed:
    return signing.Signed(request.method, "/master.images/a b/c", request.query, request.headers)


@pytest.mark.parametrize("presigned", [False, True])
def test_botocores_signature_is_ours(presigned: bool) -> None:
    token, hashed = new_token()
    signing.check(plain(signed(token, URL, presigned)), hashed, SystemClock())


@pytest.mark.parametrize("key", ["100%", "100%25", "%2F", "a+b c~!'()"])
def test_every_key_can_be_signed(key: str) -> None:
    token, hashed = new_token()
    sent = signed(token, f"http://127.0.0.1:30600/images/{quote(key, safe='/-_.~')}")
    signing.check(signing.Signed("GET", f"/images/{key}", sent.query, sent.headers), hashed, SystemClock())


@pytest.mark.parametrize("presigned", [False, True])
def test_another_token_path_query_or_time_is_refused(presigned: bool) -> None:
    token, hashed = new_token()
    good = plain(signed(token, URL, presigned))
    with pytest.raises(InvalidAccessKeyId):
        signing.check(plain(signed(secrets.token_urlsafe(), URL, presigned)), hashed, SystemClock())
    for path, query in (("/master.images/other", good.query), (good.path, good.query + "&x=1")):
        with pytest.raises(SignatureDoesNotMatch):
            signing.check(signing.Signed("GET", path, query, good.headers), hashed, SystemClock())
    with pytest.raises(SignatureDoesNotMatch):
        signing.check(signing.Signed("PUT", good.path, good.query, good.headers), hashed, SystemClock())
    with pytest.raises((RequestTimeTooSkewed, AccessDenied)):
        signing.check(good, hashed, LaterClock())


def test_an_unsigned_request_is_refused() -> None:
    _, hashed = new_token()
    with pytest.raises(AccessDenied):
        signing.check(signing.Signed("GET", "/a", "", {}), hashed, SystemClock())


@given(st.text(max_size=200), st.text(max_size=50), st.text(max_size=200))
def test_any_header_is_refused_and_never_crashes(authorization: str, date: str, query: str) -> None:
    _, hashed = new_token()
    headers = {"authorization": authorization, "x-amz-date": date}
    for request in (signing.Signed("GET", "/", query, headers), signing.Signed("GET", "/", query, {})):
        with pytest.raises(S3Failure):
            signing.check(request, hashed, SystemClock())


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.integers(1, 60))
def test_amazons_chunks_are_undone_however_they_arrive(parts: list[bytes], at_once: int) -> None:
    body = b"".join(b"%x;chunk-signature=ab\r\n%s\r\n" % (len(part), part) for part in parts)
    body += b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    arriving = (body[start : start + at_once] for start in range(0, len(body), at_once))
    assert b"".join(_unchunked(arriving)) == b"".join(parts)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_chunks_are_refused(body: bytes) -> None:
    try:
        read = b"".join(_unchunked(iter([body])))
    except S3Failure:
        return
    assert len(read) < len(body)


@given(st.binary(max_size=300))
def test_documents_are_read_or_refused(data: bytes) -> None:
    try:
        children(data, "Object")
    except MalformedXml:
        return
    assert data.lstrip()


def test_a_document_with_entities_is_refused_unread() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><Delete><Object><Key>&b;</Key></Object></Delete>'
    with pytest.raises(MalformedXml):
        children(bomb, "Object")
