"""Versions are counted from what a model repo holds, by the first commit of each content."""

import json

import pytest

from howdah.cli import tree
from howdah.cli.failures import run
from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.daemon.house import House
from howdah.errors import NotFound
from howdah.lineage import versions


def test_versions_are_counted_by_content_in_the_order_of_their_commits(files: Files) -> None:
    files.ensure_repo("cars-model", "")
    assert versions.numbered(files, "cars-model") == {}
    with pytest.raises(NotFound, match="no model cars:v1"):
        versions.commit_of(files, "cars:v1", "default", "")
    files.put("cars-model@master", {"/notes": b"no model yet"})
    one, two, again, three = (
        files.put("cars-model@master", {"/model.json": text}) for text in (b"1", b"2", b"1", b"3")
    )
    assert versions.numbered(files, "cars-model") == {one: 1, two: 2, again: 1, three: 3}
    found = [versions.commit_of(files, f"cars:v{number}", "default", "") for number in (1, 2, 3)]
    assert found == [one, two, three]
    assert versions.commit_of(files, "cars:v1", "default", again) == again
    with pytest.raises(NotFound, match="no model cars:v4") as refused:
        versions.commit_of(files, "cars:v4", "default", "")
    assert "cars has 3 versions" in str(refused.value.why)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cars:v2", ("cars", 2)),
        ("cars", ("cars", None)),
        ("cars:v0", ("cars:v0", None)),
        ("cars:v02", ("cars:v02", None)),
        ("8e5cc469-c0e6-4d65-90e0-67bdbe7b5f1f", ("8e5cc469-c0e6-4d65-90e0-67bdbe7b5f1f", None)),
    ],
)
def test_a_version_is_a_case_and_a_number(text: str, parts: tuple[str, int | None]) -> None:
    assert versions.split(text) == parts
    assert versions.is_version(text) == (parts[1] is not None)


COMPARE = """
name=$(cat /pfs/numbered-model/model.json)
echo '{"rows": 3, "window": '$name', "champion": null, "challenger": {"metrics": {"mae": 1.5}}}' \\
    > /pfs/out/comparison.json
"""


@pytest.mark.slow
def test_the_comparison_and_the_standing_of_a_version_are_shown(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PACHD_ADDRESS", house.running.pachd)
    pachd = Pachd(Address.parse(house.running.pachd))
    files = Files(pachd)
    for part in ("raw", "policy"):
        files.ensure_repo(f"numbered-{part}", "")
    scripts = {"model": ("raw", "cp /pfs/numbered-raw/model.json /pfs/out"), "compare": ("model", COMPARE)}
    for part, (source, script) in scripts.items():
        spec = {
            "pipeline": {"name": f"numbered-{part}"},
            "input": {"pfs": {"repo": f"numbered-{source}", "glob": "/*"}},
            "transform": {"cmd": ["sh"], "stdin": [script]},
        }
        pachd.call("pps_v2.API/CreatePipelineV2", create_pipeline_request_json=json.dumps(spec))
    made = []
    for name in ("one", "two"):
        made.append(files.put("numbered-raw@master", {"/model.json": json.dumps(name).encode()}))
        commit_set = pachd.message("pfs_v2.CommitSet", id=made[-1])
        list(pachd.stream("pfs_v2.API/InspectCommitSet", commit_set=commit_set, wait=True))

    def said(*words: str) -> str:
        assert run(tree.app, "howdah", list(words)) == 0
        return capsys.readouterr().out

    assert said("compare", "numbered:v1").startswith("3 rows: one\n")
    assert said("compare", "numbered:v2") == said("compare", "numbered")
    said("promote", "numbered:v1", "--reason", "so")
    assert f"v1      {made[0]} champion\nv2      {made[1]}\n" in said("models", "numbered")
    (entry,) = json.loads(said("models", "numbered", "--json"))
    assert (entry["version"], entry["subject"]) == ("v1", made[0])
    (standing,) = (each for each in json.loads(said("models", "--json")) if each["case"] == "numbered")
    told = (standing["champion_version"], standing["challenger_version"], standing["challenger"])
    assert told == ("v1", "v2", made[1])
