"""Typed access to checked, canonical JSON, which remembers where it is."""

from collections.abc import Mapping

from howdah.pachd.pipelines.schema import Json, JsonObject, SpecError


class Reader:
    """One object of a spec. The schema has vouched for the types; absent fields are empty."""

    def __init__(self, value: JsonObject, path: str = "") -> None:
        self.value = value
        self.path = path

    def path_to(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        return self.value.get(key) is not None

    def text(self, key: str) -> str:
        found = self.value.get(key)
        return found if isinstance(found, str) else ""

    def flag(self, key: str) -> bool:
        return self.value.get(key) is True

    def number(self, key: str) -> float:
        found = self.value.get(key)
        return float(found) if isinstance(found, int | float | str) else 0.0

    def integer(self, key: str) -> int:
        return _integer(self.value.get(key))

    def integers(self, key: str) -> tuple[int, ...]:
        return tuple(_integer(item) for item in self._list(key))

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(item for item in self._list(key) if isinstance(item, str))

    def mapping(self, key: str) -> Mapping[str, str]:
        found = self.value.get(key)
        pairs = found.items() if isinstance(found, dict) else ()
        return {name: item for name, item in pairs if isinstance(item, str)}

    def object(self, key: str) -> "Reader | None":
        found = self.value.get(key)
        return Reader(found, self.path_to(key)) if isinstance(found, dict) else None

    def objects(self, key: str) -> list["Reader"]:
        return [
            Reader(item, f"{self.path_to(key)}[{i}]")
            for i, item in enumerate(self._list(key))
            if isinstance(item, dict)
        ]

    def _list(self, key: str) -> list[Json]:
        found = self.value.get(key)
        return found if isinstance(found, list) else []


def _integer(value: Json) -> int:
    return int(value) if isinstance(value, int | str) else 0


def seconds(read: Reader, key: str) -> float | None:
    """A protobuf Duration in JSON, such as "300s"."""
    text = read.text(key)
    if not text:
        return None
    value = float(text.removesuffix("s"))
    if value < 0:
        raise SpecError(read.path_to(key), "must not be negative")
    return value or None
