from pathlib import Path

import pandas as pd
import pytest

from howdah.errors import Invalid
from howdah.steps import split


def rows(count: int) -> str:
    return "a,b\n" + "".join(f"{number},{number % 7}\n" for number in range(count))


def run(folder: Path, text: str) -> dict[str, set[int]]:
    (folder / "data").mkdir(parents=True)
    (folder / "data/x.csv").write_text(text)
    split.main(["--data", str(folder / "data"), "--out", str(folder / "out")])
    return {
        side: set(pd.read_csv(folder / f"out/{side}/x.csv")["a"].tolist()) for side in ("train", "held-out")
    }


def test_every_row_is_on_one_side_and_stays_there_as_the_file_grows(tmp_path: Path) -> None:
    before = run(tmp_path / "before", rows(500))
    after = run(tmp_path / "after", rows(1000))
    assert before["train"] | before["held-out"] == set(range(500))
    assert not before["train"] & before["held-out"]
    assert before["held-out"] == {row for row in after["held-out"] if row < 500}
    assert 160 <= len(after["held-out"]) <= 240


def test_a_share_that_leaves_one_side_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="between 0 and 1"):
        split.main(["--data", str(tmp_path), "--share", "1"])
