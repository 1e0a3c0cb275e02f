import pytest

from howdah.cli.pachctl.logs import _span
from howdah.errors import Invalid


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("0", 0, 0),
        ("90s", 90, 0),
        ("1h30m", 5400, 0),
        ("1.5h", 5400, 0),
        ("500ms", 0, 500_000_000),
        (".5m1.25s", 31, 250_000_000),
        ("3us7ns", 0, 3007),
    ],
)
def test_a_span_is_read_as_go_writes_it(text, seconds, nanos):
    assert _span(text) == {"seconds": seconds, "nanos": nanos}


@pytest.mark.parametrize("text", ["", "5", "1d", "h", "1.5.5h", "-3s", "1h 30m"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(Invalid, match="wants a span") as refused:
        _span(text)
    assert "1.5h" in refused.value.remedy
