import errno
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from howdah.core import failpoints
from howdah.errors import Corrupt, Unavailable
from howdah.pachd.storage.database import Database, NewerVersion, Schema
from howdah.pachd.storage.lock import FileLock, FolderInUse

NOTES = Schema("notes", 1, ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)"])
NOTES_2 = Schema(
    "notes",
    2,
    ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE, stars INTEGER NOT NULL DEFAULT 0)"],
    {1: ["ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0"]},
)


def add(text):
    return lambda connection: connection.execute("INSERT INTO notes(text) VALUES (?)", (text,)).lastrowid


def texts(connection):
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "db.sqlite", [NOTES])
    yield database
    database.close()
    failpoints.disarm_all()


def test_a_write_returns_its_value_and_is_read_back(database):
    assert database.write(add("a")) == 1
    with database.read() as connection:
        assert texts(connection) == ["a"]


def test_a_failed_change_leaves_nothing_and_hurts_no_other(database):
    def two_then_fail(connection):
        add("x")(connection)
        raise KeyError("no")

    started = threading.Event()
    release = threading.Event()

    def hold(connection):
        started.set()
        release.wait(10)

    holding = database.submit(hold)
    started.wait(10)
    group = [database.submit(change) for change in (add("a"), two_then_fail, add("b"), add("a"))]
    release.set()
    holding.result()
    assert group[0].result() == 1
    with pytest.raises(KeyError):
        group[1].result()
    assert group[2].result() == 2
    with pytest.raises(sqlite3.IntegrityError):
        group[3].result()
    with database.read() as connection:
        assert texts(connection) == ["a", "b"]


def test_a_reader_keeps_its_snapshot(database):
    database.write(add("a"))
    with database.read() as before:
        database.write(add("b"))
        assert texts(before) == ["a"]
    with database.read() as after:
        assert texts(after) == ["a", "b"]


def test_readers_cannot_write(database):
    with database.read() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM notes")


def test_an_exception_in_a_reader_leaves_the_pool_usable(database):
    with pytest.raises(KeyError), database.read():
        raise KeyError
    with database.read() as connection:
        assert texts(connection) == []


def test_many_writers_at_once_lose_nothing(database):
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: database.write(add(str(n))), range(200)))
    assert sorted(ids) == list(range(1, 201))


def test_a_write_within_a_write_is_refused(database):
    with pytest.raises(RuntimeError, match="may not write"):
        database.write(lambda _: database.write(add("a")))


def test_queued_changes_are_made_before_closing_and_refused_after(database):
    last = database.submit(add("a"))
    database.close()
    assert last.result() == 1
    with pytest.raises(Unavailable, match="closed"):
        database.write(add("b"))
    with pytest.raises(Unavailable, match="closed"), database.read():
        pass


def test_durable_across_reopening(database):
    database.write(add("a"))
    database.close()
    again = Database(database.path, [NOTES])
    with again.read() as connection:
        assert texts(connection) == ["a"]
    again.close()


def test_an_older_schema_is_carried_forward(database):
    database.write(add("a"))
    database.close()
    newer = Database(database.path, [NOTES_2])
    with newer.read() as connection:
        assert connection.execute("SELECT text, stars FROM notes").fetchall() == [("a", 0)]
    newer.close()


def test_a_newer_database_is_refused_by_name(tmp_path):
    Database(tmp_path / "db.sqlite", [NOTES_2]).close()
    with pytest.raises(NewerVersion, match=r"version 2 of 'notes'.*up to 1"):
        Database(tmp_path / "db.sqlite", [NOTES])
    Database(tmp_path / "db.sqlite", [NOTES_2]).close()  # the refusal let go of the lock


def test_two_openers_of_one_database_are_refused(database):
    with pytest.raises(FolderInUse, match="in use by process"):
        Database(database.path, [NOTES])


def test_what_is_not_a_database_is_corrupt(tmp_path):
    (tmp_path / "db.sqlite").write_bytes(b"something else entirely" * 400)
    with pytest.raises(Corrupt, match="restore a backup"):
        Database(tmp_path / "db.sqlite", [NOTES])


def test_a_failed_commit_fails_every_change_in_it_and_the_next_works(database):
    failpoints.arm("database.before_commit=full")
    with pytest.raises(Unavailable, match="disk is full"):
        database.write(add("a"))
    database.write(add("b"))
    with database.read() as connection:
        assert texts(connection) == ["b"]


def test_a_full_database_says_so_and_recovers(database):
    pages = database.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    with pytest.raises(Unavailable, match="disk is full"):
        database.write(add("x" * 100_000))
    database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert database.write(add("y")) == 1


def test_backup_is_a_consistent_copy(database, tmp_path):
    database.write(add("a"))
    database.backup(tmp_path / "copy.sqlite")
    database.write(add("b"))
    copy = Database(tmp_path / "copy.sqlite", [NOTES])
    with copy.read() as connection:
        assert texts(connection) == ["a"]
    copy.close()


@pytest.mark.slow
def test_another_process_is_refused_while_we_hold_it(database):
    program = (
        "import sys, pathlib; from howdah.pachd.storage.database import Database\n"
        "try: Database(pathlib.Path(sys.argv[1]), [])\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    command = [sys.executable, "-c", program, str(database.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "FolderInUse"


def test_a_change_cannot_be_taken_back_and_the_writer_lives_on(database):
    go_on = threading.Event()
    database.submit(lambda connection: go_on.wait(10))
    waiting = database.submit(lambda connection: 1)
    assert not waiting.cancel()
    go_on.set()
    assert waiting.result() == 1
    assert database.write(lambda connection: 2) == 2


def test_a_full_disk_does_not_keep_the_lock_from_being_taken(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("howdah.pachd.storage.lock.os.pwrite", full)
    lock = FileLock(tmp_path / "lock")
    with pytest.raises(FolderInUse, match="process unknown"):
        FileLock(tmp_path / "lock")
    lock.close()
