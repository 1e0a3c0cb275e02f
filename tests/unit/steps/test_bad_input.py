"""What people really send, step by step: refused or set aside, with the row, the column and the reason."""

import csv
import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from howdah.errors import Invalid
from howdah.learning import comparison, table
from howdah.learning.repeats import Repeats
from howdah.learning.schema import Schema
from howdah.steps import features, train, validate

SCHEMA = {
    "columns": [
        {"name": "sold", "kind": "date"},
        {"name": "maker", "kind": "category"},
        {"name": "power", "kind": "number", "minimum": 0, "maximum": 500},
        {"name": "dear", "kind": "category"},
    ]
}
HEADER = "sold,maker,power,dear"
GOOD = ["2020-01-01,a,100,yes", "2020-01-02,b,90,no"]


def laid(folder: Path, content: str | bytes, schema: object = SCHEMA) -> list[str]:
    """The arguments of a step that reads this file by the schema."""
    for name in ("data", "schema"):
        (folder / name).mkdir(parents=True)
    (folder / "data" / "cars.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "schema" / "schema.json").write_text(json.dumps(schema))
    return ["--data", str(folder / "data"), "--schema", str(folder / "schema"), "--out", str(folder / "out")]


def lines(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "cars.csv is empty: it has no header line"),
        ("\n\n", "cars.csv is empty: it has no header line"),
        (HEADER + "\n", "the file has a header but no rows"),
        (
            "sold,make,power,dear\n" + GOOD[0],
            "Column 'maker' is missing; the file has sold, make, power, dear",
        ),
        (lines(*GOOD, "2020-01-03,c,80,no,much,more"), "is not a table: .* line 4, saw 6"),
        (
            lines(*(f"{row},more" for row in GOOD)),
            "is not a table: its rows have more fields than its header",
        ),
        (lines('2020-01-03,"c,80,no'), "is not a table"),
        (
            b"sold,maker,power,dear\x81\n2020-01-01,a,1,no\n",
            "cars.csv holds bytes that are no text; write it as UTF-8",
        ),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "Column 'sold' is missing"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_by_name(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        validate.main(laid(tmp_path, content))
    assert str(refused.value).startswith("cars.csv: ")


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("2020-01-03,c,fast,no", "power", "'fast' is not a number"),
        ("2020-01-03,c,1 000,no", "power", "'1 000' is not a number"),
        ('2020-01-03,c,"1,234",no', "power", "'1,234' is not a number"),
        ("2020-01-03,c,NaN,no", "power", "is missing"),
        ("2020-01-03,c,,no", "power", "is missing"),
        ("2020-01-03,,80,no", "maker", "is missing"),
        ("2020-01-03,c,inf,no", "power", "'inf' is not a finite number"),
        ("2020-01-03,c,-Infinity,no", "power", "'-Infinity' is not a finite number"),
        ("2020-01-03,c,-1,no", "power", "'-1' is below 0"),
        ("2020-01-03,c,501,no", "power", "'501' is above 500"),
        ("2020-13-03,c,80,no", "sold", "'2020-13-03' is not a date"),
        ("03/01/2020,c,80,no", "sold", "'03/01/2020' is not a date"),
        (GOOD[0], "sold", "'2020-01-01' repeats an earlier row"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_place_and_reason(
    tmp_path: Path, row: str, column: str, reason: str
) -> None:
    validate.main(laid(tmp_path, lines(*GOOD, row)))
    (told,) = csv.DictReader((tmp_path / "out" / "quarantine" / "cars.csv").read_text().splitlines())
    assert (told["__row"], told["__column"], told["__reason"]) == ("3", column, reason)
    assert len((tmp_path / "out" / "clean" / "cars.csv").read_text().splitlines()) == 3
    report = json.loads((tmp_path / "out" / "report" / "cars.json").read_text())
    assert report == {"rows": 3, "clean": 2, "quarantined": 1, "reasons": {f"{column}: {reason}": 1}}


def test_a_separator_at_the_end_of_each_row_is_no_field(tmp_path: Path) -> None:
    validate.main(laid(tmp_path, lines(*(f"{row}," for row in GOOD))))
    clean = list(csv.DictReader((tmp_path / "out" / "clean" / "cars.csv").read_text().splitlines()))
    assert [row["sold"] for row in clean] == ["2020-01-01", "2020-01-02"]


@pytest.mark.parametrize("name", ["cars.csv.gz", "cars.json.gz"])
@pytest.mark.parametrize("harm", ["cut short", "no gzip", "changed"])
def test_what_cannot_be_unpacked_is_refused_by_name(tmp_path: Path, name: str, harm: str) -> None:
    arguments = laid(tmp_path, "")
    packed = bytearray(gzip.compress("\n".join(map(str, range(20_000))).encode()))
    if harm == "changed":
        packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "data" / "cars.csv").unlink()
    content = {"cut short": packed[: len(packed) // 2], "no gzip": b"sold,maker\n", "changed": packed}[harm]
    (tmp_path / "data" / name).write_bytes(bytes(content))
    with pytest.raises(Invalid, match=f"^{name}: {name} is not a whole gzip file"):
        validate.main(arguments)


def test_a_letter_that_the_look_at_the_beginning_cuts_is_no_other_encoding(tmp_path: Path) -> None:
    for shift in range(3):
        path = tmp_path / f"{shift}.csv"
        path.write_text("name\n" + "a" * shift + "€" * 400_000 + "\n", encoding="utf-8")
        assert table.read_whole(path)["name"].iloc[0].endswith("€€")


def test_files_whose_names_differ_stay_apart(tmp_path: Path) -> None:
    arguments = laid(tmp_path, lines(GOOD[0]))
    (tmp_path / "data" / "cars.csv.gz").write_bytes(gzip.compress(lines(GOOD[1]).encode()))
    for month in (1, 2):
        (tmp_path / "data" / f"2020.0{month}.csv").write_text(lines(f"2020-0{month}-01,a,{month},no"))
    validate.main(arguments)
    clean = {path.name: path.read_text() for path in (tmp_path / "out" / "clean").iterdir()}
    assert {name: text.splitlines()[1].split(",")[0] for name, text in clean.items()} == {
        "2020.01.csv": "2020-01-01",
        "2020.02.csv": "2020-02-01",
        "cars.csv": "2020-01-01",
        "cars.csv.gz.csv": "2020-01-02",
    }
    assert all(text.count("\n") == 2 for text in clean.values())
    reports = {path.name for path in (tmp_path / "out" / "report").iterdir()}
    assert reports == {"2020.01.json", "2020.02.json", "cars.json", "cars.csv.gz.json"}


def test_an_export_with_a_mark_and_semicolons_is_read_as_it_was_meant(tmp_path: Path) -> None:
    text = "\ufeffsold;maker;power;dear\r\n2020-01-01;Škoda;99,5;no\r\n2020-01-02;Fiat;70;no\r\n"
    validate.main(laid(tmp_path, text))
    clean = (tmp_path / "out" / "clean" / "cars.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(clean.splitlines()))
    assert rows[0] == {"sold": "2020-01-01", "maker": "Škoda", "power": "99.5", "dear": "no"}
    assert not (tmp_path / "out" / "quarantine" / "cars.csv").exists()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [f"2020-01-{day:02},a,{day},{'yes' if day % 2 else 'no'}" for day in range(1, 11)],
            "10 rows .* too few",
        ),
        ([f"2020-01-{day:02},a,{day},no" for day in range(1, 31)], r"dear has one class only \('no'\)"),
        (
            [
                f"2020-01-{day:02},a,{day},{'rare' if day == 7 else 'yes' if day % 2 else 'no'}"
                for day in range(1, 31)
            ],
            r"dear is 'rare' in 1 row only; each class needs at least 2",
        ),
        (
            [f"2020-01-{day:02},a,{day},kind {day // 3}" for day in range(3, 30)],
            "dear has no class of 5 rows, which 5 folds need; the largest, 'kind 1', has 3",
        ),
        ([], "there is no clean row to work on"),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(tmp_path: Path, rows: list[str], told: str) -> None:
    what = ["--name", "m", "--target", "dear", "--task", "classification", "--family", "logistic"]
    with pytest.raises(Invalid, match=told):
        train.main([*laid(tmp_path, lines(*rows)), *what, "--leave-out", "sold"])
    assert not (tmp_path / "out" / "model.json").exists()


def test_a_date_out_of_order_finds_its_place_and_one_that_repeats_is_refused(tmp_path: Path) -> None:
    numbers = ("Open", "High", "Low", "Close", "Adj Close", "Volume")
    kinds = {"Date": "date", "Ticker": "category", **dict.fromkeys(numbers, "number")}
    schema = {"columns": [{"name": name, "kind": kind} for name, kind in kinds.items()]}
    days = [f"2020-01-{day:02},X,{day},{day},{day},{day},{day},7" for day in (1, 2, 3, 6, 7)]
    orders = {"straight": days, "mixed": days[::-1], "twice": [*days, "2020-01-03,X,9,9,9,9,9,9"]}
    made = {
        name: laid(tmp_path / name, "\n".join([",".join(kinds), *order]) + "\n", schema)
        for name, order in orders.items()
    }
    for name in ("straight", "mixed"):
        features.main(made[name])
    found = [(tmp_path / name / "out" / "features" / "X.csv").read_bytes() for name in ("straight", "mixed")]
    assert found[0] == found[1]
    with pytest.raises(Invalid, match="X: 2020-01-03 stands twice"):
        features.main(made["twice"])


def test_a_row_that_repeats_one_of_an_earlier_piece_is_met_again() -> None:
    generator = np.random.default_rng(0)
    texts = generator.choice(np.array(["x", "y", None], dtype=object), 5000)
    whole = pd.DataFrame({"a": generator.integers(0, 3000, 5000), "b": texts})
    repeats = Repeats()
    found = np.concatenate([repeats.of(whole.iloc[at : at + 700]) for at in range(0, 5000, 700)])
    assert found.tolist() == whole.duplicated().tolist()
    assert 500 < found.sum() < 2500


def test_a_sample_of_many_rows_is_the_same_each_time_and_in_order(tmp_path: Path) -> None:
    laid(tmp_path, lines(*(f"2020-01-01,m{place},{place % 500},no" for place in range(2000))))
    schema = Schema.read(tmp_path / "schema" / "schema.json")
    paths = [tmp_path / "data" / "cars.csv"]
    one, two, other = (train.read_clean(paths, schema, most=300, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert len(one) == len(other) == 300
    assert not one.equals(other)
    places = one["maker"].str[1:].astype(int)
    assert places.is_monotonic_increasing
    assert places.max() > 1500
    whole = train.read_clean(paths, schema, most=2000)
    pd.testing.assert_frame_equal(whole, train.read_clean(paths, schema, most=9999))
    assert len(whole) == 2000


@pytest.mark.slow
def test_very_many_held_out_rows_are_compared_in_bounded_memory() -> None:
    generator = np.random.default_rng(0)
    champion = generator.exponential(1, 300_000)
    for gain, sure in ((0.0, False), (0.02, True)):
        challenger = generator.exponential(1, 300_000) - gain
        found = comparison.compare(champion, challenger, "absolute error")
        assert (found.p_value < 0.001) == sure
        assert found.interval[0] < found.improvement < found.interval[1]
    # KiB; a whole matrix of flips would be 24 GB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 << 20


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_million_rows_need_no_more_memory_than_a_piece(tmp_path: Path) -> None:
    """validate, split and train on 10,000,000 rows, each in a process of its own."""
    rows, size = 10_000_000, 250_000
    kinds = {"id": "number", "maker": "category", "power": "number", "price": "number"}
    columns: list[dict[str, object]] = [{"name": name, "kind": kind} for name, kind in kinds.items()]
    columns[2] |= {"minimum": 0, "maximum": 500}
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.json").write_text(json.dumps({"columns": columns}))
    write_cars(tmp_path / "data", rows, size)
    read, out = ["--schema", str(tmp_path / "schema"), "--data"], tmp_path / "out"
    learn = ["--name", "m", "--target", "price", "--task", "regression", "--family", "ridge"]
    learn += ["--leave-out", "id", "--out", str(tmp_path / "model")]
    peaks = {
        "validate": peak_mib("validate", *read, str(tmp_path / "data"), "--out", str(out)),
        "split": peak_mib("split", "--data", str(out / "clean"), "--out", str(tmp_path / "split")),
        "train": peak_mib("train", *read, str(tmp_path / "split" / "train"), *learn),
    }
    sys.stdout.write(f"peak MiB: {peaks}\n")
    report = json.loads((out / "report" / "cars.json").read_text())
    pieces = rows // size - 1
    assert (report["rows"], report["quarantined"]) == (rows, 2 * pieces)
    assert report["reasons"] == {
        "id: '0' repeats an earlier row": pieces,
        "power: '999' is above 500": pieces,
    }
    assert json.loads((tmp_path / "model" / "model.json").read_text())["rows"] == 1_000_000
    assert max(peaks["validate"], peaks["split"]) < 700, peaks
    assert peaks["train"] < 1500, peaks


def write_cars(folder: Path, rows: int, size: int) -> None:
    """In pieces; each but the first repeats the very first row and holds one that is out of range."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for start in range(0, rows, size):
        power = generator.integers(40, 400, size)
        ids = np.arange(start, start + size)
        if start:
            ids[0], power[0], power[1] = 0, 41, 999
        else:
            power[0] = 41
        piece = pd.DataFrame({"id": ids, "maker": "a", "power": power, "price": power * 9})
        piece.to_csv(folder / "cars.csv", mode="a", header=not start, index=False)


def peak_mib(step: str, *arguments: str) -> int:
    """The most memory that the step held at any time."""
    program = (
        "import resource, runpy, sys\n"
        "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", program, f"howdah.steps.{step}", *arguments]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(ran.stdout.split()[-1]) >> 10
