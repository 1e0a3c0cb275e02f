"""The storage tables: where each chunk lies, and how far each pack is durable. All of it can be
rebuilt from the packs.

Where a chunk lies is *entered* in `chunks`, by hash, or *noted* in `recent`, many in one row and in the
order in which they came; `recent` says why. What is noted counts before what is entered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import NamedTuple

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.database import Connection, Schema

_RECENT = "CREATE TABLE recent (id INTEGER PRIMARY KEY, pack INTEGER NOT NULL, chunks BLOB NOT NULL)"

SCHEMA = Schema(
    "storage",
    2,
    [
        _RECENT,
        "CREATE TABLE packs (id INTEGER PRIMARY KEY, length INTEGER NOT NULL)",
        """CREATE TABLE chunks (
            hash BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL,
            start INTEGER NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID""",
    ],
    upgrades={1: [_RECENT]},
)

_NOTE = Struct("<32sQIII")

_AT_ONCE = 256


class Location(NamedTuple):
    """A chunk: `length` bytes at `start` of the raw payload of the record of `size` bytes at `offset`."""

    pack: int
    offset: int
    size: int
    start: int
    length: int


Row = tuple[Hash, Location]


def note(connection: Connection, pack: int, rows: Iterable[Row]) -> int:
    """Put down where chunks of one pack lie, all in one row; its id, larger than any before."""
    chunks = b"".join(
        [_NOTE.pack(hash, offset, size, start, length) for hash, (_, offset, size, start, length) in rows]
    )
    cursor = connection.execute("INSERT INTO recent (pack, chunks) VALUES (?, ?)", (pack, chunks))
    return int(cursor.lastrowid or 0)


def noted(connection: Connection) -> tuple[int, dict[Hash, Location]]:
    """The last note's id, 0 for none, and where the notes say that chunks lie."""
    last, found = 0, {}
    for id, pack, chunks in connection.execute("SELECT id, pack, chunks FROM recent ORDER BY id"):
        last = id
        for hash, *place in _NOTE.iter_unpack(chunks):
            found[Hash(hash)] = Location(pack, *place)
    return last, found


def drop_notes(connection: Connection, last: int) -> None:
    """Up to and including this id."""
    connection.execute("DELETE FROM recent WHERE id <= ?", (last,))


def enter(connection: Connection, rows: Iterable[Row]) -> None:
    """Where a chunk is known already, the new place counts."""
    # In the order of their hashes the rows touch each page once. Many rows a statement: between
    # statements the interpreter goes to another thread, and coming back can take milliseconds.
    left = sorted(rows)
    for first in range(0, len(left), _AT_ONCE):
        some = left[first : first + _AT_ONCE]
        connection.execute(
            f"""INSERT INTO chunks VALUES {",".join(["(?,?,?,?,?,?)"] * len(some))}
            ON CONFLICT (hash) DO UPDATE SET pack = excluded.pack, offset = excluded.offset,
            size = excluded.size, start = excluded.start, length = excluded.length""",
            [field for hash, location in some for field in (hash, *location)],
        )


def extend_pack(connection: Connection, pack: int, length: int) -> None:
    """The pack is durable at least up to here."""
    connection.execute(
        """INSERT INTO packs VALUES (?, ?)
        ON CONFLICT (id) DO UPDATE SET length = max(length, excluded.length)""",
        (pack, length),
    )


def entered(connection: Connection, hashes: Sequence[Hash]) -> dict[Hash, Location]:
    """Of these, the chunks that are entered; notes are not looked at."""
    found: dict[Hash, Location] = {}
    for first in range(0, len(hashes), _AT_ONCE):
        some = hashes[first : first + _AT_ONCE]
        if len(some) == 1:
            query = "SELECT * FROM chunks WHERE hash = ?"
        else:
            # Few distinct statements, so that they stay prepared; repeating a hash is harmless.
            width = 1 << (len(some) - 1).bit_length()
            query = f"SELECT * FROM chunks WHERE hash IN ({','.join('?' * width)})"
            some = [*some, *(some[0] for _ in range(width - len(some)))]
        for hash, *location in connection.execute(query, some):
            found[hash] = Location(*location)
    return found


def packs(connection: Connection) -> dict[int, int]:
    """Every pack's id and durable length."""
    return dict(connection.execute("SELECT id, length FROM packs ORDER BY id"))


def chunks_in(connection: Connection, pack: int) -> Iterator[Row]:
    """Every chunk that the index finds in the pack. Reads the whole table: for damage, not for every day."""
    _, recent = noted(connection)
    for hash, *location in connection.execute("SELECT * FROM chunks WHERE pack = ?", (pack,)):
        if hash not in recent:
            yield hash, Location(*location)
    yield from (row for row in recent.items() if row[1].pack == pack)


def chunk_count(connection: Connection) -> int:
    """How many chunks there are, or a few more."""
    return int(connection.execute("SELECT count(*) FROM chunks").fetchone()[0]) + len(noted(connection)[1])


def counts(connection: Connection) -> dict[int, int]:
    """How many chunks the index finds in each pack."""
    found = Counter(dict(connection.execute("SELECT pack, count(*) FROM chunks GROUP BY pack")))
    _, recent = noted(connection)
    found.subtract(place.pack for place in entered(connection, list(recent)).values())
    found.update(place.pack for place in recent.values())
    return dict(found)


def forget(connection: Connection, pack: int, hashes: Iterable[Hash]) -> None:
    """Drop the pack, and the rows that still point into it; no note may."""
    connection.executemany("DELETE FROM chunks WHERE hash = ? AND pack = ?", ((h, pack) for h in hashes))
    connection.execute("DELETE FROM packs WHERE id = ?", (pack,))


def clear(connection: Connection) -> None:
    for table in ("chunks", "recent", "packs"):
        connection.execute(f"DELETE FROM {table}")
