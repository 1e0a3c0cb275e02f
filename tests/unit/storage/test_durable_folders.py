"""A folder's name is on disk before anything in it is relied on."""

from pathlib import Path

import pytest

from howdah.pachd.storage import durability, files


def test_every_new_folder_is_synced_into_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durability, "sync_folder", synced.append)
    durability.make_folder(tmp_path / "a" / "b" / "c")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    durability.make_folder(tmp_path / "a" / "b" / "c")
    assert len(synced) == 3


def test_the_folder_of_objects_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durability, "sync_folder", synced.append)
    files.LocalObjects(tmp_path / "store" / "objects")
    assert synced == [tmp_path, tmp_path / "store"]
