import dataclasses
from pathlib import Path

import pytest

from howdah.core.settings import Settings, described, load, parse
from howdah.errors import Invalid, Unavailable

HERE = Path("/somewhere")


def test_without_a_file_the_defaults_hold(tmp_path):
    settings = load(tmp_path)
    assert settings.daemon.pachd_port == 30650
    assert settings.daemon.state == tmp_path / ".howdah"


def test_the_file_is_read_beside_the_user(tmp_path):
    (tmp_path / "howdah.toml").write_text('[daemon]\nhttp_port = 0\nstate = "data"\n')
    settings = load(tmp_path)
    assert (settings.daemon.http_port, settings.daemon.state) == (0, tmp_path / "data")
    assert settings.daemon.s3_port == 30600


def test_an_absolute_path_stays():
    assert parse('[daemon]\nstate = "/data"', HERE).daemon.state == Path("/data")


def test_lists_become_tuples():
    settings = parse('[pachd]\nput_file_hosts = ["a.example.org", "*.example.com"]', HERE)
    assert settings.pachd.put_file_hosts == ("a.example.org", "*.example.com")


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().daemon.bind = "0.0.0.0"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("[daemon]\nhttp_prot = 1", "daemon.http_port"),
        ("[deamon]\nhttp_port = 1", "daemon"),
        ("[pachd]\nhttp_port = 1", "daemon.http_port"),
        ("s3_port = 1", "daemon.s3_port"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(text, near):
    with pytest.raises(Invalid, match="unknown key") as refused:
        parse(text, HERE)
    assert refused.value.remedy == f"Did you mean {near!r}?"


def test_a_key_like_none_gets_the_list():
    with pytest.raises(Invalid) as refused:
        parse("[xyzzy]", HERE)
    assert "daemon.http_port" in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[daemon]\nhttp_port = "4000"', "daemon.http_port"),
        ("[daemon]\nhttp_port = 65536", "daemon.http_port"),
        ("[daemon]\nhttp_port = true", "daemon.http_port"),
        ("[daemon]\nstate = 5", "daemon.state"),
        ('[daemon]\nstate = "~/data"', "daemon.state"),
        ('[daemon]\nbind = ""', "daemon.bind"),
        ('[logs]\nlevel = "loud"', "logs.level"),
        ('[pachd]\nput_file_hosts = ["https://example.org/"]', "pachd.put_file_hosts"),
        ('[pachd]\nput_file_hosts = "example.org"', "pachd.put_file_hosts"),
        ("[serving]\ntrusted_pickles = [1]", "serving.trusted_pickles"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_what_to_give(text, key):
    with pytest.raises(Invalid, match=key) as refused:
        parse(text, HERE)
    assert refused.value.why
    assert refused.value.remedy.startswith("Give ")


@pytest.mark.parametrize("text", ["daemon = 5", "[daemon", "[[daemon]]"])
def test_what_is_not_a_table_or_not_toml_is_refused(text):
    with pytest.raises(Invalid) as refused:
        parse(text, HERE)
    assert refused.value.remedy


def test_an_unreadable_file_is_refused(tmp_path):
    (tmp_path / "howdah.toml").mkdir()
    with pytest.raises(Unavailable, match="cannot be read"):
        load(tmp_path)


def test_every_default_is_one_that_the_file_could_give():
    for each in described():
        given = list(each.default) if isinstance(each.default, tuple) else each.default
        given = str(given) if isinstance(given, Path) else given
        assert each.kind.read(given) == each.default, each
