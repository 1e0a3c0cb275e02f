"""`howdah.accelerate()` in a process of its own, because it changes the SDK for the whole process."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def run(program: str) -> str:
    code = textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_messages_are_the_same_before_and_after() -> None:
    run(
        """
        import howdah
        from pachyderm_sdk.api import pfs, pps

        def made():
            commit = pfs.Commit.from_uri("project/repo@" + "c" * 12 + "4" + "d" * 19)
            info = pfs.FileInfo(file=pfs.File(commit=commit, path="/a"), size_bytes=3, hash=b"h")
            late = pfs.InspectRepoRequest()
            late.repo.project.name = "set through a default"
            return [
                info,
                late,
                pfs.ModifyFileRequest(set_commit=commit),
                pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", raw=b"bytes")),
                pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", raw=b"")),
                pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", datum="d", raw=b"1")),
                pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", url=pfs.AddFileUrlSource(url="u"))),
                pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path="/a")),
                pfs.ModifyFileRequest(add_file=pfs.AddFile()),
                pfs.ModifyFileRequest(),
                pps.CreatePipelineRequest(input=pps.Input(pfs=pps.PfsInput(repo="r", glob="/*"))),
                pfs.ListRepoRequest(),
            ]

        before = [(type(m), bytes(m)) for m in made()]
        howdah.accelerate()
        howdah.accelerate()
        for (kind, data), message in zip(before, made()):
            assert kind().parse(message.SerializeToString()) == kind().parse(data), message
            assert kind.FromString(data) == kind().parse(data), message
        """
    )


@pytest.mark.slow
def test_what_it_cannot_convert_is_refused_in_the_sdks_words() -> None:
    said = run(
        """
        import howdah
        howdah.accelerate()
        from pachyderm_sdk.api import pfs
        try:
            pfs.ListRepoRequest(type=True).SerializeToString()
        except AttributeError as error:
            print(error)
        """
    )
    assert "encode" in said


@pytest.mark.slow
def test_a_datums_variables_are_read_as_the_sdk_reads_them(tmp_path: Path) -> None:
    plain = b"in=/pfs/in/a-b.txt\nin_COMMIT=1234\nPACH_DATUM_ID=ff\nempty=\n"
    quoted = plain + b"PATH_2='/pfs/in/it\\'s $HOME # here'\n"
    references = plain + b"other=${in}/x\n"
    for data in (plain, quoted, references, b"", b"export a=b\n", b"a = b\n", b"a=b"):
        (tmp_path / ".env").write_bytes(data)
        said = run(
            f"""
            import os, sys, howdah
            from dotenv import load_dotenv
            from pathlib import Path
            os.environ["in"] = "the datum before"
            before = dict(os.environ)
            load_dotenv(Path({str(tmp_path / ".env")!r}), override=True)
            wanted = dict(os.environ)
            os.environ.clear()
            os.environ.update(before)
            howdah.accelerate()
            from pachyderm_sdk.api.worker import extension
            extension.load_dotenv(Path({str(tmp_path / ".env")!r}), override=True)
            print(dict(os.environ) == wanted, wanted.get("in"))
            """
        )
        assert said.startswith("True"), data
