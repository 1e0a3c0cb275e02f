"""What a person may add to the record of decisions, as a table; and what the page weighs."""

import gzip
from importlib.resources import files

import pytest

from howdah.console.writing import Asked, decided, overtaken
from howdah.errors import Conflict, Invalid
from howdah.monitoring.plan import Decision, Kind

OLD, NEW, DRIFT = "a" * 32, "b" * 32, "c" * 32
RECORD = (
    Decision(Kind.PROMOTED, OLD, "first"),
    Decision(Kind.RETRAINED, DRIFT, "drift"),
)


def asked(kind, subject):
    return Asked(case="scores", kind=kind, subject=subject, reason="so", actor="Ada", entries=2)


def test_a_promotion_carries_the_name_and_the_reason():
    assert decided(asked(Kind.PROMOTED, NEW), RECORD) == Decision(Kind.PROMOTED, NEW, "so", actor="Ada")


def test_the_way_back_leads_only_to_a_former_champion():
    promoted = (*RECORD, Decision(Kind.PROMOTED, NEW, "better"))
    assert decided(asked(Kind.ROLLED_BACK, OLD), promoted).subject == OLD


def test_a_retraining_names_the_version_that_it_is_to_be_like():
    like_old = asked(Kind.RETRAINED, DRIFT).model_copy(update={"like": OLD})
    assert decided(like_old, RECORD) == Decision(Kind.RETRAINED, DRIFT, "so", actor="Ada", like=OLD)
    with pytest.raises(Conflict):
        decided(like_old, (*RECORD, Decision(Kind.RETRAINED, DRIFT, "so", like=OLD)))


def test_only_what_somebody_decided_overtakes_a_decision():
    assert not overtaken(RECORD, 2)
    assert not overtaken((*RECORD, Decision(Kind.REFUSED, DRIFT, "paused")), 2)
    assert overtaken((*RECORD, Decision(Kind.HELD, NEW, "no better")), 2)
    assert overtaken(RECORD, 3)


@pytest.mark.parametrize(
    ("kind", "subject", "error"),
    [
        (Kind.PROMOTED, OLD, Conflict),
        (Kind.RETRAINED, DRIFT, Conflict),
        (Kind.ROLLED_BACK, NEW, Invalid),
        (Kind.HELD, NEW, Invalid),
        (Kind.REFUSED, NEW, Invalid),
    ],
)
def test_what_makes_no_sense_is_refused(kind, subject, error):
    with pytest.raises(error):
        decided(asked(kind, subject), RECORD)


def test_the_page_is_light():
    assets = [each for each in (files("howdah.console") / "assets").iterdir() if each.is_file()]
    assert sum(len(gzip.compress(each.read_bytes())) for each in assets) < 600_000


def test_nothing_comes_from_elsewhere_and_nothing_is_inline():
    page = (files("howdah.console") / "assets" / "index.html").read_text()
    assert "//" not in page.replace("<!doctype", "")
    assert "<style" not in page
    assert all("src=" in tag.split(">")[0] for tag in page.split("<script")[1:])
