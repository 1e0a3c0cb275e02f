"""Finding the model in its folder, and refusing what would run code unasked."""

from pathlib import Path

from howdah.errors import Invalid, NotFound

PICKLES = (".joblib", ".pickle", ".pkl", ".dill")


def find(folder: Path, names: tuple[str, ...], suffixes: tuple[str, ...]) -> Path:
    """The file of a well-known name, or the only one with one of the suffixes."""
    if folder.is_file():
        return folder
    for name in names:
        if (folder / name).exists():
            return folder / name
    found = sorted(path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"no model among {', '.join(_listed(folder)) or 'no files'}: expected {', '.join(names)}"
        )
    raise Invalid(f"several models ({', '.join(path.name for path in found)}): name one {names[0]}")


def trusted(path: Path, trust: bool) -> Path:
    if path.suffix in PICKLES and not trust:
        raise Invalid(
            f"{path.name} is a pickle, and loading one runs whatever code is in it. List where the model "
            "comes from under [serving] trusted_pickles in howdah.toml if you trust it."
        )
    return path


def _listed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())[:10]
