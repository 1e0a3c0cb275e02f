"""The push channel of the console: what changed is told, to pages that come early and late."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from howdah.client.files import Files
from howdah.daemon.house import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def heard(house: House) -> Iterator[object]:
    """Each event's data; ends with an error after half a minute of silence."""
    with urllib.request.urlopen(f"{house.running.http}/console/events", timeout=30) as channel:
        for line in channel:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def until(channel: Iterator[object], topic: str) -> None:
    for data in channel:
        if isinstance(data, list) and topic in data:
            return
    raise AssertionError(f"the channel ended before it told of {topic}")


def test_what_happens_is_told_by_name(house: House) -> None:
    files = Files.at(house.running.pachd)
    channel = heard(house)
    assert "told_since_ms" in next(channel)  # type: ignore[operator]
    files.ensure_repo("default/told", "")
    until(channel, "repos:default/told")
    files.put("told@master", {"/a": b"1"})
    until(channel, "commits:default/told")


def test_who_comes_later_hears_only_what_is_new(house: House) -> None:
    files = Files.at(house.running.pachd)
    files.ensure_repo("default/old", "")
    first = heard(house)
    until(first, "repos:default/old")
    second = heard(house)
    said = next(second)
    assert isinstance(said, dict)
    assert said["told_since_ms"] > 0
    files.ensure_repo("default/new", "")
    told = next(data for data in second if data)
    assert "repos:default/new" in told  # type: ignore[operator]
    assert "repos:default/old" not in told  # type: ignore[operator]
