"""Which isolation is chosen, and what the user is told when there is none."""

import shutil

import pytest

from howdah.pachd.pipelines.workers import isolation as isolations
from howdah.pachd.pipelines.workers.isolation import Detected, Isolation, detect

NONE = (
    "user code runs as a plain process here: "
    "it finds its data under PFS_ROOT and is not kept from other files"
)


@pytest.fixture(autouse=True)
def everything_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(isolations.os, "unshare", lambda flags: None, raising=False)


def test_both_refused_leave_a_plain_process_and_say_why() -> None:
    tried: list[Isolation] = []

    def refuse(isolation: Isolation) -> str:
        tried.append(isolation)
        return f"no permission ({len(tried)})"

    found = detect(refuse)
    assert tried == [Isolation.BUBBLEWRAP, Isolation.NAMESPACES]
    assert not found.isolation.shuts_in
    assert found == Detected(
        Isolation.PLAIN, f"{NONE} (bubblewrap: no permission (1); namespaces: no permission (2))"
    )


@pytest.mark.parametrize("works", [Isolation.BUBBLEWRAP, Isolation.NAMESPACES])
def test_the_first_that_works_is_taken_without_a_word(works: Isolation) -> None:
    assert detect(lambda tried: None if tried is works else "refused") == Detected(works)


def test_what_is_not_there_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delattr(isolations.os, "unshare")
    tried: list[Isolation] = []
    found = detect(lambda isolation: tried.append(isolation))
    assert tried == []
    assert found.warning == f"{NONE} (bubblewrap is not installed; this system has no namespaces)"
