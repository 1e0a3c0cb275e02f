"""Listing a bucket: keys in order, folded at the delimiter, page by page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import quote

from starlette.responses import Response

from howdah.pachd.storage.trees.files import Directory, File
from howdah.pachd.versions.files.reader import CommitFiles, Entry
from howdah.pachd.wire.s3.failures import InvalidArgument, NotImplementedHere
from howdah.pachd.wire.s3.markup import Value, document
from howdah.pachd.wire.s3.names import key_of, path_of
from howdah.pachd.wire.s3.numbers import number

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    bucket: str
    prefix: str
    delimiter: str
    after: str
    most: int
    encode: bool
    version: int

    @classmethod
    def of(cls, bucket: str, query: Mapping[str, str]) -> "Asked":
        version = 2 if query.get("list-type") == "2" else 1
        delimiter = query.get("delimiter", "")
        if delimiter not in ("", "/"):
            raise NotImplementedHere("the only delimiter is /")
        most = number(query.get("max-keys", str(_PAGE)))
        if most is None:
            raise InvalidArgument("max-keys must be a number")
        after = query.get("continuation-token") or query.get("start-after", "")
        return cls(
            bucket=bucket,
            prefix=query.get("prefix", ""),
            delimiter=delimiter,
            after=after if version == 2 else query.get("marker", ""),
            most=min(most, _PAGE),
            encode=query.get("encoding-type") == "url",
            version=version,
        )

    def name(self, key: str) -> str:
        return quote(key, safe="/-_.~") if self.encode else key


def answer(files: CommitFiles, asked: Asked) -> Response:
    found = list(islice(_entries(files, asked), asked.most + 1)) if asked.most else []
    page, more = found[: asked.most], len(found) > asked.most
    values: list[tuple[str, Value]] = [
        ("Name", asked.bucket),
        ("Prefix", asked.name(asked.prefix)),
        ("MaxKeys", asked.most),
        ("IsTruncated", more),
    ]
    if asked.delimiter:
        values.append(("Delimiter", asked.delimiter))
    if asked.encode:
        values.append(("EncodingType", "url"))
    last = key_of(page[-1].path) if more else ""
    if asked.version == 2:
        values += [("KeyCount", len(page)), ("StartAfter", asked.name(asked.after))]
        values += [("NextContinuationToken", last)] if more else []
    else:
        values += [("Marker", asked.name(asked.after))]
        values += [("NextMarker", asked.name(last))] if more else []
    modified = _instant(files)
    for entry in page:
        if isinstance(entry, Directory):
            values.append(("CommonPrefixes", [("Prefix", asked.name(key_of(entry.path)))]))
        else:
            values.append(("Contents", _contents(asked, entry, modified)))
    return document("ListBucketResult", values)


def _contents(asked: Asked, file: File, modified: str) -> list[tuple[str, Value]]:
    return [
        ("Key", asked.name(key_of(file.path))),
        ("LastModified", modified),
        ("ETag", f'"{file.hash.hex()}"'),
        ("Size", file.size),
        ("StorageClass", "STANDARD"),
    ]


def _instant(files: CommitFiles) -> str:
    at = datetime.fromtimestamp((files.info.finished_ns or files.info.started_ns) / 1e9, tz=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _entries(files: CommitFiles, asked: Asked) -> Iterator[Entry]:
    prefix = path_of(asked.prefix)
    if asked.delimiter:
        folder = prefix[: prefix.rindex("/") + 1]
        after = path_of(asked.after) if asked.after else ""
        for entry in files.listing(folder, after=after if after.startswith(folder) else ""):
            if entry.path.startswith(prefix) and entry.path > after:
                yield entry
            elif entry.path > prefix and not entry.path.startswith(prefix):
                return
        return
    yield from files.tree.files(prefix, path_of(asked.after) if asked.after else "")
