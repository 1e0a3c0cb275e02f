import sys

from howdah.cli.failures import run
from howdah.cli.lazy import Group, root

CODE = (
    "import typer\napp = typer.Typer()\n@app.command()\ndef show(word: str) -> None:\n    typer.echo(word)\n"
)


def lazy_app(tmp_path, monkeypatch, name):
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return root({"show": Group(name, "Show a word.")}, help="A tool.")


def test_help_lists_a_group_without_importing_it(tmp_path, monkeypatch, capsys):
    app = lazy_app(tmp_path, monkeypatch, "group_listed")
    app.callback()(lambda: None)
    assert run(app, "tool", ["--help"]) == 0
    assert "show  Show a word." in capsys.readouterr().out
    assert "group_listed" not in sys.modules


def test_running_a_group_imports_it(tmp_path, monkeypatch, capsys):
    app = lazy_app(tmp_path, monkeypatch, "group_run")
    app.callback()(lambda: None)
    assert run(app, "tool", ["show", "hello"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert "group_run" in sys.modules


def test_a_mistyped_group_gets_a_suggestion(tmp_path, monkeypatch, capsys):
    app = lazy_app(tmp_path, monkeypatch, "group_mistyped")
    app.callback()(lambda: None)
    assert run(app, "tool", ["shwo"]) == 2
    assert "Did you mean 'show'?" in capsys.readouterr().err


def test_no_command_shows_the_help(tmp_path, monkeypatch, capsys):
    app = lazy_app(tmp_path, monkeypatch, "group_none")
    app.callback()(lambda: None)
    assert run(app, "tool", []) == 2
    assert "show  Show a word." in capsys.readouterr().err
