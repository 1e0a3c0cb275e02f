"""How a model runtime learns where it stands: MLServer hands it settings only."""

from mlserver.model import MLModel

from howdah.runtimes.front.place import Place

_places: dict[str, Place] = {}


def register(name: str, place: Place) -> None:
    _places[name] = place


def place_of(model: MLModel) -> Place:
    return _places[model.name]
