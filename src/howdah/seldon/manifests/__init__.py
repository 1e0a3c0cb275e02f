"""SeldonDeployment v1 manifests: strict parsing, the webhook's defaults and its validation.

    deployment = manifests.read(document)      # raises ManifestInvalid

`read` is what both the API (to refuse) and the engine (to run) use, so nothing is ever
accepted that the engine would not understand.
"""

from howdah.seldon.manifests.defaults import defaulted
from howdah.seldon.manifests.fields import SeldonDeployment
from howdah.seldon.manifests.parse import FieldError, ManifestInvalid, parse, strictly
from howdah.seldon.manifests.validate import check

__all__ = ["FieldError", "ManifestInvalid", "SeldonDeployment", "defaulted", "parse", "read", "strictly"]


def read(document: object) -> SeldonDeployment:
    """Parse, default and validate one manifest; every violation found is in the error."""
    given = parse(document)
    check(given)
    return parse(defaulted(given))
