"""The one way to measure: against a peer, in the same run, in turns.

A benchmark times two or more *sides* round by round, one after the other, so that a slow
minute of the machine hits all alike; the median round of each counts. What it reports is
the ratio to the peer: bare seconds say more about the machine than about Howdah.

    bench = Bench("store")
    times = bench.interleave({"ours": put_ours, "borg": put_borg}, rounds=3)
    bench.ratio("put 1 GiB", times["ours"], "s", peer=("borg", times["borg"]), must="<= 1.1")
    bench.value("idle memory", rss_mib, "MiB", must="<= 120", aim="<= 100")
    bench.finish()

`finish` prints the table, writes `build/bench/NAME.json` and exits 1 when a must is missed.
A missed aim is only shown. `make bench-store` runs `benchmarks/bench_store.py`.
"""

import json
import operator
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "build" / "bench"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    unit: str
    peer: str | None
    """What the ratio compares with, with its own value, such as "borg 1.84 s"."""
    ratio: float | None
    must: str | None
    aim: str | None
    ok: bool
    """Whether the must is met; true where there is none."""


@dataclass(frozen=True)
class Bound:
    """A limit such as "<= 1.1"; on the ratio where a row has one, else on the value."""

    comparison: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Bound":
        comparison, _, limit = text.partition(" ")
        if comparison not in COMPARISONS:
            raise ValueError(f"bound {text!r} must read '<= NUMBER' or '>= NUMBER'")
        return cls(comparison, float(limit))

    def admits(self, measured: float) -> bool:
        return COMPARISONS[self.comparison](measured, self.limit)


class Bench:
    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self.name = name
        self.rows: list[Row] = []
        self._folder = folder
        self._began = time.time()

    def interleave(
        self, sides: Mapping[str, Callable[[], float | None]], rounds: int = 3, warmups: int = 0
    ) -> dict[str, float]:
        """Runs every side once a round, in turns; gives each side's median.

        A side that returns a number has measured itself (seconds, or a rate); a side
        that returns None is timed whole. The order turns round with every round.
        """
        measured: dict[str, list[float]] = {name: [] for name in sides}
        order = list(sides)
        for number in range(-warmups, rounds):
            for name in order:
                progress(f"{self.name}: {name}, round {number + 1} of {rounds}")
                taken = _measure(sides[name])
                if number >= 0:
                    measured[name].append(taken)
            order = order[1:] + order[:1]
        return {name: statistics.median(values) for name, values in measured.items()}

    def ratio(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        peer: tuple[str, float],
        must: str | None = None,
        aim: str | None = None,
    ) -> Row:
        """A row whose bounds hold for `value / peer's value`."""
        named, against = peer
        return self._add(name, value, unit, f"{named} {_short(against)} {unit}", value / against, must, aim)

    def value(
        self, name: str, value: float, unit: str, *, must: str | None = None, aim: str | None = None
    ) -> Row:
        """A row without a peer, whose bounds hold for `value` itself."""
        return self._add(name, value, unit, None, None, must, aim)

    def _add(
        self,
        name: str,
        value: float,
        unit: str,
        peer: str | None,
        ratio: float | None,
        must: str | None,
        aim: str | None,
    ) -> Row:
        judged = value if ratio is None else ratio
        ok = must is None or Bound.parse(must).admits(judged)
        if aim is not None:
            Bound.parse(aim)
        row = Row(name, value, unit, peer, ratio, must, aim, ok)
        self.rows.append(row)
        return row

    def write(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self.name}.json"
        report = {
            "name": self.name,
            "began": self._began,
            "machine": {
                "system": platform.platform(),
                "processor": platform.machine(),
                "python": platform.python_version(),
            },
            "rows": [asdict(row) for row in self.rows],
        }
        path.write_text(json.dumps(report, indent=2) + "\n")
        return path

    def table(self) -> str:
        heads = ("", "value", "unit", "peer", "ratio", "must", "aim", "")
        cells = [heads] + [_cells(row) for row in self.rows]
        widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in cells
        )

    def finish(self) -> None:
        """Prints, writes and exits: 1 when a must is missed or nothing was measured."""
        print(self.table())
        print(f"\n{self.write()}")
        missed = [row.name for row in self.rows if not row.ok]
        if missed:
            print(f"missed: {', '.join(missed)}")
        sys.exit(1 if missed or not self.rows else 0)


def progress(text: str) -> None:
    """One line on stderr that the next one overwrites; silent unless a person watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _measure(side: Callable[[], float | None]) -> float:
    began = time.perf_counter()
    own = side()
    taken = time.perf_counter() - began
    return taken if own is None else own


def _cells(row: Row) -> tuple[str, ...]:
    judged = row.value if row.ratio is None else row.ratio
    verdict = "MISSED" if not row.ok else "ok" if row.must else ""
    if row.ok and row.aim is not None:
        verdict = "aim met" if Bound.parse(row.aim).admits(judged) else f"{verdict} (aim missed)".strip()
    return (
        row.name,
        _short(row.value),
        row.unit,
        row.peer or "",
        "" if row.ratio is None else f"{row.ratio:.2f}",
        row.must or "",
        row.aim or "",
        verdict,
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
