"""What S3 calls the ways in which a request can fail."""

from xml.sax.saxutils import escape

from starlette.responses import Response

from howdah.core import logs
from howdah.errors import AlreadyExists, Conflict, Invalid, NotFound
from howdah.pachd.versions.errors import (
    BranchNotFound,
    CommitNotFound,
    InvalidPath,
    ProjectNotFound,
    RepoNotFound,
)
from howdah.pachd.wire.errors import TooLarge
from howdah.pachd.wire.status import Code, status_of

_log = logs.get("pachd.wire.s3")


class S3Failure(Invalid):
    """A failure with S3's own code."""

    code = "InvalidRequest"
    http = 400


class InvalidBucketName(S3Failure):
    code = "InvalidBucketName"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not [commit.][branch.]repo[.project]")


class BucketNotEmpty(S3Failure):
    code, http = "BucketNotEmpty", 409


class MethodNotAllowed(S3Failure):
    code, http = "MethodNotAllowed", 405


class NotImplementedHere(S3Failure):
    code, http = "NotImplemented", 501


class AccessDenied(S3Failure):
    code, http = "AccessDenied", 403


class InvalidAccessKeyId(S3Failure):
    code, http = "InvalidAccessKeyId", 403


class SignatureDoesNotMatch(S3Failure):
    code, http = "SignatureDoesNotMatch", 403


class RequestTimeTooSkewed(S3Failure):
    code, http = "RequestTimeTooSkewed", 403


class InvalidRange(S3Failure):
    code, http = "InvalidRange", 416


class NoSuchUpload(S3Failure):
    code, http = "NoSuchUpload", 404


class InvalidPart(S3Failure):
    code = "InvalidPart"


class InvalidArgument(S3Failure):
    code = "InvalidArgument"


class MalformedXml(S3Failure):
    code = "MalformedXML"


class IncompleteBody(S3Failure):
    code = "IncompleteBody"


class ContentMismatch(S3Failure):
    code = "XAmzContentSHA256Mismatch"


_BUCKETS_MISSING = (RepoNotFound, BranchNotFound, ProjectNotFound, CommitNotFound)


def told(error: Exception) -> tuple[str, int]:
    """S3's code and the HTTP status."""
    if isinstance(error, S3Failure):
        return error.code, error.http
    if isinstance(error, _BUCKETS_MISSING):
        return "NoSuchBucket", 404
    if isinstance(error, NotFound):
        return "NoSuchKey", 404
    if isinstance(error, InvalidPath):
        return "InvalidObjectName", 400
    if isinstance(error, AlreadyExists):
        return "BucketAlreadyOwnedByYou", 409
    if isinstance(error, TooLarge):
        return "EntityTooLarge", 400
    if isinstance(error, Conflict):
        return "OperationAborted", 409
    if isinstance(error, Invalid):
        return "InvalidRequest", 400
    status = status_of(error)
    return ("ServiceUnavailable" if status.http == 503 else "InternalError"), status.http


def response(error: Exception, resource: str) -> Response:
    code, http = told(error)
    status = status_of(error)
    if status.code is Code.INTERNAL:
        _log.error("request failed", resource=resource, exc_info=error)
    what, where = escape(status.message), escape(resource)
    said = f"<Code>{code}</Code><Message>{what}</Message><Resource>{where}</Resource>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{said}</Error>'
    headers = {}
    if isinstance(error, InvalidRange):
        headers["content-range"] = "bytes */*"
    return Response(body, http, headers, media_type="application/xml")
