"""Values from rows and into them: metadata is JSON."""

import json
from collections.abc import Callable

from howdah.pachd.storage.database import Connection
from howdah.pachd.versions.records import Metadata


def int_of(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected an integer from the database, got {value!r}")
    return value


def metadata_of(text: object) -> Metadata:
    return {str(key): str(value) for key, value in json.loads(str(text)).items()}


def text_of(metadata: Metadata) -> str:
    return json.dumps(dict(metadata), sort_keys=True)


def one[T](
    connection: Connection, build: Callable[[tuple[object, ...]], T], sql: str, *values: object
) -> T | None:
    row = connection.execute(sql, values).fetchone()
    return None if row is None else build(row)
