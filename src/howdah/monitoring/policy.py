"""What one case allows to happen by itself: policy.yaml in its `<case>-policy` repo."""

from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from howdah.errors import Invalid

Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Retrain(_Strict):
    drifted_columns: Annotated[int, Field(ge=1)] = 1
    """Retrain when at least this many inputs drifted."""
    per_day: Annotated[int, Field(ge=0)] = 4
    """The budget: never more retrainings than this in any 24 hours."""


class Promote(_Strict):
    p_value_at_most: Share = 0.05
    """How likely chance alone may be to make the challenger look this much better."""
    improvement_at_least: float = 0.0
    """The least gain in mean loss that is worth a change."""
    rows_at_least: Annotated[int, Field(ge=1)] = 10
    """Held-out rows without which nothing is promoted."""


class Policy(_Strict):
    paused: bool = False
    """True stops retraining and promotion; what would have happened is still recorded."""
    retrain: Retrain = Retrain()
    promote: Promote = Promote()


def parse(text: str) -> Policy:
    """Invalid names the path to the first key that is wrong."""
    try:
        return Policy.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise Invalid(f"policy.yaml is not YAML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"policy.yaml: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
