"""Images as environments: what a name means, what is built, what is said when it cannot be."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.processes import wheels
from howdah.processes.environments import (
    EnvironmentNotBuilt,
    Environments,
    UnknownImage,
    explain,
    folder_name,
)
from howdah.processes.snapshots import digest, keep
from howdah.processes.spawner import Spawner


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    with Spawner.start() as started:
        yield started


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    return tmp_path


def image(project: Path, name: str, **files: str) -> Path:
    folder = project / "images" / name
    folder.mkdir(exist_ok=True)
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text)
    return folder


def offline(project: Path) -> dict[str, str]:
    """Installers that reach nothing but the project's own wheels."""
    links = str(project / "links")
    return {
        "PATH": os.environ["PATH"],
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": links,
        "UV_CACHE_DIR": str(project / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": links,
        "HOME": str(project),
    }


def library(project: Path, version: str) -> None:
    package = project / version / "clash"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"version = {version!r}\n")
    wheels.build(package, version, project / "links")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("heart", "heart"),
        ("howdah/heart-train:1.2", "heart-train"),
        ("registry:5000/team/a_b.c@sha256:0", "a_b.c"),
        ("ubuntu:20.04", "ubuntu"),
        ("", ""),
        ("../../etc", "etc"),
        ("..", ""),
        ("a/..", ""),
    ],
)
def test_an_image_names_a_folder(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_an_unknown_image_runs_here_with_a_warning_or_not_at_all(project: Path, spawner: Spawner) -> None:
    found = Environments(spawner, project / "state", project / "images", {}).prepare("alpine", print)
    assert found.id == ""
    assert found.app is None
    assert found.warnings == (
        'image "alpine" is not described here (there is no images/alpine), '
        "so the command runs in the project's own environment",
    )
    strict = Environments(spawner, project / "state", project / "images", {}, allow_unknown=False)
    with pytest.raises(UnknownImage, match="no folder images/alpine"):
        strict.prepare("alpine", print)


def test_code_is_frozen_when_it_is_first_used(project: Path, spawner: Spawner) -> None:
    folder = image(project, "a", main_py="old", Dockerfile="FROM x\nWORKDIR /app/sub\n")
    environments = Environments(spawner, project / "state", project / "images", {})
    old = environments.prepare("a", print)
    (folder / "main.py").write_text("new")
    assert old.app is not None
    assert (old.app / "main.py").read_text() == "old"
    assert old.workdir == "/app/sub"
    assert environments.code_id("a") != old.id
    assert environments.prepare("a", print).id == environments.code_id("a")


def test_a_snapshot_knows_names_contents_and_programs_only(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}/d/__pycache__").mkdir(parents=True)
        (tmp_path / f"{number}/d/a.py").write_text("a")
        (tmp_path / f"{number}/d/__pycache__/a.pyc").write_text(str(number))
        (tmp_path / f"{number}/out").symlink_to("/etc/passwd")
    assert digest(tmp_path / "1") == digest(tmp_path / "2")
    name, kept = keep(tmp_path / "1", tmp_path / "store")
    assert [str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()] == ["d/a.py"]
    assert keep(tmp_path / "2", tmp_path / "store") == (name, kept)
    (tmp_path / "2/d/a.py").chmod(0o755)
    assert digest(tmp_path / "2") != name


@pytest.mark.slow
@pytest.mark.parametrize("use_uv", [True, pytest.param(False, marks=pytest.mark.long)], ids=["uv", "pip"])
def test_clashing_libraries_live_side_by_side(project: Path, spawner: Spawner, use_uv: bool) -> None:
    environments = Environments(
        spawner, project / "state", project / "images", offline(project), use_uv=use_uv
    )
    for version in ("1.0", "2.0"):
        library(project, version)
        wheel = next((project / "links").glob(f"clash-{version}*"))
        image(project, f"v{version[0]}", requirements_txt=f"clash=={wheel.name.split('-')[1]}\n")
    said: list[str] = []
    versions = []
    for name in ("v1", "v2", "v1"):
        found = environments.prepare(name, said.append)
        check = "import clash, howdah.errors; print(clash.version)"
        python = str(found.path[0] / "python")
        versions.append(subprocess.run([python, "-I", "-c", check], capture_output=True, text=True).stdout)
    assert versions == ["1.0\n", "2.0\n", "1.0\n"]
    assert [line for line in said if line.startswith("building")] == [
        "building the environment of image v1",
        "building the environment of image v2",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("use_uv", [True, False], ids=["uv", "pip"])
def test_a_missing_wheel_is_named(project: Path, spawner: Spawner, use_uv: bool) -> None:
    environments = Environments(
        spawner, project / "state", project / "images", offline(project), use_uv=use_uv
    )
    (project / "links").mkdir()
    image(project, "a", requirements_txt="no-such-library==3.1\n")
    for _ in range(2):  # what failed once is not taken for built
        with pytest.raises(
            EnvironmentNotBuilt, match=r"^image a: the package no-such-library\S* in its requ"
        ):
            environments.prepare("a", print)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("ERROR: No matching distribution found for torch==9.9", "the package torch==9.9 "),
        ("  × No solution found\n  ╰─▶ Because `foo` was not found in the provided", "the package foo "),
        ("Because there is no version of bar==2 and you require bar==2", "the package bar==2 "),
        ("something else", "cannot be installed: something else"),
    ],
)
def test_explains_what_installers_say(said: str, named: str) -> None:
    assert named in explain(said.splitlines())
