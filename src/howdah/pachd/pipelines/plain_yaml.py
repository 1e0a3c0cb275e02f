"""YAML as JSON knows it: one document, no dates, since a spec's times are texts."""

import yaml

from howdah.pachd.pipelines.schema import Json


class NotYaml(ValueError):
    """With the problem and where it is."""


class _Loader(yaml.SafeLoader):
    pass


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Json:
    try:
        parsed: Json = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise NotYaml(_first_line(error)) from error
    return parsed


def _first_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)
