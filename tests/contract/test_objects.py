"""One suite for every object store."""

import pytest

from howdah.errors import AlreadyExists, Invalid, NotFound
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.objects import MemoryObjects


class ObjectsContract:
    @pytest.fixture
    def objects(self, tmp_path):
        raise NotImplementedError

    def test_what_is_put_is_got_by_range(self, objects):
        objects.put("a/b", b"0123456789")
        assert objects.get("a/b", 0, 10) == b"0123456789"
        assert objects.get("a/b", 3, 4) == b"3456"
        assert objects.get("a/b", 8, 100) == b"89"
        assert objects.get("a/b", 10, 1) == b""

    def test_put_replaces(self, objects):
        objects.put("a", b"old")
        assert objects.get("a", 0, 9) == b"old"
        objects.put("a", b"newer")
        assert objects.get("a", 0, 9) == b"newer"

    def test_a_missing_object_is_not_found(self, objects):
        with pytest.raises(NotFound, match="nothing/here"):
            objects.get("nothing/here", 0, 1)

    def test_a_writer_appends_and_its_bytes_are_there_after_sync(self, objects):
        writer = objects.create("packs/1")
        writer.write([b"abc", b"", memoryview(b"def")])
        writer.write([bytearray(b"g")] * 1500)
        writer.sync()
        assert objects.get("packs/1", 0, 9999) == b"abcdef" + b"g" * 1500
        if objects.appends:
            writer.write([b"more"])
            writer.sync()
            assert objects.get("packs/1", 1506, 9) == b"more"
        writer.close()
        writer.close()

    def test_a_name_is_created_once(self, objects):
        objects.create("a").close()
        with pytest.raises(AlreadyExists, match="object a "):
            objects.create("a")

    def test_list_is_by_prefix_sorted_and_with_sizes(self, objects):
        for name in ("packs/2", "packs/1", "packs/10/x", "other", "pack"):
            objects.put(name, name.encode())
        found = [(info.name, info.size) for info in objects.list("packs/")]
        assert found == [("packs/1", 7), ("packs/10/x", 10), ("packs/2", 7)]
        assert [info.name for info in objects.list("packs/1")] == ["packs/1", "packs/10/x"]
        assert next(objects.list("")).name == "other"
        assert list(objects.list("none/")) == []

    def test_delete_is_idempotent(self, objects):
        objects.put("a", b"x")
        objects.get("a", 0, 1)
        objects.delete("a")
        objects.delete("a")
        with pytest.raises(NotFound):
            objects.get("a", 0, 1)

    @pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/./b", "a/../b", ".hidden", "a\\b"])
    def test_names_that_could_leave_the_store_are_refused(self, objects, name):
        with pytest.raises(Invalid, match="cannot be named"):
            objects.put(name, b"")
        with pytest.raises(Invalid, match="cannot be named"):
            objects.create(name)


class TestMemoryObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, tmp_path):
        return MemoryObjects()


class TestSealingObjects(ObjectsContract):
    """As an object store would be: nothing is appended after a sync."""

    @pytest.fixture
    def objects(self, tmp_path):
        return MemoryObjects(appends=False)


class TestLocalObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, tmp_path):
        objects = LocalObjects(tmp_path / "objects")
        yield objects
        objects.close()

    def test_left_overs_of_a_crash_are_swept_at_opening(self, objects, tmp_path):
        objects.put("a", b"x")
        (tmp_path / "objects" / ".tmp-123").write_bytes(b"half")
        again = LocalObjects(tmp_path / "objects")
        assert [info.name for info in again.list("")] == ["a"]
        assert not (tmp_path / "objects" / ".tmp-123").exists()

    def test_more_objects_than_descriptors_are_kept_open(self, objects):
        for n in range(300):
            objects.put(f"o/{n}", str(n).encode())
        assert [objects.get(f"o/{n}", 0, 9) for n in range(300)] == [str(n).encode() for n in range(300)]
