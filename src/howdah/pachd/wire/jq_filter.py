"""`jq_filter` of a listing: keep a message when the program's first answer is neither false nor null.

The program sees the message as `--raw` output shows it: JSON with the fields' original names.
"""

import json
from collections.abc import Callable
from typing import Any

import jq
from google.protobuf import json_format

from howdah.errors import Invalid


def jq_filter(program: str) -> Callable[[Any], bool]:
    if not program:
        return lambda message: True
    try:
        compiled = jq.compile(program)
    except ValueError as error:
        raise Invalid(f"error creating message filter function: error parsing jq filter: {error}") from None

    def keep(message: Any) -> bool:
        value = json_format.MessageToDict(message, preserving_proto_field_name=True)
        try:
            first = next(iter(compiled.input_text(json.dumps(value))), None)
        except ValueError as error:
            raise Invalid(f"error applying jq filter on proto message: {error}") from None
        return first is not None and first is not False

    return keep
