import gzip
from pathlib import Path

import pandas as pd
import pytest

from howdah.errors import Invalid
from howdah.learning import schema, table, validation
from howdah.learning.schema import Column, Schema

CARS = Schema(
    (
        Column("name", "category"),
        Column("power", "number", nullable=True, minimum=0, maximum=500),
        Column("sold", "date"),
    )
)


def written(folder: Path, text: str, encoding: str = "utf-8", name: str = "cars.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def sort(path: Path) -> validation.Sorted:
    return validation.sort(table.read_whole(path), CARS)


def test_every_row_comes_out_on_exactly_one_side_with_its_reason(tmp_path: Path) -> None:
    text = (
        "name,power,sold\na,100,2020-01-01\n,90,2020-01-02\nc,fast,2020-01-03\n"
        "d,-4,2020-01-04\ne,,2020-01-05\nf,inf,2020-01-06\na,100,2020-01-01\nh,80,soon\n"
    )
    both = sort(written(tmp_path, text))
    assert both.clean["name"].tolist() == ["a", "e"]
    found = {
        row["__row"]: (row["__column"], row["__reason"]) for row in both.quarantined.to_dict(orient="records")
    }
    assert found == {
        2: ("name", "is missing"),
        3: ("power", "'fast' is not a number"),
        4: ("power", "'-4' is below 0"),
        6: ("power", "'inf' is not a finite number"),
        7: ("name", "'a' repeats an earlier row"),
        8: ("sold", "'soon' is not a date"),
    }


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("\ufeffname;power;sold\nMüller;1,5;2020-01-01\n", "utf-8"),
        ("name\tpower\tsold\nMüller\t1.5\t2020-01-01\n", "utf-8"),
        ("name;power;sold\r\nMüller;1,5;2020-01-01\r\n", "cp1252"),
    ],
)
def test_exports_as_spreadsheets_write_them(tmp_path: Path, text: str, encoding: str) -> None:
    both = sort(written(tmp_path, text, encoding))
    assert both.quarantined.empty
    assert both.clean.iloc[0][["name", "power"]].tolist() == ["Müller", 1.5]


def test_compressed_and_json_tables_read_alike(tmp_path: Path) -> None:
    packed = tmp_path / "cars.csv.gz"
    packed.write_bytes(gzip.compress(b"name,power,sold\na,1,2020-01-01\n"))
    records = written(tmp_path, '[{"name": "a", "power": 1, "sold": "2020-01-01"}]', name="cars.json")
    pd.testing.assert_frame_equal(sort(packed).clean, sort(records).clean)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("name,power\na,1\n", "'sold' is missing"),
        ('name,power,sold\n"a,1\n', "is not a table"),
    ],
)
def test_what_is_no_table_is_refused_whole(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        sort(written(tmp_path, text))


def test_an_inferred_schema_survives_its_file_and_accepts_its_own_table(tmp_path: Path) -> None:
    frame = table.read_whole(written(tmp_path, "name,power,sold\na,100,2020-01-01\nb,,2020-01-02\n"))
    inferred = schema.infer(frame)
    inferred.write(tmp_path / "schema.json")
    assert Schema.read(tmp_path / "schema.json") == inferred
    assert [(column.kind, column.nullable) for column in inferred.columns] == [
        ("category", False),
        ("number", True),
        ("date", False),
    ]
    assert validation.sort(frame, inferred).quarantined.empty


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"columns": [{"name": "a", "kind": "numer"}]}, r"columns\[a\].kind must be number"),
        ({"columns": [{"name": "a", "kind": "number", "max": 3}]}, r"columns\[a\] has no key 'max'"),
        ({"column": []}, "no key 'column'"),
    ],
)
def test_a_wrong_schema_is_refused_by_the_path_to_the_fault(
    document: dict[str, object], complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint):
        schema.parse(document)
