"""Specs: every field of Pachyderm's known, errors that lead to the key, defaults by merge patch."""

import json

import pytest

from howdah.pachd.pipelines.defaults import effective_spec, merge_patch, parse_defaults
from howdah.pachd.pipelines.inputs import Combined, CronInput, PfsInput
from howdah.pachd.pipelines.schema import SpecError, canonical_spec, shape
from howdah.pachd.pipelines.spec import not_honoured, parse

EDGES = {
    "pipeline": {"name": "edges"},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
    "transform": {"cmd": ["python3", "/edges.py"], "image": "vision"},
}


def spec_of(**changes: object):
    return parse(effective_spec(json.dumps(EDGES | changes)).value)


def test_both_spellings_and_yaml_mean_the_same() -> None:
    snake = effective_spec(json.dumps(EDGES | {"datum_tries": 5, "output_branch": "dev"}))
    camel = effective_spec(json.dumps(EDGES | {"datumTries": 5, "outputBranch": "dev"}))
    yaml = effective_spec(
        "pipeline: {name: edges}\ninput:\n  pfs: {repo: images, glob: /*}\n"
        "transform: {cmd: [python3, /edges.py], image: vision}\ndatum_tries: 5\noutput_branch: dev\n"
    )
    assert snake.value == camel.value == yaml.value
    assert parse(snake.value).datum_tries == 5
    assert snake.user_json != camel.user_json  # verbatim


def test_every_field_of_the_message_is_known() -> None:
    names = {field.json_name for field in shape("pps_v2.CreatePipelineRequest").values()}
    assert {"podPatch", "tolerations", "maximumExpectedUptime", "datumSetSpec", "s3Out"} <= names
    assert shape("pps_v2.Egress")["URL"].kind == "string"
    assert shape("pps_v2.Toleration")["tolerationSeconds"].kind == "int64"


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"trasnform": {}}, "trasnform", 'did you mean "transform"?'),
        ({"transform": {"cmdd": ["x"]}}, "transform.cmdd", 'did you mean "cmd"?'),
        ({"transform": {"image": "x", "cmd": []}}, "transform.cmd", "no image's own entrypoint"),
        ({"transform": {"cmd": "sh"}}, "transform.cmd", 'expected a list, not "sh"'),
        ({"transform": {"cmd": [1]}}, "transform.cmd[0]", "expected a text, not the number 1"),
        ({"transform": {"env": {"A": 1}}}, "transform.env.A", "expected a text"),
        ({"datum_tries": "many"}, "datum_tries", "expected a whole number"),
        ({"parallelism_spec": {"constant": -1}}, "parallelism_spec.constant", "must not be negative"),
        ({"datum_timeout": "5m"}, "datum_timeout", 'seconds such as "300s"'),
        ({"tolerations": [{"effect": "LOUD"}]}, "tolerations[0].effect", "NO_SCHEDULE"),
        ({"input": {"pfs": {"repo": "a", "glob": "/*"}, "cron": {"name": "t", "spec": "@daily"}}}, "input",
         "multiple input types set"),
        ({"input": {}}, "input", "no input set"),
        ({"input": {"pfs": {"glob": "/*"}}}, "input.pfs.repo", "must specify a repo"),
        ({"input": {"pfs": {"repo": "a"}}}, "input.pfs.glob", "must specify a glob"),
        ({"input": {"pfs": {"repo": "a", "glob": "/(", "commit": ""}}}, "input.pfs.glob", "glob"),
        ({"input": {"pfs": {"repo": "a", "glob": "/", "commit": "x"}}}, "input.pfs.commit", "use a branch"),
        ({"input": {"cron": {"name": "t", "spec": "61 * * * *"}}}, "input.cron.spec", "error parsing"),
        ({"input": {"cron": {"name": "t", "spec": "@every 5x"}}}, "input.cron.spec", "error parsing"),
        ({"input": {"cross": [{"pfs": {"repo": "a", "glob": "/"}}, {"pfs": {"repo": "a", "glob": "/*"}}]}},
         "input.cross[1]", 'name "a" was used more than once'),
        ({"spout": {}}, "spout", "spouts are not supported here"),
        ({"egress": {"URL": "s3://b"}}, "egress", "egress is not supported here"),
        ({"s3_out": True}, "s3Out", "write files to /pfs/out"),
        ({"input": {"pfs": {"repo": "a", "glob": "/", "s3": True}}}, "input.pfs.s3", "S3 inputs"),
        ({"transform": {"cmd": ["a"], "image": "docker://alpine"}}, "transform.image", "no container engine"),
        ({"service": {"internalPort": 80, "type": "Postal"}}, "service.type", "Postal is not allowed"),
        ({"service": {}, "parallelismSpec": {"constant": 2}}, "parallelismSpec.constant", "parallelism of 1"),
        ({"reprocess_spec": "never"}, "reprocessSpec", "must be one of 'until_success' or 'every_job'"),
        ({"pipeline": {"name": "x" * 52}}, "pipeline.name", "1 characters longer than the 51 max"),
        ({"pipeline": {"name": "a b"}}, "pipeline.name", "invalid pipeline name"),
        ({"pipeline": {}}, "pipeline.name", "needs a name"),
        ({"datum_set_spec": {"number": 1, "perWorker": 2}}, "datumSetSpec.perWorker", "together"),
        ({"transform": {"cmd": ["a"], "secrets": [{"name": "s", "envVar": "S"}]}},
         "transform.secrets[0].key", "missing key"),
        ({"resource_limits": {"memory": "lots"}}, "resourceLimits.memory", '"2Gi"'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path(changes: dict[str, object], path: str, says: str) -> None:
    with pytest.raises(SpecError) as error:
        spec_of(**changes)
    assert error.value.path == path
    assert says in str(error.value)


def test_defaults_merge_in_order_and_null_deletes() -> None:
    cluster = '{"create_pipeline_request": {"datumTries": 7, "resourceLimits": {"memory": "1Gi", "cpu": 1}}}'
    project = '{"createPipelineRequest": {"resource_limits": {"cpu": null}, "description": "of the project"}}'
    effective = effective_spec(json.dumps(EDGES | {"description": "mine"}), cluster, project).value
    assert effective["datumTries"] == 7
    assert effective["resourceLimits"] == {"memory": "1Gi"}
    assert effective["description"] == "mine"
    assert effective["reprocessSpec"] == "until_success"
    assert parse(effective).limits.memory_bytes == 2**30


def test_merge_patch_replaces_lists_whole() -> None:
    assert merge_patch({"a": [1, 2], "b": {"c": 1}}, {"a": [3], "b": {"d": 2}}) == {
        "a": [3],
        "b": {"c": 1, "d": 2},
    }


def test_defaults_cannot_name_a_pipeline() -> None:
    with pytest.raises(SpecError, match="defaults cannot set this"):
        parse_defaults('{"createPipelineRequest": {"pipeline": {"name": "all"}}}')
    assert parse_defaults("") == {}


def test_what_only_kubernetes_honours_is_listed_and_kept() -> None:
    spec = EDGES | {"pod_patch": "[]", "autoscaling": True, "resourceLimits": {"gpu": {"number": 1}}}
    effective = effective_spec(json.dumps(spec))
    assert not_honoured(effective.value) == ("podPatch", "autoscaling", "resourceLimits.gpu")
    assert json.loads(effective.effective_json)["podPatch"] == "[]"


def test_input_defaults_follow_pachyderm() -> None:
    spec = spec_of(
        input={
            "cross": [
                {"pfs": {"repo": "b", "glob": "models/*", "trigger": {"commits": 2}}},
                {"cron": {"name": "tick", "spec": "@every 1h30m"}},
                {"pfs": {"repo": "a", "glob": "/x/", "project": "other"}},
            ]
        }
    )
    assert isinstance(spec.input, Combined)
    tick, a, b = spec.input.parts  # ordered by name; a cron's is empty, as upstream
    assert isinstance(tick, CronInput) and isinstance(a, PfsInput) and isinstance(b, PfsInput)
    assert tick.repo.name == "edges_tick"
    assert (a.repo.project, a.branch, a.glob, a.name) == ("other", "master", "/x", "a")
    assert (b.branch, b.glob) == ("edges-trigger-1", "/models/*")
    assert b.trigger is not None and b.trigger.branch == "master"


def test_a_union_may_share_names() -> None:
    part = {"pfs": {"repo": "a", "name": "in", "glob": "/*"}}
    spec = spec_of(input={"union": [part, {"pfs": {"repo": "b", "name": "in", "glob": "/*"}}]})
    assert isinstance(spec.input, Combined)


def test_canonical_names_enums_by_name() -> None:
    value = canonical_spec({"tolerations": [{"effect": 1, "tolerationSeconds": "5"}], "salt": None})
    assert value == {"tolerations": [{"effect": "NO_SCHEDULE", "tolerationSeconds": "5"}], "salt": None}


def test_text_that_is_neither_json_nor_yaml() -> None:
    with pytest.raises(SpecError, match="the spec is not JSON"):
        effective_spec('{"pipeline": {"name": }')
    with pytest.raises(SpecError, match=r"neither JSON nor YAML.*line 2"):
        effective_spec("a: [1\nb: ]")
    with pytest.raises(SpecError, match="expected an object"):
        effective_spec("just words")


def test_fractions_of_processors_and_users_are_said_to_have_no_effect() -> None:
    asked = {"resourceLimits": {"cpu": 0.5, "disk": "1Gi"}, "transform": {"cmd": ["x"], "user": "1000"}}
    effective = effective_spec(json.dumps(EDGES | asked))
    assert not_honoured(effective.value) == (
        "transform.user",
        "resourceLimits.cpu (without control groups 0.5 counts as 1)",
    )


def test_a_service_needs_ports_that_exist() -> None:
    with pytest.raises(SpecError, match=r"service\.internalPort: name the port that your code listens on"):
        spec_of(service={"externalPort": 8080})
    with pytest.raises(SpecError, match=r"service\.externalPort: 70000 is no port"):
        spec_of(service={"internalPort": 80, "externalPort": 70000})
