"""The grammar of globs, and that both ways of matching say the same."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.pachd.storage.trees import BadGlob, Glob
from howdah.pachd.storage.trees.careful import Careful, is_risky
from howdah.pachd.storage.trees.glob import excludes_beginnings, expression
from howdah.pachd.storage.trees.pattern import parse

MATCHES = [
    ("/", "/", ()),
    ("", "/", ()),
    ("/*", "/a", ()),
    ("*", "/a", ()),
    ("/*", "/a/", ()),
    ("a/", "/a", ()),
    ("/**", "/a/b/c", ()),
    ("/a**c", "/a/b/c", ()),
    ("/a?c", "/abc", ()),
    ("/[a-c]x", "/bx", ()),
    ("/[!a-c]x", "/dx", ()),
    ("/[^a-c]x", "/dx", ()),
    ("/[[:digit:]x]", "/7", ()),
    ("/[[:digit:]x]", "/x", ()),
    ("/[a\\]]", "/]", ()),
    ("/a[!b]c", "/a/c", ()),
    ("/{a,b/c}/d", "/b/c/d", ()),
    ("/{a*,b}", "/abc", ()),
    ("/a,b|c)d}", "/a,b|c)d}", ()),
    ("/a@b!c+d", "/a@b!c+d", ()),
    ("/\\*", "/*", ()),
    ("/(a|b)", "/b", ("b",)),
    ("/@(a|b)", "/b", ("b",)),
    ("/a?(b|c)", "/a", ("",)),
    ("/a*(b|c)", "/abcb", ("bcb",)),
    ("/+(a|b)/(*).go", "/ab/x.go", ("ab", "x")),
    ("/a**(b)", "/axbb", ("",)),
    ("/!(a|b)", "/abc", ("abc",)),
    ("/!(a|b)/x", "/c/x", ("c",)),
    ("/(a(b)|c)", "/c", ("c", "")),
    ("/{(a),b}(c)", "/bc", ("", "c")),
    ("/(*)-(*).csv", "/2026-11.csv", ("2026", "11")),
]

DIFFERENCES = [
    ("/", "/a"),
    ("/**", "/"),
    ("/*", "/a/b"),
    ("/a?c", "/a/c"),
    ("/?", "/"),
    ("/[a-c]x", "/dx"),
    ("/{a,b}", "/c"),
    ("/@(a|b)", "/ab"),
    ("/!(a|b)", "/a"),
    ("/!(a|b)/x", "/abc/x"),
    ("/!(a)", "/b/c"),
    ("/a", "/ab"),
    ("/a.b", "/axb"),
]

BAD = ["/[ab", "/[]", "/[z-a]", "/{a,b", "/(a|b", "/^(a)", "/[[:nothing:]]", "/a\\b(", "/[a\\"]


@pytest.mark.parametrize(("pattern", "path", "captured"), MATCHES)
def test_matches_and_captures(pattern: str, path: str, captured: tuple[str, ...]) -> None:
    assert Glob(pattern).match(path) == captured


@pytest.mark.parametrize(("pattern", "path"), DIFFERENCES)
def test_does_not_match(pattern: str, path: str) -> None:
    assert Glob(pattern).match(path) is None


@pytest.mark.parametrize("pattern", BAD)
def test_what_is_no_pattern_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(BadGlob, match=re.escape(repr(pattern))):
        Glob(pattern)


@pytest.mark.parametrize(
    ("template", "expanded"),
    [
        ("$1", "adele"),
        ("$3 of $1 from ${2}", "photos of adele from 2016"),
        ("$0", "/name=adele/year=2016/photos.dat"),
        ("${1}1", "adele1"),
        ("$$1", "$1"),
        ("$4", ""),
        ("$", "$"),
        ("$x ${y} ${1", "$x ${y} ${1"),
        ("$01", ""),
    ],
)
def test_templates_take_what_was_captured(template: str, expanded: str) -> None:
    glob = Glob("/name=(*)/year=(*)/(*).dat")
    assert glob.replace("/name=adele/year=2016/photos.dat", template) == expanded


def test_a_path_that_does_not_match_fills_templates_with_nothing() -> None:
    assert Glob("/(a)").replace("/b", "<$0$1>") == "<>"


def test_a_directory_fills_templates_without_its_slash() -> None:
    assert Glob("/(*)").replace("/a/", "$0 $1") == "/a a"


def test_repetition_of_what_matches_in_many_ways_ends() -> None:
    # As expressions these would take longer than the universe has.
    assert Glob("/*(*)x").match("/" + "a" * 300) is None
    assert Glob("/+(a*|*a)x").match("/" + "a" * 300) is None
    assert Glob("/*(*(*(b|a*)))x").match("/" + "a" * 100) is None
    assert Glob("/*a*a*a*a*a*a*b").match("/" + "a" * 300) is None


pieces = st.recursive(
    st.sampled_from(["a", "b", "/", "*", "**", "?", "[ab]", "[!a]", "ab"]),
    lambda inner: (
        st.builds("{}({}|{})".format, st.sampled_from(["", "@", "?", "*", "+", "!"]), inner, inner)
        | st.builds("{{{},{}}}".format, inner, inner)
    ),
    max_leaves=4,
)
patterns = st.lists(pieces, min_size=1, max_size=3).map(lambda parts: "/" + "".join(parts))
subjects = st.text("ab/", max_size=6).map(lambda text: "/" + text)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(pattern=patterns, subject=subjects)
def test_the_careful_matcher_and_the_expression_agree(pattern: str, subject: str) -> None:
    parts = parse(pattern)
    found = re.fullmatch(expression(parts), subject)
    captured = Careful(parts, excludes_beginnings(parts)).match(subject)
    assert (captured is None) == (found is None)
    if found and not is_risky(parts):
        # Where something empty is repeated, expressions differ among themselves in what they keep.
        assert captured == found.groups("")


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(pattern=patterns, subject=subjects)
def test_names_admit_whatever_matches(pattern: str, subject: str) -> None:
    glob = Glob(pattern)
    if glob.match(subject) is None or subject.endswith("/"):
        return
    assert subject.startswith(glob.literal)
    if glob.names is not None and subject != "/":
        names = subject[1:].split("/")
        assert len(names) == len(glob.names)
        for name, expected in zip(names, glob.names, strict=True):
            assert name.startswith(expected.literal) and expected.admits(name)
