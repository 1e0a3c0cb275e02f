"""Sets a share of each clean file's rows aside, the same rows for ever.

A row's own content decides its side, so a row that was held out once is held out in
every later commit: no model, however often it is retrained, has learned from the rows
that champion and challenger are compared on. Writes under --out

    train/NAME.csv      the rows to learn from
    held-out/NAME.csv   the rows to compare on
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from blake3 import blake3

from howdah.errors import Invalid
from howdah.learning import table
from howdah.steps import program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")
    step.add_argument("--share", type=float, default=0.2, help="the share to hold out (default: 0.2)")
    step.add_argument("--seed", type=int, default=0, help="another seed holds out other rows (default: 0)")
    options = step.parse_args(arguments)
    if not 0 < options.share < 1:
        raise Invalid(f"--share must lie between 0 and 1, not {options.share}.")
    for source in program.files(options.data):
        relative = source.relative_to(options.data)
        for piece in table.read(source):
            held = held_out(piece, options.share, options.seed)
            _append(piece[~held], options.out / "train" / relative)
            _append(piece[held], options.out / "held-out" / relative)
        program.say(f"{relative}: split")


def held_out(rows: pd.DataFrame, share: float, seed: int) -> "pd.Series[bool]":
    """Which rows are held out; a row's cells as text decide, wherever it stands."""
    columns = [rows[name].fillna("").astype(str) for name in rows.columns]
    texts = map("\x1f".join, zip(*columns, strict=True))
    digests = (blake3(f"{seed}\x1e{text}".encode()).digest(length=8) for text in texts)
    border = int(share * 2**64)
    return pd.Series([int.from_bytes(digest) < border for digest in digests], index=rows.index, dtype=bool)


def _append(rows: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, mode="a", header=not path.exists(), index=False)


if __name__ == "__main__":
    program.run(main)
