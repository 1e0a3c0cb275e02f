"""The console's committed assets are what its sources build, told without Node."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
ASSETS = ROOT / "src" / "howdah" / "console" / "assets"
LIMIT_BYTES = 600_000
AGAIN = "build the console anew: cd frontend && npm ci && npm run build"


def digest(paths: list[Path]) -> str:
    """The same as in frontend/build.mjs."""
    found = hashlib.sha256()
    for path in paths:
        data = path.read_bytes()
        found.update(f"{path.name} {len(data)}\n".encode() + data)
    return found.hexdigest()


def sources(frontend: Path) -> str:
    settings = [frontend / name for name in ("build.mjs", "package-lock.json", "package.json")]
    inside = [path for path in (frontend / "src").rglob("*") if path.is_file()]
    return digest([*settings, *sorted(inside, key=lambda path: path.relative_to(frontend).as_posix())])


def test_the_assets_are_built_from_these_sources():
    recorded = json.loads((ASSETS / "built.json").read_text())
    assert recorded["sources"] == sources(FRONTEND), AGAIN


def test_the_assets_are_as_they_were_built():
    recorded = json.loads((ASSETS / "built.json").read_text())
    assets = sorted(path for path in ASSETS.iterdir() if path.name != "built.json")
    assert recorded["built"] == digest(assets), AGAIN


@pytest.mark.parametrize("changed", ["src/words.js", "src/views/dag.jsx", "package-lock.json"])
def test_a_changed_source_is_noticed(tmp_path, changed):
    for path in [*FRONTEND.glob("*.*"), *(FRONTEND / "src").rglob("*.*")]:
        copy = tmp_path / path.relative_to(FRONTEND)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            copy.write_bytes(path.read_bytes())
    assert sources(tmp_path) == sources(FRONTEND)
    (tmp_path / changed).write_bytes((tmp_path / changed).read_bytes() + b" ")
    assert sources(tmp_path) != sources(FRONTEND)


def test_the_assets_stay_small():
    packed = sum(len(gzip.compress(path.read_bytes())) for path in ASSETS.iterdir())
    assert packed <= LIMIT_BYTES
