import pytest

from howdah.client.failures import _BRANCHES
from howdah.client.remedies import remedy
from howdah.errors import AlreadyExists, Conflict, Corrupt, Invalid, NotFound, Unavailable

ID = "0123456789ab4def0123456789abcdef"


@pytest.mark.parametrize(
    ("branch", "said", "command"),
    [
        (NotFound, "repo default/a not found", "pachctl list repo`"),
        (NotFound, "repo cars/a not found", "pachctl list repo --project cars`"),
        (NotFound, 'pipeline "cars/a" not found', "pachctl list pipeline --project cars`"),
        (NotFound, 'branch "x" not found in repo default/a', "pachctl list branch default/a`"),
        (NotFound, f"commit default/a@{ID} not found", "pachctl list commit default/a`"),
        (NotFound, f"file /x y not found in repo default/a at commit {ID}", f"list file default/a@{ID}`"),
        (NotFound, f"job default/a@{ID} not found", "pachctl list job -p default/a`"),
        (NotFound, f"datum 3f not found in job default/a@{ID}", f"pachctl list datum default/a@{ID}`"),
        (NotFound, 'project "a" not found', "pachctl list project`"),
        (NotFound, f"transaction {ID} not found", "pachctl list transaction`"),
        (NotFound, 'secrets "a" not found', "pachctl list secret`"),
        (AlreadyExists, "repo default/a already exists", "pachctl update repo`"),
        (AlreadyExists, 'secrets "a" already exists', "pachctl delete secret`"),
        (Conflict, f"parent commit default/a@{ID} has not been finished", f"finish commit default/a@{ID}`"),
        (Invalid, "pipeline doesn't have a cron input", "pachctl rerun pipeline`"),
    ],
)
def test_a_refusal_names_the_command_that_goes_on_from_it(branch, said, command):
    assert command in remedy(branch, said)


def test_only_what_is_missing_or_wrong_in_words_unknown_is_left_to_the_commands_help():
    without = {branch for branch in {*_BRANCHES.values(), Unavailable} if not remedy(branch, "?")}
    assert all(issubclass(branch, Invalid | NotFound) for branch in without)
    assert remedy(Corrupt, "?") == "Run `howdah check`: it names what is damaged."
