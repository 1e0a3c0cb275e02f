"""Where a result parts from its record, in words."""

from pathlib import Path

import pytest

from howdah.core.json import JsonObject
from howdah.lineage.reproduce import circumstances, differences


def folder(home: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


def test_the_same_bytes_differ_nowhere(tmp_path: Path) -> None:
    files = {"model.json": "{}", "plots/a.svg": "<svg/>"}
    assert differences(folder(tmp_path / "was", files), folder(tmp_path / "now", files)) == ()


def test_json_is_told_by_key_and_other_files_by_byte(tmp_path: Path) -> None:
    was = {"model.json": '{"seed": 0, "libraries": {"numpy": "1"}}', "m.onnx": "abcd", "gone": ""}
    now = {"model.json": '{"seed": 0, "libraries": {"numpy": "2"}}', "m.onnx": "abXd!", "new": ""}
    assert differences(folder(tmp_path / "was", was), folder(tmp_path / "now", now)) == (
        "gone was not written again",
        "m.onnx differs from byte 2 on (4 bytes then, 5 now)",
        "model.json: libraries.numpy was '1', is '2'",
        "new is new",
    )


def test_many_differences_are_counted_not_listed(tmp_path: Path) -> None:
    was, now = ({"s.json": f"[{', '.join([value] * 9)}]"} for value in ("1", "2"))
    told = differences(folder(tmp_path / "was", was), folder(tmp_path / "now", now))
    assert len(told) == 6
    assert told[-1] == "s.json: and 4 more"


MADE: JsonObject = {"code": "aa", "libraries": {"numpy": "1"}}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (MADE, ()),
        ({**MADE, "code": "bb"}, ("made with other code: image x:1 was aa, is bb today",)),
        (
            {**MADE, "code": ""},
            ("made with other code: image x:1 was aa, is not described in this folder's images/",),
        ),
        (
            {**MADE, "libraries": {"numpy": "2", "skops": "1"}},
            ("made again in another environment: numpy 1 then, 2 now; skops not noted then, 1 now",),
        ),
    ],
)
def test_other_code_and_another_environment_are_said(now: JsonObject, told: tuple[str, ...]) -> None:
    assert circumstances("x:1", MADE, now) == told


def test_a_record_without_a_code_hash_is_not_called_other_code() -> None:
    (sentence,) = circumstances("x:1", {**MADE, "code": ""}, MADE)
    assert sentence == "which code of image x:1 it was made with is not on record; today's is aa"
