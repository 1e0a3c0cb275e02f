"""Small files: half under 200 lines, nine of ten under 500, and none over 600 without a reason."""

from pathlib import Path

LIMIT = 600
REASONS: dict[str, str] = {}


def lengths(root: Path) -> dict[str, int]:
    paths = [*root.glob("src/**/*.py"), *root.glob("tests/**/*.py"), *root.glob("scripts/*")]
    return {
        str(path.relative_to(root)): len(path.read_text().splitlines()) for path in paths if path.is_file()
    }


def test_a_file_beyond_the_limit_has_a_reason(root):
    long = {name for name, lines in lengths(root).items() if lines > LIMIT}
    assert long - set(REASONS) == set(), "split it, or say in REASONS why it is better whole"


def test_no_reason_outlives_its_file(root):
    found = lengths(root)
    assert [name for name in REASONS if found.get(name, 0) <= LIMIT] == []


def test_most_files_are_small(root):
    sizes = sorted(lines for name, lines in lengths(root).items() if name.startswith("src/"))
    assert sizes[len(sizes) // 2] < 200
    assert sizes[len(sizes) * 9 // 10] < 500
