"""An image with requirements of its own runs with exactly those, and with what serving itself needs."""

import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def wheel(folder: Path, name: str, version: str, code: str) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


def test_two_images_with_libraries_that_clash(engine):
    for name, version, value in (("left", "1", 10.0), ("right", "2", 20.0)):
        folder = engine.folder / "images" / name
        folder.mkdir(parents=True)
        made = wheel(folder, "clashing", version, f"VALUE = {value}\n")
        (folder / "requirements.txt").write_text(f"clashing @ file://{made}\n")
        code = "class Mine:\n    def predict(self, X, names):\n        return X + clashing.VALUE\n"
        (folder / "Mine.py").write_text(f"import clashing\n\n\n{code}")
        (folder / "Dockerfile").write_text("CMD seldon-core-microservice Mine\n")
        graph = {"name": "m", "type": "MODEL"}
        containers = [{"name": "m", "image": f"team/{name}:1"}]
        engine.apply(engine.deployment(name, graph, containers, "seldon"))
    for name, value in (("left", 11.0), ("right", 21.0)):
        engine.until_ready(name, "around")
        status, answer, _ = engine.post(
            f"/seldon/around/{name}/api/v1.0/predictions", {"data": {"ndarray": [[1.0]]}}
        )
        assert (status, answer["data"]["ndarray"]) == (200, [[value]])
