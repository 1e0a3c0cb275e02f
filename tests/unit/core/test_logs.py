import io
import json

import pytest

from howdah.core import logs


@pytest.fixture(autouse=True)
def _as_before():
    yield
    logs.configure("warning", "human")


def said(level="info", format="auto"):
    out = io.StringIO()
    logs.configure(level, format, out)
    return out


def test_off_a_terminal_each_event_is_one_json_object():
    out = said()
    logs.get("pachd").bind(job="j1").info("job finished", datums=3)
    line = json.loads(out.getvalue())
    assert line["event"] == "job finished"
    assert (line["part"], line["job"], line["datums"], line["level"]) == ("pachd", "j1", 3, "info")
    assert line["timestamp"].endswith("Z")


def test_for_a_person_it_is_a_line_of_text():
    out = said(format="human")
    logs.get("pachd").info("job finished", datums=3)
    assert "job finished" in out.getvalue()
    assert "datums=3" in out.getvalue()
    assert "{" not in out.getvalue()


def test_below_the_level_nothing_is_said():
    out = said(level="warning")
    logs.get("pachd").info("quiet")
    assert out.getvalue() == ""


@pytest.mark.parametrize("format", ["human", "json"])
def test_features_and_credentials_are_struck_out_at_any_depth(format):
    out = said(format=format)
    logs.get("seldon").info(
        "predicted",
        inputs=[[63, "cholesterol 233"]],
        request={"payload": "cholesterol 233", "id": "p1"},
        batches=[{"features": "cholesterol 233"}],
        Token="cholesterol 233",
    )
    assert "cholesterol" not in out.getvalue()
    assert "p1" in out.getvalue()


@pytest.mark.parametrize("format", ["human", "json"])
def test_a_traceback_shows_no_locals(format):
    out = said(format=format)
    cholesterol = 233_377
    try:
        raise ValueError("no")
    except ValueError:
        logs.get("seldon").exception("failed")
    assert "ValueError: no" in out.getvalue()
    assert str(cholesterol) not in out.getvalue()


def test_bytes_and_long_texts_are_cut():
    out = said()
    logs.get("pachd").info("got", chunk=b"secret bytes", reason="x" * 5000)
    line = json.loads(out.getvalue())
    assert line["chunk"] == "12 bytes"
    assert len(line["reason"]) < 2100


def test_a_log_made_before_configuration_obeys_it():
    log = logs.get("early")
    out = said()
    log.info("now")
    assert "now" in out.getvalue()
