"""Which topics a look tells, from what was seen before."""

from howdah.console.events import changed

BEFORE = {"repos:d/a": "1", "commits:d/a": "1", "commits:d/b": "1", "one:commits:x": "", "one:commits:y": ""}


def test_only_what_differs_is_told():
    assert changed(BEFORE, BEFORE) == []
    assert changed(BEFORE, {**BEFORE, "commits:d/b": "2"}) == ["commits:d/b"]
    assert changed(BEFORE, {**BEFORE, "commits:d/c": "1"}) == ["commits:d/c"]


def test_what_vanished_is_told():
    now = {topic: digest for topic, digest in BEFORE.items() if topic != "repos:d/a"}
    assert changed(BEFORE, now) == ["repos:d/a"]


def test_the_whole_kind_is_told_where_looks_do_not_overlap():
    gone = {topic: digest for topic, digest in BEFORE.items() if not topic.startswith("one:")}
    assert "commits" not in changed(BEFORE, {**gone, "one:commits:y": "", "one:commits:z": ""})
    assert "commits" in changed(BEFORE, {**gone, "one:commits:z": ""})


def test_the_first_look_tells_everything():
    assert changed({}, BEFORE) == ["commits", "commits:d/a", "commits:d/b", "repos:d/a"]
