"""Pipeline specs as people keep them: JSON or YAML, one or many in a file, or a list of them."""

import json
import sys
from pathlib import Path

from howdah.core.json import JsonObject
from howdah.errors import Invalid, NotFound

MEND = "Mend it where that points."


def documents(name: str, what: str = "pipeline spec") -> list[JsonObject]:
    """Every document of a file, or of stdin for `-`."""
    if name.startswith(("http://", "https://")):
        raise Invalid("specs are not fetched from URLs", remedy="Download it and give the file with -f.")
    if name != "-" and not Path(name).exists():
        raise NotFound(f"{name} does not exist", remedy="Check the path given to -f.")
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is neither JSON nor YAML", why=str(error), remedy=MEND) from error
    found = _parse(text, name)
    flat = [document for entry in found for document in (entry if isinstance(entry, list) else [entry])]
    if not flat or not all(isinstance(document, dict) for document in flat):
        raise Invalid(f"{name} holds no {what}", remedy="One is a JSON or YAML object.")
    return flat


def _parse(text: str, name: str) -> list[JsonObject | list[JsonObject]]:
    if text.lstrip().startswith(("{", "[")):
        decoder, place, found = json.JSONDecoder(), 0, []
        stripped = text.rstrip()
        while place < len(stripped):
            while place < len(stripped) and stripped[place].isspace():
                place += 1
            try:
                document, place = decoder.raw_decode(stripped, place)
            except ValueError as error:
                raise Invalid(f"{name} is not JSON", why=str(error), remedy=MEND) from error
            found.append(document)
        return found
    import yaml

    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise Invalid(f"{name} is neither JSON nor YAML", why=str(error), remedy=MEND) from error
