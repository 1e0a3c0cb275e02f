"""Errors as Kubernetes Status objects."""

from starlette.responses import JSONResponse

from howdah.core.json import Json, JsonObject
from howdah.errors import AlreadyExists, HowdahError, Invalid, NotFound, Unavailable
from howdah.seldon.kube.resources import Resource
from howdah.seldon.manifests import ManifestInvalid
from howdah.seldon.manifests.parse import FieldsUnknown
from howdah.seldon.objects import Expired, Moved


class Failure(HowdahError):
    """A refusal with its HTTP code and Kubernetes reason."""

    def __init__(self, code: int, reason: str, message: str, details: JsonObject | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details


def bad_request(message: str) -> Failure:
    return Failure(400, "BadRequest", message)


def unauthorized() -> Failure:
    return Failure(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> Failure:
    return Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def no_such_path() -> Failure:
    return Failure(404, "NotFound", "the server could not find the requested resource")


def failure(error: HowdahError, resource: Resource, name: str) -> Failure:
    """What one of our errors is called in this API."""
    about: JsonObject = {"name": name, "group": resource.group, "kind": resource.plural}
    if isinstance(error, Failure):
        return error
    if isinstance(error, FieldsUnknown):
        return Failure(400, "BadRequest", f"{resource.kind} in version {resource.version!r}: {error}")
    if isinstance(error, ManifestInvalid):
        causes: list[Json] = [
            {"reason": found.reason, "message": found.message, "field": found.path} for found in error.errors
        ]
        details = {**about, "kind": resource.kind, "causes": causes}
        return Failure(422, "Invalid", str(error), details)
    if isinstance(error, NotFound):
        return Failure(404, "NotFound", f'{resource.qualified} "{name}" not found', about)
    if isinstance(error, AlreadyExists):
        return Failure(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', about)
    if isinstance(error, Moved):
        message = (
            f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
        return Failure(409, "Conflict", message, about)
    if isinstance(error, Expired):
        return Failure(410, "Expired", str(error))
    if isinstance(error, Invalid):
        return Failure(422, "Invalid", str(error), about)
    if isinstance(error, Unavailable):
        return Failure(503, "ServiceUnavailable", str(error))
    return Failure(500, "InternalError", str(error))


def status_object(failed: Failure) -> JsonObject:
    body: JsonObject = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": failed.message,
        "reason": failed.reason,
        "code": failed.code,
    }
    if failed.details:
        body["details"] = failed.details
    return body


def response(failed: Failure) -> JSONResponse:
    return JSONResponse(status_object(failed), status_code=failed.code)
