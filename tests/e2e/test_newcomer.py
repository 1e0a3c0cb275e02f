"""The tutorial for a newcomer, typed as it stands: from a CSV file to a prediction, and the notebook that
goes on from there. UPDATE_TRANSCRIPTS=1 writes what the notebook's cells answered into it.
"""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "your-own-data.md"
FORECAST = TUTORIAL.with_name("your-own-forecast.md")
NOTEBOOK = TUTORIAL.with_name("notebook.ipynb")
AGAIN = "" if os.environ.get("UPDATE_TRANSCRIPTS") else "--dry-run"
FREE = "[daemon]\npachd_port = 0\ns3_port = 0\nhttp_port = 0\ningress_port = 0\n"


def typed(page: Path = TUTORIAL) -> list[str]:
    """The tutorial's command lines, in order."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Iterator:
    (tmp_path / "howdah.toml").write_text(FREE)
    _cars(tmp_path / "cars.csv")
    _shares(tmp_path / "shares.csv")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in (("howdah", "howdah.cli.howdah"), ("pachctl", "howdah.cli.pachctl")):
        program = programs / name
        program.write_text(f"#!{sys.executable}\nfrom {module} import main\nmain()\n")
        program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "PACH_CONFIG": str(tmp_path / "config.json"),
        "HOWDAH_STATE": str(tmp_path / ".howdah"),
    }
    environment.pop("PACHD_ADDRESS", None)

    def run(line: str) -> str:
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    yield run
    subprocess.run(["bash", "-c", "howdah down"], env=environment, cwd=tmp_path, check=False)


def _cars(path: Path) -> None:
    rows: list[list[str]] = []
    for source in sorted((ROOT / "pipelines" / "mileage" / "data").glob("197*.csv")):
        header, *more = csv.reader(source.read_text().splitlines())
        rows += more
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _shares(path: Path) -> None:
    with path.open("w", newline="") as file:
        written = csv.writer(file)
        written.writerow(["Ticker", "Date", "Close", "Volume"])
        for source in sorted((ROOT / "pipelines" / "stocks" / "data").glob("200[456].csv")):
            for row in csv.DictReader(source.read_text().splitlines()):
                written.writerow([row["Ticker"], row["Date"], row["Close"], row["Volume"]])


@pytest.mark.timeout(400)
def test_the_tutorial_as_it_stands(run, tmp_path: Path) -> None:
    said = {}
    for line in typed():
        if line == "howdah down":
            run(f"{sys.executable} {ROOT}/scripts/notebook.py {NOTEBOOK} {AGAIN}")
        said[line] = run(line)
    told = next(text for line, text in said.items() if line.startswith("howdah init"))
    assert [line for line in told.splitlines() if line not in typed()] == []
    (record,) = [text for line, text in said.items() if line.startswith("howdah models")]
    assert "promoted" in record
    one, many = [text for line, text in said.items() if line.startswith("howdah predict")]
    header, answer = one.split()
    assert header == "Miles_per_Gallon"
    assert 15 < float(answer) < 45
    (shares,) = [text for line, text in said.items() if line.startswith("howdah explain")]
    assert "Weight_in_lbs" in shares
    answers = json.loads(many)["outputs"]["Miles_per_Gallon"]
    assert len(answers) == len((tmp_path / "cars.csv").read_text().splitlines()) - 1
    subprocess.run([sys.executable, "-m", "pytest", "-q", "tests"], cwd=tmp_path, check=True)
    assert "Error" not in run("howdah check")
    run("howdah backup copy")
    run("howdah restore copy --state again")
    run("howdah gc --state again && howdah check --data --state again")


@pytest.mark.timeout(400)
def test_the_tutorial_of_a_forecast_as_it_stands(run, tmp_path: Path) -> None:
    said = {line: run(line) for line in typed(FORECAST)}
    told = next(text for line, text in said.items() if line.startswith("howdah init"))
    assert [line for line in told.splitlines() if line not in typed(FORECAST)] == []
    (card,) = [text for line, text in said.items() if line.endswith("/card.md")]
    assert "| IBM |" in card
    (answer,) = [text for line, text in said.items() if line.startswith("howdah predict")]
    header, change = answer.split()
    assert header == "log_return"
    assert -0.1 < float(change) < 0.1
    (shares,) = [text for line, text in said.items() if line.startswith("howdah explain")]
    assert "Volume_change" in shares
    subprocess.run([sys.executable, "-m", "pytest", "-q", "tests"], cwd=tmp_path, check=True)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", ["mileage", "heart", "stocks"])
def test_the_tutorial_of_a_case_as_it_stands(case: str, run, tmp_path: Path) -> None:
    """Its first block; what `make` and the activation do is done by the environment of the test."""
    text = TUTORIAL.with_name(f"{case}.md").read_text()
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    for name in ("pipelines", "seldon", "images", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    for line in block[1].splitlines():
        if line.startswith("make deploy"):
            line = f"{sys.executable} scripts/deploy.py {case} --apply"
        if not line.startswith(". .venv"):
            run(line)
