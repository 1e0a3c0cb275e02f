import pytest

from howdah.cli.proxies import spare_loopback


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": ""}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "lab.example, localhost"}, "lab.example,localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "lab.example"}, "lab.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "small", "NO_PROXY": "LARGE"}, "small,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_added_to_what_is_spared(before, after):
    environment = dict(before)
    spare_loopback(environment)
    assert environment["no_proxy"] == after


def test_twice_is_as_once():
    environment = {"no_proxy": "lab.example"}
    spare_loopback(environment)
    once = dict(environment)
    spare_loopback(environment)
    assert environment == once
