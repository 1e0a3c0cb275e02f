"""The official SDK against the daemon: what it is told, and how it is refused."""

import grpc
import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import admin, metadata, pfs, transaction
from pachyderm_sdk.api import version as versionpb
from pachyderm_sdk.errors import AuthServiceNotActivated

from howdah.daemon.house import House


def refused(error: pytest.ExceptionInfo[RpcError]) -> tuple[StatusCode, str]:
    return error.value.code(), error.value.details()


def test_it_says_which_pachyderm_it_is(client: Client) -> None:
    said = client.get_version()
    assert (said.major, said.minor) == (2, 12)


def test_the_deployment_keeps_its_id_and_can_warn(client: Client, house: House) -> None:
    cluster = client.admin.inspect_cluster()
    assert cluster.warnings_ok
    assert cluster.deployment_id == cluster.id == house.running.deployment_id
    assert not cluster.warnings


def test_a_client_of_another_version_is_warned(client: Client) -> None:
    old = admin.ApiStub(client._channel).inspect_cluster(client_version=versionpb.Version(major=2, minor=4))
    new = admin.ApiStub(client._channel).inspect_cluster(client_version=versionpb.Version(major=3, minor=0))
    assert "older" in old.warnings[0]
    assert "newer" in new.warnings[0]


def test_an_unknown_current_project_is_an_error(client: Client) -> None:
    with pytest.raises(RpcError) as error:
        admin.ApiStub(client._channel).inspect_cluster(current_project=pfs.Project(name="nowhere"))
    assert refused(error)[0] is StatusCode.NOT_FOUND


def test_auth_says_that_it_is_not_activated(client: Client) -> None:
    with pytest.raises(AuthServiceNotActivated, match="the auth service is not activated"):
        client.auth.who_am_i()


def test_enterprise_says_what_pachyderm_itself_says(client: Client) -> None:
    with pytest.raises(RpcError) as error:
        client.enterprise.get_state()
    assert refused(error) == (StatusCode.UNKNOWN, "enterprise server is deprecated")


def test_what_is_not_implemented_is_refused_by_name(client: Client) -> None:
    with pytest.raises(RpcError) as error:
        client.snapshot.create_snapshot()
    assert refused(error) == (
        StatusCode.UNIMPLEMENTED,
        "snapshot.API/CreateSnapshot is not implemented by this Howdah",
    )


def test_a_method_nobody_knows_is_refused_by_name(house: House) -> None:
    address = house.running.pachd.removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel, pytest.raises(RpcError) as error:
        channel.unary_unary("/pfs_v2.API/Fly")(b"")
    assert error.value.code() is StatusCode.UNIMPLEMENTED
    assert "there is no such method" in error.value.details()


def test_bytes_that_are_no_message_are_refused(house: House) -> None:
    address = house.running.pachd.removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel, pytest.raises(RpcError) as error:
        channel.unary_unary("/pfs_v2.API/InspectRepo")(b"\x0a\xff\xff\xff\x0f")
    assert error.value.code() is StatusCode.INVALID_ARGUMENT
    assert "InspectRepoRequest" in error.value.details()


def test_a_missing_repo_and_a_taken_name(client: Client) -> None:
    repo = pfs.Repo.from_uri("taken")
    client.pfs.create_repo(repo=repo)
    with pytest.raises(RpcError) as error:
        client.pfs.create_repo(repo=repo)
    assert refused(error) == (StatusCode.ALREADY_EXISTS, "repo default/taken already exists")
    with pytest.raises(RpcError) as error:
        client.pfs.inspect_repo(repo=pfs.Repo.from_uri("missing"))
    assert refused(error) == (StatusCode.NOT_FOUND, "repo default/missing not found")


def test_a_transaction_is_one_commit_set_and_answers_as_it_will(client: Client) -> None:
    with client.transaction.transaction() as made:
        for name in ("first", "second"):
            client.pfs.create_repo(repo=pfs.Repo.from_uri(name))
        commits = [
            client.pfs.start_commit(branch=pfs.Branch.from_uri(f"{n}@master")) for n in ("first", "second")
        ]
    assert [commit.id for commit in commits] == [made.id, made.id]
    infos = list(client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=made.id)))
    assert {info.commit.repo.name for info in infos} == {"first", "second"}


def test_a_mistake_is_refused_where_it_is_made_inside_a_transaction(client: Client) -> None:
    begun = client.transaction.start_transaction()
    inside = Client(port=int(client.address.rpartition(":")[2]), host="127.0.0.1", transaction_id=begun.id)
    with pytest.raises(RpcError) as error:
        inside.pfs.start_commit(branch=pfs.Branch.from_uri("never-made@master"))
    assert refused(error)[0] is StatusCode.NOT_FOUND
    assert client.transaction.inspect_transaction(transaction=begun).requests == []
    client.transaction.delete_transaction(transaction=begun)


def test_a_batch_runs_whole_or_not_at_all(client: Client) -> None:
    def create(name: str) -> transaction.TransactionRequest:
        return transaction.TransactionRequest(create_repo=pfs.CreateRepoRequest(repo=pfs.Repo.from_uri(name)))

    with pytest.raises(RpcError):
        client.transaction.batch_transaction(requests=[create("batched"), create("batched")])
    assert not client.pfs.repo_exists(pfs.Repo.from_uri("batched"))
    client.transaction.batch_transaction(requests=[create("batched"), create("batched-too")])
    assert client.pfs.repo_exists(pfs.Repo.from_uri("batched-too"))


def test_metadata_edits_happen_all_or_none(client: Client) -> None:
    repo = pfs.Repo.from_uri("labelled")
    client.pfs.create_repo(repo=repo)
    add = metadata.Edit(add_key=metadata.EditAddKey(key="a", value="1"), repo=repo.as_picker())
    client.metadata.edit_metadata(edits=[add])
    other = metadata.Edit(edit_key=metadata.EditEditKey(key="b", value="2"), repo=repo.as_picker())
    with pytest.raises(RpcError) as error:
        client.metadata.edit_metadata(edits=[other, add])
    assert "edit #1" in error.value.details()
    assert client.pfs.inspect_repo(repo=repo).metadata == {"a": "1"}


def test_a_wait_ends_when_the_state_is_reached(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("waited"))
    commit = client.pfs.start_commit(branch=pfs.Branch.from_uri("waited@master"))
    info = client.pfs.inspect_commit(commit=commit, wait=pfs.CommitState.READY)
    assert info.commit.id == commit.id


def test_a_sound_store_has_nothing_to_say(client: Client) -> None:
    assert list(client.pfs.fsck()) == []
    assert client.pfs.check_storage(read_chunk_data=True).chunk_object_count > 0


def test_a_project_shows_the_defaults_of_its_pipelines(client: Client) -> None:
    answer = client.pfs.inspect_project_v2(project=pfs.Project(name="default"))
    assert answer.info.project.name == "default"
    assert answer.defaults_json == "{}"
