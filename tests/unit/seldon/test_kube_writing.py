"""Patches, ownership, conflicts and the change log, without a socket."""

from pathlib import Path

import pytest

from howdah.core.clock import SystemClock
from howdah.core.json import as_list, at
from howdah.seldon.kube import ownership, patches
from howdah.seldon.kube.failures import Failure
from howdah.seldon.kube.resources import SECRET, SELDON_DEPLOYMENT
from howdah.seldon.kube.selectors import selector
from howdah.seldon.kube.writing import Write, Writer
from howdah.seldon.objects import Expired, Moved, Objects
from howdah.seldon.tables import CHANGES_KEPT, Tables

NOW = "2026-01-01T00:00:00Z"


@pytest.fixture
def store(tmp_path: Path):
    tables = Tables(tmp_path / "seldon.db")
    yield Objects(tables, SystemClock())
    tables.close()


def write(name: str = "s", manager: str = "me", resource=SECRET, **more) -> Write:
    return Write(
        resource,
        "ns",
        name,
        more.get("subresource", ""),
        manager,
        more.get("dry", False),
        more.get("force", False),
    )


def secret(**data: str) -> dict:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data}


def deployment(replicas: int = 1, **metadata: object) -> dict:
    graph = {"name": "m", "implementation": "SKLEARN_SERVER", "modelUri": "/m"}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "s", **metadata},
        "spec": {"replicas": replicas, "predictors": [{"name": "p", "graph": graph}]},
    }


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({}, {"a": {"b": None}}, {"a": {}}),
    ],
)
def test_merge_patch(target: dict, patch: dict, expected: dict):
    assert patches.merge(target, patch) == expected


def test_json_patch():
    document = {"a": [1, 2], "b": {"c/d": 1}}
    operations = [
        {"op": "test", "path": "/a/0", "value": 1},
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "replace", "path": "/b/c~1d", "value": 2},
        {"op": "remove", "path": "/a/0"},
        {"op": "copy", "from": "/a", "path": "/e"},
        {"op": "move", "from": "/b", "path": "/f"},
    ]
    assert patches.json_patch(document, operations) == {"a": [2, 3], "e": [2, 3], "f": {"c/d": 2}}
    assert document == {"a": [1, 2], "b": {"c/d": 1}}, "all operations or none"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/x"},
        {"op": "replace", "path": "/x", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "fly", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
    ],
)
def test_a_json_patch_that_cannot_be(operation: dict):
    with pytest.raises(Failure):
        patches.json_patch({"a": 1}, [operation])


def test_apply_owns_what_it_says_and_removes_what_it_no_longer_says(store: Objects):
    writer = Writer(store)
    kind = "application/apply-patch+yaml"
    _, created = writer.patch(write(), kind, secret(a="MQ==", b="MQ=="))
    assert created
    stored, created = writer.patch(write(), kind, secret(a="MQ=="))
    assert not created
    assert stored["data"] == {"a": "MQ=="}
    same, _ = writer.patch(write(), kind, secret(a="MQ=="))
    assert same == stored, "an apply that changes nothing makes no new version"


def test_apply_conflicts_with_another_owner_unless_forced(store: Objects):
    writer = Writer(store)
    kind = "application/apply-patch+yaml"
    writer.patch(write(manager="first"), kind, secret(a="MQ=="))
    with pytest.raises(Failure) as refused:
        writer.patch(write(manager="second"), kind, secret(a="Mg=="))
    assert refused.value.code == 409
    assert ".data.a" in refused.value.message
    assert '"first"' in refused.value.message
    stored, _ = writer.patch(write(manager="second", force=True), kind, secret(a="Mg=="))
    assert stored["data"] == {"a": "Mg=="}
    owners = {owner.manager: owner.paths for owner in ownership.owners(stored)}
    assert ("data", "a") in owners["second"]
    assert ("data", "a") not in owners.get("first", frozenset())


def test_two_appliers_that_agree_share_a_field(store: Objects):
    writer = Writer(store)
    kind = "application/apply-patch+yaml"
    writer.patch(write(manager="first"), kind, secret(a="MQ=="))
    writer.patch(write(manager="second"), kind, secret(a="MQ=="))
    stored, _ = writer.patch(write(manager="first"), kind, secret(b="MQ=="))
    assert stored["data"] == {"a": "MQ==", "b": "MQ=="}, "the second still wants it"


def test_a_plain_write_takes_over_what_it_changes(store: Objects):
    writer = Writer(store)
    writer.patch(write(manager="applier"), "application/apply-patch+yaml", secret(a="MQ==", b="MQ=="))
    stored, _ = writer.patch(
        write(manager="patcher"), "application/merge-patch+json", {"data": {"a": "Mg=="}}
    )
    owners = {owner.manager: owner.paths for owner in ownership.owners(stored)}
    assert owners["patcher"] == {("data", "a")}
    assert owners["applier"] >= {("data", "b")}
    assert ("data", "a") not in owners["applier"]


def test_a_write_from_an_old_version_is_a_conflict(store: Objects):
    writer = Writer(store)
    first = writer.create(write(), secret(a="MQ=="))
    writer.replace(write(), {**first, "data": {"a": "Mg=="}})
    with pytest.raises(Moved):
        writer.replace(write(), {**first, "data": {"a": "Mw=="}})


def test_generation_counts_specs_and_status_is_written_apart(store: Objects):
    writer = Writer(store)
    about = write(resource=SELDON_DEPLOYMENT)
    created = writer.create(about, {**deployment(), "status": {"state": "Available"}})
    assert "status" not in created
    status = write(resource=SELDON_DEPLOYMENT, subresource="status")
    told = writer.replace(status, {**created, "spec": {}, "status": {"state": "Creating"}})
    assert told["status"] == {"state": "Creating"}
    assert at(told, "spec", "replicas") == 1
    assert at(told, "metadata", "generation") == 1
    changed = writer.replace(about, {**deployment(2), "metadata": told["metadata"]})
    assert at(changed, "metadata", "generation") == 2
    assert changed["status"] == {"state": "Creating"}


def test_a_dry_run_changes_nothing(store: Objects):
    writer = Writer(store)
    shown = writer.create(write(dry=True), secret(a="MQ=="))
    assert at(shown, "metadata", "uid")
    assert store.scan("secrets")[0] == []


def test_preconditions_of_a_delete(store: Objects):
    writer = Writer(store)
    writer.create(write(), secret())
    with pytest.raises(Failure, match="Precondition failed"):
        writer.delete(write(), {"preconditions": {"uid": "another"}})
    assert writer.delete(write(), {})["status"] == "Success"


@pytest.mark.slow
def test_a_watch_that_was_away_too_long_has_to_list_again(store: Objects):
    store.create("secrets", "ns", "s", secret())
    first = int(str(at(store.get("secrets", "ns", "s"), "metadata", "resourceVersion")))
    for number in range(CHANGES_KEPT + 5):
        store.replace("secrets", "ns", "s", {**store.get("secrets", "ns", "s"), "type": str(number)})
    with pytest.raises(Expired):
        store.changes("secrets", first)
    last = store.scan("secrets")[1]
    assert store.changes("secrets", last) == ()


def test_versions_survive_the_file(tmp_path: Path):
    tables = Tables(tmp_path / "a.db")
    Objects(tables, SystemClock()).create("secrets", "ns", "s", secret())
    before = tables.version()
    tables.close()
    again = Tables(tmp_path / "a.db")
    assert again.version() == before
    assert [change.type for change in again.changes("secrets", 0)] == ["ADDED"]
    again.close()


def test_the_same_event_counts_up(store: Objects):
    about = store.create("seldondeployments", "ns", "d", deployment())
    store.record_event(about, "BackOff", "again", "Warning")
    store.record_event(about, "BackOff", "again", "Warning")
    store.record_event(about, "Ready", "now")
    events, _ = store.scan("events")
    assert sorted((event["reason"], event["count"]) for event in events) == [("BackOff", 2), ("Ready", 1)]


@pytest.mark.parametrize(
    ("labels", "fields", "found"),
    [
        ("", "", True),
        ("app=x", "", True),
        ("app!=x", "", False),
        ("app in (x, y)", "", True),
        ("app notin (x)", "", False),
        ("app,!other", "", True),
        ("", "metadata.name=s", True),
        ("", "metadata.name!=s", False),
        ("app=x", "metadata.namespace=other", False),
    ],
)
def test_selectors(labels: str, fields: str, found: bool):
    document = {"metadata": {"name": "s", "namespace": "ns", "labels": {"app": "x"}}}
    assert selector(labels, fields)(document) is found


def test_managed_fields_round_trip():
    written = ownership.written(None, deployment(), "kubectl", NOW)
    entry = as_list(at(written, "metadata", "managedFields"))[0]
    assert isinstance(entry, dict)
    assert entry["fieldsV1"] == {"f:spec": {"f:predictors": {}, "f:replicas": {}}}
    assert ownership.owners(written)[0].paths == {("spec", "predictors"), ("spec", "replicas")}
