"""What is checked and filled in before an object is stored, as a cluster's admission does."""

import base64
import binascii
import re

from howdah.core.json import JsonObject, as_object, as_text, at
from howdah.seldon import manifests
from howdah.seldon.kube.failures import Failure, bad_request
from howdah.seldon.kube.resources import SECRET, SELDON_DEPLOYMENT, Resource

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SECRET_FIELDS = {"apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable"}
SECRET_LIMIT_BYTES = 1 << 20


def admitted(resource: Resource, document: JsonObject, namespace: str, name: str) -> JsonObject:
    """The object as it may be stored; raises what is wrong with it."""
    _check_place(resource, document, namespace, name)
    if resource is SELDON_DEPLOYMENT:
        manifests.read(document)
        return document
    if resource is SECRET:
        return _secret(document)
    raise Failure(405, "MethodNotAllowed", f"{resource.plural} are read-only here")


def _check_place(resource: Resource, document: JsonObject, namespace: str, name: str) -> None:
    given = as_text(at(document, "metadata", "namespace"))
    if given and given != namespace:
        message = (
            "the namespace of the provided object does not match the namespace sent on the request: "
            f"{given} is not {namespace}"
        )
        raise bad_request(message)
    for key, wanted in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if document.get(key) not in (wanted, None):
            raise bad_request(f"{key} of the provided object is {document.get(key)}, and must be {wanted}")
    if not NAMESPACE.fullmatch(namespace) or len(name) > 253 or not NAME.fullmatch(name):
        message = f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain is required'
        raise Failure(422, "Invalid", f'{resource.kind} "{name}" is invalid: {message}')


def _secret(document: JsonObject) -> JsonObject:
    unknown = sorted(document.keys() - SECRET_FIELDS)
    if unknown:
        raise bad_request("strict decoding error: " + ", ".join(f'unknown field "{key}"' for key in unknown))
    data = dict(as_object(document.get("data")))
    for key, text in as_object(document.get("stringData")).items():
        data[key] = base64.b64encode(as_text(text).encode()).decode()
    for key, text in data.items():
        try:
            base64.b64decode(as_text(text), validate=True)
        except binascii.Error:
            raise bad_request(f"Secret in version v1 cannot be handled: data[{key}] is not base64") from None
    if sum(len(as_text(text)) for text in data.values()) > SECRET_LIMIT_BYTES:
        raise Failure(422, "Invalid", "data: Too long: must have at most 1048576 bytes")
    stored = {key: value for key, value in document.items() if key != "stringData"}
    return {"type": "Opaque", **stored, "data": data}
