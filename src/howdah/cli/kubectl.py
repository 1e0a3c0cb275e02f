"""`howdah kubectl`: the machine's own kubectl with the right kubeconfig, or the few verbs that
deployments need where there is none.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import yaml

from howdah.cli.pachctl.printing import table
from howdah.cli.pachctl.specs import documents
from howdah.cli.surroundings import State, kubeconfig
from howdah.client.deployments import Deployments, Manifest
from howdah.core.json import as_text, at
from howdah.errors import Invalid

KINDS = ("sdep", "seldondeployment", "seldondeployments")
Words = Annotated[
    list[str] | None, typer.Argument(metavar="…", help="What kubectl takes.", show_default=False)
]


def kubectl(
    words: Words = None,
    state: State = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="Do not run the machine's kubectl.")] = False,
) -> None:
    """Run kubectl against Howdah, or apply, get, describe, delete, logs where there is no kubectl.

    Options of Howdah's own stand before the first word; all others are kubectl's.

    Examples:

      howdah kubectl apply -f seldon/mileage/deployment.yaml

      howdah kubectl get sdep mileage -o yaml
    """
    found = kubeconfig(state)
    installed = None if built_in else shutil.which("kubectl")
    if installed:
        environment = {**os.environ, **({"KUBECONFIG": str(found)} if found else {})}
        os.execve(installed, [installed, *(words or [])], environment)
    if (words or [])[:1] == ["logs"] and {"-f", "--follow"} & set(words or []):
        raise Invalid(
            "the built-in kubectl does not follow logs",
            remedy="Leave out -f for what there is now, or install kubectl.",
        )
    asked = _parsed(words or [])
    with Deployments(found.read_text() if found else None) as there:
        VERBS[asked.verb](there, asked)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Invalid(
            f"the built-in kubectl does not understand this: {message}",
            remedy="Install kubectl for all of it; see `howdah kubectl --help`.",
        )


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="howdah kubectl", add_help=False, allow_abbrev=False)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("names", nargs="*")
    parser.add_argument("-f", "--filename", action="append", default=[])
    parser.add_argument("-n", "--namespace", default="default")
    parser.add_argument("-A", "--all-namespaces", action="store_true")
    parser.add_argument("-o", "--output", choices=["json", "yaml", "name"], default="")
    parser.add_argument("-c", "--container", default="")
    parser.add_argument("--tail", type=int, default=0)
    return parser.parse_intermixed_args(list(words))


def _apply(there: Deployments, asked: argparse.Namespace) -> None:
    for manifest in _manifests(asked):
        there.apply(manifest)
        sys.stdout.write(f"seldondeployment.machinelearning.seldon.io/{_name(manifest)} configured\n")


def _get(there: Deployments, asked: argparse.Namespace) -> None:
    found = _found(there, asked)
    if asked.output == "name":
        sys.stdout.writelines(f"seldondeployment.machinelearning.seldon.io/{_name(each)}\n" for each in found)
    elif asked.output:
        whole: object = (
            found[0] if len(_names(asked)) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}
        )
        sys.stdout.write(_written(whole, asked.output))
    else:
        rows = ((_at(each, "metadata", "namespace"), _name(each), _state(each)) for each in found)
        table(("NAMESPACE", "NAME", "STATE"), rows)


def _describe(there: Deployments, asked: argparse.Namespace) -> None:
    for manifest in _found(there, asked):
        sys.stdout.write(_written(manifest, "yaml"))


def _delete(there: Deployments, asked: argparse.Namespace) -> None:
    if asked.filename:
        targets = [(_name(each), _namespace(each, asked.namespace)) for each in _manifests(asked)]
    else:
        targets = [(name, asked.namespace) for name in _names(asked)]
    if not targets:
        raise Invalid("nothing is named", remedy="Name a deployment: howdah kubectl delete sdep NAME.")
    for name, namespace in targets:
        there.delete(name, namespace)
        sys.stdout.write(f'seldondeployment.machinelearning.seldon.io "{name}" deleted\n')


def _logs(there: Deployments, asked: argparse.Namespace) -> None:
    if len(asked.names) != 1:
        raise Invalid("name one pod", remedy="howdah kubectl logs POD; the pods stand in `describe sdep`.")
    for line in there.logs(asked.names[0], asked.namespace, asked.container, asked.tail):
        sys.stdout.write(line.rstrip("\n") + "\n")


VERBS = {"apply": _apply, "get": _get, "describe": _describe, "delete": _delete, "logs": _logs}


def _manifests(asked: argparse.Namespace) -> list[Manifest]:
    if not asked.filename:
        raise Invalid("no manifest is named", remedy="Give it with -f.")
    paths = [path for name in asked.filename for path in _files(name)]
    return [document for path in paths for document in documents(path, "manifest")]


def _files(name: str) -> Iterable[str]:
    if Path(name).is_dir():
        return sorted(map(str, Path(name).glob("*.yaml")))
    return [name]


def _names(asked: argparse.Namespace) -> list[str]:
    """The words after the kind: `sdep a b`, or `sdep/a`."""
    if not asked.names:
        raise Invalid("no kind is named", remedy="The built-in kubectl knows sdep.")
    kind, slash, name = asked.names[0].partition("/")
    if kind.partition(".")[0] not in KINDS:
        raise Invalid(
            f"the built-in kubectl knows no {kind}", remedy="It knows sdep; kubectl knows the rest."
        )
    return [name, *asked.names[1:]] if slash else list(asked.names[1:])


def _found(there: Deployments, asked: argparse.Namespace) -> list[Manifest]:
    if names := _names(asked):
        return [there.get(name, asked.namespace) for name in names]
    return list(there.list("*" if asked.all_namespaces else asked.namespace))


def _written(document: object, encoding: str) -> str:
    if encoding == "json":
        return json.dumps(document, indent=2) + "\n"
    return str(yaml.safe_dump(document, sort_keys=False))


def _at(manifest: Manifest, *path: str) -> str:
    return as_text(at(dict(manifest), *path))  # type: ignore[arg-type]  # JSON, read by lightkube


def _name(manifest: Manifest) -> str:
    return _at(manifest, "metadata", "name")


def _namespace(manifest: Manifest, otherwise: str) -> str:
    return _at(manifest, "metadata", "namespace") or otherwise


def _state(manifest: Manifest) -> str:
    return _at(manifest, "status", "state") or "-"
