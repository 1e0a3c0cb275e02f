"""scripts/setup, whole, with and without uv: a clone whose requirements are three tiny wheels in a folder."""

import base64
import hashlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOOLS = ["bash", "uname", "cat", "cksum", "grep", "awk", "dirname", "env", "rm", "mkdir"]
BACKEND = """
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "howdah-0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("howdah_here.py", "")
        wheel.writestr("howdah-0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: howdah\\nVersion: 0\\n")
        wheel.writestr("howdah-0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("howdah-0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def wheel(folder, name):
    """An empty package; the line by which a requirements file locks it."""
    told = f"{name}-1.dist-info"
    parts = {
        f"{name}/__init__.py": b"",
        f"{told}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n".encode(),
        f"{told}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in parts.items())
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for part, text in {**parts, f"{told}/RECORD": record.encode()}.items():
            file.writestr(part, text)
    return f"{name}==1 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _digest(text):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()


@pytest.fixture
def clone(root, tmp_path):
    made = tmp_path / "clone"
    (made / "requirements").mkdir(parents=True)
    shutil.copytree(root / "scripts", made / "scripts")
    (made / "pyproject.toml").write_text(PROJECT)
    (made / "backend.py").write_text(BACKEND)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    locked = [wheel(wheels, name) for name in ("setuptools", "wheel", "zebra")]
    (made / "requirements" / "dev.txt").write_text("".join(locked))
    (made / "requirements" / "python-pachyderm.txt").write_text(wheel(wheels, "yak"))
    return made


def machine(tmp_path, *more):
    """An environment whose PATH holds a shell's tools and `more`, and whose index is the folder of wheels."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(Path(shutil.which(tool)).resolve())
    for program in more:
        (folder / Path(program).name).symlink_to(program)
    wheels = str(tmp_path / "wheels")
    return {
        "PATH": str(folder),
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels,
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": wheels,
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv-pythons"),
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_PYTHON_DOWNLOADS": "never",
    }


def python():
    """The Python that the tests' own environment was made from."""
    return Path(sys._base_executable).resolve()


def setup(clone, environment):
    return subprocess.run(
        ["/bin/bash", "scripts/setup"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def holds(environment, *modules):
    asked = [environment / "bin" / "python", "-c", f"import {', '.join(modules)}"]
    return subprocess.run(asked, cwd="/", env={}, capture_output=True, check=False).returncode == 0


def built(clone, ran):
    assert ran.returncode == 0, ran.stderr
    assert holds(clone / ".venv", "setuptools", "zebra", "howdah_here")
    assert holds(clone / ".venv-python-pachyderm", "yak")
    assert not holds(clone / ".venv-python-pachyderm", "zebra")


def test_with_a_python_of_pyenv_and_pip_alone(clone, tmp_path):
    there = tmp_path / ".pyenv" / "versions" / "3.12.99" / "bin"
    there.mkdir(parents=True)
    (there / "python3.12").symlink_to(python())
    environment = machine(tmp_path)
    built(clone, setup(clone, environment))

    stamp = clone / ".venv" / ".howdah-setup"
    before = stamp.stat().st_mtime_ns
    again = setup(clone, environment)
    assert (again.returncode, again.stderr) == (0, "")
    assert stamp.stat().st_mtime_ns == before


def test_with_uv_and_a_python_that_uv_keeps(clone, tmp_path):
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    kind = {"Linux": "linux-{}-gnu", "Darwin": "macos-{}-none"}[platform.system()]
    there = tmp_path / "uv-pythons" / f"cpython-3.12.99-{kind.format(platform.machine())}" / "bin"
    there.mkdir(parents=True)
    (there / "python3.12").symlink_to(python())
    ran = setup(clone, machine(tmp_path, uv))
    built(clone, ran)
    assert not holds(clone / ".venv", "pip"), "uv made it, so nobody needed pip"


def test_what_was_interrupted_is_taken_up_again(clone, tmp_path):
    environment = machine(tmp_path) | {"HOWDAH_PYTHON": str(python())}
    missing = tmp_path / "wheels" / "zebra-1-py3-none-any.whl"
    kept = missing.read_bytes()
    missing.unlink()
    assert setup(clone, environment).returncode != 0
    assert not (clone / ".venv" / ".howdah-setup").exists()
    missing.write_bytes(kept)
    built(clone, setup(clone, environment))


def test_a_wheel_that_was_changed_is_refused(clone, tmp_path):
    wheel(tmp_path / "wheels", "zebra")
    path = tmp_path / "wheels" / "zebra-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("zebra/more.py", "")
    ran = setup(clone, machine(tmp_path) | {"HOWDAH_PYTHON": str(python())})
    assert ran.returncode != 0
    assert "zebra" in ran.stderr
    assert not (clone / ".venv" / ".howdah-setup").exists()
