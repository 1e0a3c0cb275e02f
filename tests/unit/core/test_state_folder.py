import os
import stat

import pytest

from howdah.core.state_folder import prepare
from howdah.errors import Unavailable


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_folder_is_made_private(tmp_path):
    assert mode(prepare(tmp_path / "a" / "state")) == 0o700


def test_an_open_folder_is_closed(tmp_path):
    (tmp_path / "state").mkdir(mode=0o755)
    assert mode(prepare(tmp_path / "state")) == 0o700


def test_a_file_in_its_place_is_refused_and_left_alone(tmp_path):
    (tmp_path / "state").write_text("mine")
    with pytest.raises(Unavailable, match="is not a folder") as refused:
        prepare(tmp_path / "state")
    assert "--state" in refused.value.remedy
    assert (tmp_path / "state").read_text() == "mine"


def test_a_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be used"):
        prepare(tmp_path / "file" / "state")


def test_a_foreign_folder_is_refused(tmp_path, monkeypatch):
    (tmp_path / "state").mkdir(mode=0o700)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(Unavailable, match="cannot be used") as refused:
        prepare(tmp_path / "state")
    assert "belongs to user" in refused.value.why


@pytest.mark.parametrize("shut", [0o500, 0o300, 0o600])
def test_an_unwritable_folder_is_refused_and_left_alone(tmp_path, monkeypatch, shut):
    if os.geteuid() == 0:  # to whom the system says yes: it answers as it would anyone else
        monkeypatch.setattr(os, "access", lambda path, wanted: (path.stat().st_mode >> 6) & wanted == wanted)
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(shut)
    with pytest.raises(Unavailable, match="cannot be used") as refused:
        prepare(state)
    assert refused.value.why == "you may not read and write there"
    assert "--state" in refused.value.remedy
    assert mode(state) == shut
