"""S3's XML, written and read."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.responses import Response

from howdah.pachd.wire.s3.failures import MalformedXml

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]")

type Value = str | int | bool | "Iterable[tuple[str, Value]]"


def document(root: str, values: Iterable[tuple[str, Value]], status: int = 200) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">{_written(values)}</{root}>'
    return Response(body, status, media_type="application/xml")


def _written(values: Iterable[tuple[str, Value]]) -> str:
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in values)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return _UNWRITABLE.sub("�", escape(str(value)))
    return _written(value)


def children(data: bytes, name: str) -> list[dict[str, str]]:
    """Of every element of this name below the root: its children's texts. No document type, no
    entities: what declares any is refused unread."""
    if b"<!" in data:
        raise MalformedXml("the document declares more than elements")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise MalformedXml(f"the body is not XML: {error}") from error
    return [
        {_local(child.tag): child.text or "" for child in element}
        for element in root.iter()
        if _local(element.tag) == name
    ]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
