"""`howdah.connect()` against a daemon, as a notebook uses it."""

import pandas as pd
import pytest

import howdah
from howdah.cli import models
from howdah.cli.notebooks import Connection, Explanation, Prediction
from howdah.client.files import Files
from howdah.client.predictions import Answer
from howdah.daemon.house import House
from howdah.errors import Invalid, NotFound
from howdah.monitoring.plan import Kind

pytestmark = pytest.mark.slow


@pytest.fixture
def there(house: House, tmp_path, monkeypatch):
    monkeypatch.delenv("PACHD_ADDRESS", raising=False)
    with howdah.connect(house.running.pachd, state=tmp_path / "none") as made:
        yield made


def test_commits_files_and_frames(there: Connection, house: House) -> None:
    files = Files.at(house.running.pachd)
    files.ensure_repo("noted", "")
    first = files.put("noted@master", {"/cars.csv": b"name,speed\nfiat,130\nford,\n"}, "<first>")
    second = files.put("noted@master", {"/notes.txt": b"none"})
    commit = there.commit("noted@master")
    assert (commit.id, commit.paths()) == (second, ["/cars.csv", "/notes.txt"])
    assert [each.id for each in there.commits("noted")] == [second, first]
    frame = commit.frame("/cars.csv", index_col="name")
    assert frame.speed["fiat"] == 130
    assert "<td>/cars.csv</td>" in commit._repr_html_()
    assert "&lt;first&gt;" in there.commit(f"noted@{first}")._repr_html_()
    assert {"project": "default", "repo": "noted"} in there.repos()
    with pytest.raises(Invalid, match="no table"):
        commit.frame("/notes.txt")
    with pytest.raises(Invalid, match="names no commit"):
        there.commit("noted")
    with pytest.raises(NotFound):
        there.commit("noted@nothing")


def test_what_is_not_there_is_said(there: Connection) -> None:
    with pytest.raises(NotFound, match="no ingress is known"):
        there.predict("cars", {"speed": 1})
    with pytest.raises(Invalid, match="names no job"):
        there.datums("copy")
    with pytest.raises(NotFound, match="no case 'cars'"):
        there.promote("cars", reason="it is better")


def test_a_person_promotes_the_newest_model_or_a_named_one(there: Connection, house: House) -> None:
    files = Files.at(house.running.pachd)
    for part in ("policy", "model", "decisions"):
        files.ensure_repo(f"boats-{part}", "")
    old, new = (files.put("boats-model@master", {"/model.json": content}) for content in (b"{}", b"[]"))
    assert there.promote("boats", reason="it is better") == new
    assert there.promote("boats", old, reason="it was better") == old
    record = models.case_of(files, "boats", "default").record()
    assert [(entry.kind, entry.subject, entry.reason) for entry in record] == [
        (Kind.PROMOTED, new, "it is better"),
        (Kind.PROMOTED, old, "it was better"),
    ]
    with pytest.raises(Invalid, match="holds no model"):
        there.promote("boats", "0" * 32, reason="there is none")


def test_answers_show_themselves() -> None:
    answer = Prediction(Answer("id-1", "cars", {"speed": [130.123456789, 2], "name": ["<a>", "b"]}))
    assert answer == [{"speed": 130.123456789, "name": "<a>"}, {"speed": 2, "name": "b"}]
    assert "<td>130.123</td><td>&lt;a&gt;</td>" in answer._repr_html_()
    assert isinstance(answer.frame(), pd.DataFrame)
    assert Explanation({"shares": {"weight": -2.5}}) == [{"input": "weight", "share": -2.5}]
