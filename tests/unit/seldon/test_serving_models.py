"""Models into the cache, images into programs."""

import os
from pathlib import Path

import pytest

from howdah.errors import Corrupt, Invalid, NotFound, Unavailable
from howdah.seldon import images
from howdah.seldon.fetch import ModelStore, content_hash
from howdah.seldon.workload import ModelSource


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "below").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"bytes")
    (folder / "below" / "more.txt").write_text("more")
    return folder


def test_a_model_is_kept_by_content_and_read_only(tmp_path: Path, source: Path):
    store = ModelStore(tmp_path / "cache")
    folder = store.fetch(str(source), {})
    assert store.fetch(f"file://{source}", {}) == folder
    assert folder.name == content_hash(folder)
    assert not (folder / "model.onnx").stat().st_mode & 0o222
    (source / "model.onnx").write_bytes(b"other")
    assert store.fetch(str(source), {}) != folder, "what changes gives another folder"
    assert (folder / "model.onnx").read_bytes() == b"bytes"


def test_a_cached_model_that_has_changed_is_fetched_again(tmp_path: Path, source: Path):
    store = ModelStore(tmp_path / "cache")
    folder = store.fetch(str(source), {})
    os.chmod(folder / "model.onnx", 0o644)  # noqa: PTH101
    (folder / "model.onnx").write_bytes(b"tampered")
    assert (store.fetch(str(source), {}) / "model.onnx").read_bytes() == b"bytes"


@pytest.mark.parametrize(
    ("uri", "kind", "words"),
    [
        ("/no/such/folder", NotFound, "no such file"),
        ("relative/path", Invalid, "absolute"),
        ("/models/../etc", Invalid, r"\.\."),
        ("file://host/path", Invalid, "three slashes"),
        ("ftp://host/path", Invalid, "not fetched here"),
        ("s3://bucket/path", Invalid, "RCLONE_CONFIG_S3_ENDPOINT"),
    ],
)
def test_addresses_that_cannot_be(tmp_path: Path, uri: str, kind: type[Exception], words: str):
    with pytest.raises(kind, match=words):
        ModelStore(tmp_path / "cache").fetch(uri, {})
    assert list((tmp_path / "cache").iterdir()) == [], "nothing half fetched stays"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, source: Path):
    (source / "out").symlink_to("/etc/passwd")
    with pytest.raises(Invalid, match="leaves the folder"):
        ModelStore(tmp_path / "cache").fetch(str(source), {})


def test_no_files_is_no_model(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="no files"):
        ModelStore(tmp_path / "cache").fetch(str(tmp_path / "empty"), {})


def test_the_commit_in_an_address():
    commit = "0123456789abcdef0123456789abcdef"
    assert ModelSource(f"s3://{commit}.master.model.default/x").commit == commit
    assert ModelSource("s3://master.model.default/x").commit == ""
    assert ModelSource("/models/x").commit == ""


@pytest.mark.parametrize(
    ("dockerfile", "module", "arguments"),
    [
        ('CMD ["python", "-m", "howdah.runtimes.serve"]', "howdah.runtimes.serve", ()),
        ("ENV MODEL_NAME=Mine\nCMD exec seldon-core-microservice $MODEL_NAME", images.COMPONENT, ("Mine",)),
        ('ENTRYPOINT ["python"]\nCMD ["-m", "mine", "--fast"]', "mine", ("--fast",)),
        ("CMD mlserver start /mnt/models", images.SERVE, ("/mnt/models",)),
    ],
)
def test_what_an_image_starts(tmp_path: Path, dockerfile: str, module: str, arguments: tuple):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Dockerfile").write_text(f"FROM python:3.12\n{dockerfile}\n")
    program = resolved(tmp_path, "registry:5000/team/mine:1.2")
    assert (program.module, program.arguments) == (module, arguments)
    assert program.app is not None
    assert (program.app / "Dockerfile").read_text() == f"FROM python:3.12\n{dockerfile}\n"


def resolved(folder: Path, image: str, known: dict[str, str] | None = None) -> images.Program:
    folders = images.Folders(folder, folder / "kept")
    code = {} if known is None else known
    return images.resolve(image, (), lambda name: folders.keep(name, code))


def test_an_image_with_requirements_has_an_environment_of_its_own(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Dockerfile").write_text("CMD seldon-core-microservice Mine\n")
    assert resolved(tmp_path, "mine:1").environment == ""
    (tmp_path / "mine" / "requirements.txt").write_text("scikit-learn==1.5.*\n")
    program = resolved(tmp_path, "mine:1")
    assert program.app is not None
    assert program.environment == f"mine@{program.app.name}"


def test_a_version_runs_from_what_its_images_were(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Dockerfile").write_text("CMD seldon-core-microservice Mine\n")
    (tmp_path / "mine" / "Mine.py").write_text("one")
    known: dict[str, str] = {}
    first = resolved(tmp_path, "mine:1", known)
    (tmp_path / "mine" / "Mine.py").write_text("two")
    assert resolved(tmp_path, "mine:1", known) == first
    later = resolved(tmp_path, "mine:1")
    assert first.app is not None and later.app is not None
    assert [(app / "Mine.py").read_text() for app in (first.app, later.app)] == ["one", "two"]


def test_images_that_cannot_be_run(tmp_path: Path):
    with pytest.raises(NotFound, match="no folder images/other/"):
        resolved(tmp_path, "other:1")
    (tmp_path / "shell").mkdir()
    (tmp_path / "shell" / "Dockerfile").write_text("CMD ./run.sh")
    with pytest.raises(Invalid, match=r"images/shell/ starts \./run\.sh"):
        resolved(tmp_path, "shell")


def test_an_image_that_cannot_be_copied_is_refused_and_holds_up_no_other(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "kept").write_text("no folder")
    with pytest.raises(Unavailable, match="images/mine/ cannot be copied"):
        resolved(tmp_path, "mine:1")


def test_our_own_images_need_no_folder(tmp_path: Path):
    program = resolved(tmp_path, "howdah/bundle-server:0.1.0")
    assert program.env == (("MLSERVER_MODEL_IMPLEMENTATION", "bundle"),)


def test_a_source_stays_what_it_was_until_nobody_wants_it(tmp_path: Path):
    address = tmp_path / "source"
    address.mkdir()
    (address / "model").write_text("one")
    source = ModelSource(str(address), namespace="a")
    first = ModelStore(tmp_path / "cache").provide(source, {})
    (address / "model").write_text("two")
    later = ModelStore(tmp_path / "cache")
    assert later.provide(source, {}) == first
    assert (first / "model").read_text() == "one"
    other = later.provide(ModelSource(str(address), namespace="b"), {})
    assert (other / "model").read_text() == "two"
    later.keep(set())
    assert ModelStore(tmp_path / "cache").provide(source, {}) == other


def test_a_damaged_copy_is_fetched_again_if_the_source_is_still_the_same(tmp_path: Path):
    address = tmp_path / "model.txt"
    address.write_text("one")
    source, store = ModelSource(str(address)), ModelStore(tmp_path / "cache")
    copy = store.provide(source, {}) / "model.txt"
    copy.chmod(0o644)
    copy.write_text("damaged")
    assert (store.provide(source, {}) / "model.txt").read_text() == "one"
    copy.chmod(0o644)
    copy.write_text("damaged")
    address.write_text("two")
    with pytest.raises(Corrupt, match="has changed since"):
        store.provide(source, {})
