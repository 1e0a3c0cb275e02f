"""Versions are counted from what a model repo holds, by the first commit of each content."""

import pytest

from howdah.client.files import Files
from howdah.errors import NotFound
from howdah.lineage import versions


def test_versions_are_counted_by_content_in_the_order_of_their_commits(files: Files) -> None:
    files.ensure_repo("cars-model", "")
    assert versions.numbered(files, "cars-model") == {}
    with pytest.raises(NotFound, match="no model cars:v1"):
        versions.commit_of(files, "cars:v1", "default", "")
    files.put("cars-model@master", {"/notes": b"no model yet"})
    one, two, again, three = (
        files.put("cars-model@master", {"/model.json": text}) for text in (b"1", b"2", b"1", b"3")
    )
    assert versions.numbered(files, "cars-model") == {one: 1, two: 2, again: 1, three: 3}
    found = [versions.commit_of(files, f"cars:v{number}", "default", "") for number in (1, 2, 3)]
    assert found == [one, two, three]
    assert versions.commit_of(files, "cars:v1", "default", again) == again
    with pytest.raises(NotFound, match="no model cars:v4") as refused:
        versions.commit_of(files, "cars:v4", "default", "")
    assert "cars has 3 versions" in str(refused.value.why)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cars:v2", ("cars", 2)),
        ("cars", ("cars", None)),
        ("cars:v0", ("cars:v0", None)),
        ("cars:v02", ("cars:v02", None)),
        ("8e5cc469-c0e6-4d65-90e0-67bdbe7b5f1f", ("8e5cc469-c0e6-4d65-90e0-67bdbe7b5f1f", None)),
    ],
)
def test_a_version_is_a_case_and_a_number(text: str, parts: tuple[str, int | None]) -> None:
    assert versions.split(text) == parts
    assert versions.is_version(text) == (parts[1] is not None)
