import enum
import types
from pathlib import Path
from typing import Annotated

import pytest
import typer

from howdah.cli.failures import run
from howdah.cli.lazy import Group, root

found: list[object] = []
app = typer.Typer()


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@app.command()
def show(
    words: Annotated[list[str] | None, typer.Argument()] = None,
    name: str = "none",
    colour: Annotated[Colour | None, typer.Option(case_sensitive=False)] = None,
    count: Annotated[int, typer.Option(min=0)] = 3,
    rate: float = 0.5,
    folder: Path | None = None,
    loud: Annotated[bool, typer.Option(envvar="LOUD_WORDS")] = False,
    many: Annotated[list[str] | None, typer.Option("--many")] = None,
) -> None:
    found.append((words, name, colour, count, rate, folder, loud, many))


@pytest.fixture
def read(monkeypatch, capsys):
    def read(*line: str) -> tuple[int, object, str]:
        tool = root({"show": Group(__name__, "Show.")}, help="A tool.")
        tool.callback()(lambda: None)
        monkeypatch.setattr("importlib.import_module", lambda name: types.SimpleNamespace(app=app))
        found.clear()
        code = run(tool, "tool", ["show", *line])
        return code, found[0] if found else None, capsys.readouterr().err

    return read


@pytest.mark.parametrize(
    ("line", "place", "value"),
    [
        ([], 0, None),
        (["a", "b"], 0, ["a", "b"]),
        ([], 1, "none"),
        (["--name", ""], 1, ""),
        (["--colour", "BLUE"], 2, Colour.BLUE),
        (["--count", "7"], 3, 7),
        ([], 3, 3),
        (["--rate", "2"], 4, 2.0),
        (["--folder", "x/y"], 5, Path("x/y")),
        (["--loud"], 6, True),
        (["--many", "a", "--many", "b"], 7, ["a", "b"]),
    ],
)
def test_values_are_what_they_would_be_without_it(read, line, place, value):
    code, values, said = read(*line)
    assert (code, said) == (0, "")
    assert values[place] == value
    assert type(values[place]) is type(value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--colour", "green"], "'green' is not one of"),
        (["--count", "-1"], "greater than or equal to 0"),
        (["--count", "many"], "valid integer"),
        (["--nmae", "x"], "No such option: --nmae"),
    ],
)
def test_what_is_not_plain_is_refused_by_typer(read, line, said):
    code, values, told = read(*line)
    assert (code, values) == (2, None)
    assert said in told


def test_a_flag_from_the_environment(read, monkeypatch):
    monkeypatch.setenv("LOUD_WORDS", "1")
    assert read()[1][6] is True
