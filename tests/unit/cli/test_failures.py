import errno
import gzip
import tarfile

import pytest
import typer

from howdah.cli.failures import run
from howdah.errors import Invalid


def app_that(act):
    app = typer.Typer(rich_markup_mode=None)
    app.command()(act)
    return app


def test_a_users_mistake_is_told_in_three_parts(capsys):
    def act() -> None:
        raise Invalid("the key is unknown", why="it is not in the table", remedy="write 'port'")

    assert run(app_that(act), "howdah", []) == 2
    assert capsys.readouterr().err == (
        "Error: the key is unknown\n  Why: it is not in the table\n  Do:  write 'port'\n"
    )


def test_our_own_fault_is_not_blamed_on_the_user(capsys):
    def act() -> None:
        raise ZeroDivisionError("by zero")

    assert run(app_that(act), "howdah", []) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError: by zero" in said
    assert "fault in Howdah" in said
    assert "Traceback" not in said


def test_a_file_that_cannot_be_used_is_named(capsys, tmp_path):
    for path, remedy in (
        (tmp_path / "none" / "x", "every folder on the way to it must exist"),
        (tmp_path, "Name a file in it"),
    ):

        def act(path=path) -> None:
            path.open("w")

        assert run(app_that(lambda act=act: act()), "howdah", []) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"Error: {path} cannot be used\n  Why: ")
        assert remedy in said


def test_a_full_disk_is_no_fault_of_ours(capsys):
    def act() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert run(app_that(act), "howdah", []) == 2
    assert "Free some space" in capsys.readouterr().err


def test_an_error_of_the_machine_without_a_number_is_ours(capsys):
    def act() -> None:
        raise OSError("somewhere")

    assert run(app_that(act), "howdah", []) == 1
    assert "fault in Howdah" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"x" * 4096)[:-12], b"\x1f\x8bbroken"])
def test_a_damaged_archive_is_no_fault_of_ours(capsys, tmp_path, content):
    (tmp_path / "a.tgz").write_bytes(content)

    def act() -> None:
        with tarfile.open(tmp_path / "a.tgz") as archive:
            archive.getmembers()

    assert run(app_that(act), "howdah", []) == 2
    assert "Error: an archive cannot be read\n  Why: " in capsys.readouterr().err


def test_an_error_without_a_remedy_points_to_the_help_of_the_command_that_was_typed(capsys):
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    level = typer.Typer(rich_markup_mode=None)
    level.callback()(lambda: None)
    app.add_typer(level, name="put")

    @level.command("file")
    def act(name: str) -> None:
        raise Invalid(f"{name} is wrong")

    assert run(app, "howdah", ["put", "file", "file"]) == 2
    assert capsys.readouterr().err == "Error: file is wrong\n  Do:  See `howdah put file --help`.\n"


def test_pachctl_fails_with_one_code_as_the_real_one_does():
    def act() -> None:
        raise Invalid("the key is unknown")

    assert run(app_that(act), "pachctl", []) == 1
    assert run(app_that(act), "pachctl", ["--cuont"]) == 1


def test_ctrl_c_is_130(capsys):
    def act() -> None:
        raise KeyboardInterrupt

    assert run(app_that(act), "howdah", []) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_wrong_option_points_to_the_help(capsys):
    def act(count: int = 1) -> None:
        del count

    assert run(app_that(act), "howdah", ["--cuont", "2"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: No such option: --cuont")
    assert "See `howdah --help`." in said


def test_an_exit_code_is_passed_on():
    def act() -> None:
        raise typer.Exit(5)

    assert run(app_that(act), "howdah", []) == 5


def test_success_is_zero():
    assert run(app_that(lambda: None), "howdah", []) == 0
