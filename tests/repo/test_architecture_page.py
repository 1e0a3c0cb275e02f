"""docs/architecture.md and the import contracts tell the same story."""

import re
import tomllib


def layers_of_contract(root):
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layered = next(each for each in contracts if each.get("exhaustive"))
    return [{name.strip(" ()") for name in layer.split("|")} for layer in layered["layers"]]


def layers_of_page(root):
    page = (root / "docs" / "architecture.md").read_text()
    block = page.split("## Layers")[1].split("```")[1]
    rows = [re.split(r"\s{2,}", line.strip())[0] for line in block.strip().splitlines()]
    return [{name.strip() for name in row.split("|")} for row in rows]


def test_the_page_shows_the_layers_of_the_contract(root):
    # The page draws the house; its guests (and the way in) stand beside it, in words.
    guests = {"steps", "runtimes", "learning", "__main__"}
    contract = [layer - guests for layer in layers_of_contract(root)]
    assert [layer for layer in contract if layer] == layers_of_page(root)


def test_every_package_is_on_the_page(root):
    page = (root / "docs" / "architecture.md").read_text()
    packages = [path.name for path in (root / "src" / "howdah").iterdir() if (path / "__init__.py").exists()]
    assert [name for name in packages if f"  {name}/" not in page] == []
