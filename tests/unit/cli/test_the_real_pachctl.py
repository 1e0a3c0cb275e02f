"""Pachyderm's own pachctl, command by command and option by option: here, or refused by its name."""

from pathlib import Path

import pytest
import typer

from howdah.cli.failures import run
from howdah.cli.pachctl import refused
from howdah.cli.pachctl.tree import app

THEIRS = [line.split() for line in Path(__file__).with_name("pachctl_2_12.txt").read_text().splitlines()[1:]]


def found(words):
    """Our command of these words, or the first on the way that is refused; None where there is neither."""
    command, context = typer.main.get_command(app), None
    for word in words:
        context = typer.Context(command, parent=context, info_name="pachctl")
        try:
            _, command, _ = command.resolve_command(context, [word])
        except typer.TyperException:
            return None
        if (command.help or "").startswith("Not here"):
            return command
    return command


@pytest.mark.slow
def test_every_command_and_option_of_theirs_is_here_or_refused_by_name():
    missing = []
    for line in THEIRS:
        words = [word for word in line if word[0] != "-"]
        command = found(words)
        if command is None:
            missing.append(" ".join(words))
        elif not (command.help or "").startswith("Not here"):
            ours = {name for parameter in command.params for name in parameter.opts}
            verb = " ".join(words)
            missing += [
                f"{verb} {option}"
                for option in line[len(words) :]
                if option not in ours and refused.option(verb, option) is None
            ]
    assert missing == []
    assert len(THEIRS) > 150


def test_an_option_is_refused_only_where_it_is_not_here():
    for verb, options in refused.OPTIONS.items():
        ours = {name for parameter in found(verb.split()).params for name in parameter.opts}
        assert not ours & set(options), verb


@pytest.mark.parametrize(
    "words", [["create", "pipeline", "--jsonnet", "x"], ["--rpc-timeout", "1s", "version"]]
)
def test_an_option_of_theirs_is_refused_with_what_to_do(words, capsys):
    assert run(app, "pachctl", words) == 1
    told = capsys.readouterr().err
    assert "is not part of Howdah" in told
    assert "Do:  " in told
    assert "  " not in told.splitlines()[0]


def test_an_option_of_nobodys_is_only_unknown(capsys):
    assert run(app, "pachctl", ["create", "repo", "--jsonet"]) == 1
    assert "No such option" in capsys.readouterr().err
