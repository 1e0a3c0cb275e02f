"""An image with requirements of its own runs with exactly those, and with what serving itself needs."""

import json
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


SCALED = """
from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceResponse


class Scaled(MLModel):
    async def load(self):
        self._by = float(self.settings.parameters.extra["by"])
        self._word = Path(self.settings.parameters.uri).read_text()
        return True

    async def predict(self, payload):
        scaled = NumpyCodec.decode_input(payload.inputs[0]) * self._by
        word = StringCodec.encode_output("word", [self._word])
        outputs = [NumpyCodec.encode_output("scaled", scaled), word]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
"""


def test_an_mlserver_image_runs_as_its_settings_say(engine):
    folder = engine.folder / "images" / "scaled"
    folder.mkdir(parents=True)
    (folder / "scaled.py").write_text(SCALED)
    (folder / "word.txt").write_text("from the file")
    parameters = {"uri": "./word.txt", "version": "v3", "extra": {"by": 3}}
    settings = {"name": "any", "implementation": "scaled.Scaled", "parameters": parameters}
    (folder / "model-settings.json").write_text(json.dumps(settings))
    (folder / "Dockerfile").write_text("WORKDIR /app\nCOPY . .\nCMD mlserver start /app\n")
    asked = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [2.0]}]}
    more = {"parameters": [{"name": "by", "value": "5", "type": "FLOAT"}]}
    for name, graph, value in (("scaled", {}, 6.0), ("scaled-more", more, 10.0)):
        graph = {"name": "m", "type": "MODEL", **graph}
        engine.apply(engine.deployment(name, graph, [{"name": "m", "image": "team/scaled:1"}], "v2"))
        engine.until_ready(name, "around")
        status, answer, _ = engine.post(f"/seldon/around/{name}/v2/models/m/infer", asked)
        assert status == 200, answer
        assert {output["name"]: output["data"] for output in answer["outputs"]} == {
            "scaled": [value],
            "word": ["from the file"],
        }
        assert (answer["model_name"], answer["model_version"]) == ("m", "v3")
