"""Rows from words and files, and the request that is made of them."""

import pytest

from howdah.cli import rows
from howdah.client.predictions import Input, request
from howdah.errors import Invalid, NotFound

INPUTS = [Input("size", "FP64"), Input("colour", "BYTES"), Input("count", "INT64")]
WINDOW = [Input("window", "FP64", 2, ("change", "weekday"))]


def test_words_make_one_row():
    assert rows.given(["size=1.5", "colour=a=b"], None) == [{"size": "1.5", "colour": "a=b"}]


@pytest.mark.parametrize("words", [["size"], ["=1"]])
def test_a_word_without_a_name_is_refused(words):
    with pytest.raises(Invalid, match="is no input"):
        rows.given(words, None)


@pytest.mark.parametrize(("words", "file"), [([], None), (["a=1"], "x.csv")])
def test_words_or_a_file_but_not_both(words, file):
    with pytest.raises(Invalid, match="or a file"):
        rows.given(words, file)


def test_files_of_both_kinds(tmp_path):
    assert rows.parse("\ufeffa,b\n1,x\n2,\n", "-") == [{"a": "1", "b": "x"}, {"a": "2", "b": ""}]
    assert rows.parse('[{"a": 1, "b": null}]', "-") == [{"a": 1, "b": None}]
    assert rows.parse('{"a": 1}', "-") == [{"a": 1}]
    with pytest.raises(NotFound):
        rows.given([], str(tmp_path / "missing.csv"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rows"),
        ("a,b\n", "no rows"),
        ("a,b\n1\n", "row 1 .* another number of cells"),
        ("a,b\n1,2\n1,2,3\n", "row 2 .* another number of cells"),
        ("{", "not JSON"),
        ("[1]", "something else"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused(text, said):
    with pytest.raises(Invalid, match=said):
        rows.parse(text, "x")


def test_a_request_has_a_tensor_a_column():
    made = request([{"size": "1.5", "colour": "red", "count": 2}, {"colour": None}], INPUTS)
    assert made == {
        "inputs": [
            {"name": "size", "datatype": "FP64", "shape": [2, 1], "data": [1.5, None]},
            {"name": "colour", "datatype": "BYTES", "shape": [2, 1], "data": ["red", ""]},
            {"name": "count", "datatype": "INT64", "shape": [2, 1], "data": [2, None]},
        ]
    }


def test_unknown_inputs_are_refused_or_passed_over():
    with pytest.raises(Invalid, match="no input 'price'"):
        request([{"size": 1, "price": 2}], INPUTS)
    assert request([{"size": 1, "price": 2}], INPUTS, ignore_others=True)["inputs"][0]["data"] == [1.0]
    with pytest.raises(Invalid, match="no input 'price'"):
        request([{"price": 2}], INPUTS, ignore_others=True)


def test_text_for_a_number_is_refused():
    with pytest.raises(Invalid, match="size takes a number, not 'big'"):
        request([{"size": "big"}], INPUTS)


def test_the_last_days_are_a_forecasters_window():
    days = [{"Date": f"2020-01-0{n}", "change": str(n), "weekday": n / 10} for n in (1, 2, 3)]
    (window,) = request(days, WINDOW)["inputs"]
    assert window == {
        "name": "window",
        "datatype": "FP64",
        "shape": [1, 2, 2],
        "data": [2.0, 0.2, 3.0, 0.3],
    }
    with pytest.raises(Invalid, match="looks at the last 2 days, not 1"):
        request(days[:1], WINDOW)
    with pytest.raises(Invalid, match="say nothing of change"):
        request([*days, {"weekday": 1}], WINDOW)
