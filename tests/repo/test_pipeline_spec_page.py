"""The page about specs names every field that is refused or has no effect here."""

from howdah.pachd.pipelines import refused, spec


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_every_field_without_effect_or_refused_is_named(root):
    page = (root / "docs" / "reference" / "pipeline-spec.md").read_text()
    names = [*spec.KUBERNETES_ONLY, *refused.REFUSED]
    names += [f"transform.{name}" for name in spec.TRANSFORM_KUBERNETES_ONLY]
    assert [name for name in names if f"`{_snake(name)}`" not in page] == []
