"""Paths as a workflow names them: within the workspace, on the host or in the container that this action runs in."""

import os
import stat
from pathlib import Path

import pytest

from tests.unit.inputs.given_inputs import parse, parse_build, problems_of

_HOST = "/home/runner/work/shop/shop"
_RUNNER = {"RUNNER_WORKSPACE": "/home/runner/work/shop", "GITHUB_REPOSITORY": "octocat/shop"}


@pytest.mark.parametrize("root", [_HOST, f"{_HOST}/", "{workspace}", "."])
def test_a_place_on_the_host_is_the_same_place_in_the_container(workspace: Path, root: str) -> None:
    root = root.format(workspace=workspace).rstrip("/")
    given = {
        "context": f"{root}/services/orders",
        "dockerfile": f"{root}/docker/orders.Dockerfile",
        "build-contexts": f"tools={root}/docker\nlayout=oci-layout://{root}/docker:1",
        "cache-from": f"type=local,src={root}/cache",
        "cache-to": f"type=local,dest={root}/cache,mode=max",
    }
    (workspace / "docker/orders.Dockerfile").write_text("FROM scratch\n")

    build = parse_build(workspace, given, **_RUNNER)

    assert build.context == workspace / "services/orders"
    assert build.dockerfile == workspace / "docker/orders.Dockerfile"
    assert build.build_contexts["tools"] == str(workspace / "docker")
    assert build.build_contexts["layout"] == f"oci-layout://{workspace}/docker:1"
    assert build.cache.imports == (f"type=local,src={workspace}/cache",)
    assert build.cache.exports == (f"type=local,dest={workspace}/cache,mode=max",)


def test_files_of_a_step_may_be_named_as_on_the_host(workspace: Path) -> None:
    (workspace / "event.json").write_text("{}")
    (image,) = parse(workspace, {"smoke-event": f"{_HOST}/event.json"}, **_RUNNER).images
    assert image.functions[0].smoke_test is not None

    (workspace / "deploy.yaml").write_text("version: 1\nimages: {orders: {promote-from: f, functions: [g]}}\n")
    assert parse(workspace, {"function-name": "", "manifest": f"{_HOST}/deploy.yaml"}, **_RUNNER).images


@pytest.mark.parametrize(
    "place", ["/home/runner/work/shop", "/home/runner/work/shop/other", f"{_HOST}-2", f"{_HOST}/.."]
)
def test_another_place_of_the_host_is_refused(workspace: Path, place: str) -> None:
    (problem,) = problems_of(workspace, {"build-contexts": f"a={place}"}, **_RUNNER)

    assert "leaves the workspace" in problem


def test_without_the_runner_s_variables_a_place_is_what_it_says(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"build-contexts": f"a={_HOST}/docker"})

    assert f"'{_HOST}/docker' leaves the workspace" in problem


# A Dockerfile that is a link.


def _link(workspace: Path, target: str) -> Path:
    link = workspace / "services/orders/Dockerfile"
    link.unlink()
    link.symlink_to(target)
    return link


@pytest.mark.parametrize("given", [{}, {"dockerfile": "services/orders/Dockerfile"}])
def test_a_dockerfile_that_is_a_link_is_the_file_that_it_leads_to(workspace: Path, given: dict[str, str]) -> None:
    """BuildKit is given the Dockerfile's folder alone, and follows no link out of it."""
    (workspace / "services/Dockerfile.shared").write_text("FROM scratch\n")
    _link(workspace, "../Dockerfile.shared")

    build = parse_build(workspace, {"context": "services/orders", **given})

    assert build.dockerfile == workspace / "services/Dockerfile.shared"
    assert build.context == workspace / "services/orders"


def test_what_the_link_leaves_out_is_not_forgotten(workspace: Path) -> None:
    (workspace / "services/Dockerfile.shared").write_text("FROM scratch\n")
    link = _link(workspace, "../Dockerfile.shared")
    link.with_name("Dockerfile.dockerignore").write_text("secret\n")

    (problem,) = problems_of(workspace, {"context": "services/orders"})

    assert "is a link to services/Dockerfile.shared" in problem
    assert "services/orders/Dockerfile.dockerignore would not count" in problem


@pytest.mark.parametrize("target", ["/etc/hosts", "../../../outside", "nothing", "Dockerfile"])
def test_a_link_that_leads_to_no_file_of_the_workspace_is_refused(workspace: Path, target: str) -> None:
    (workspace.parent / "outside").write_text("FROM scratch\n")
    _link(workspace, target)

    (problem,) = problems_of(workspace, {"context": "services/orders"})

    assert problem.startswith("'dockerfile' ")


# A cache in a folder.


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"cache-to": "type=local,dest=/var/x/cache"}, "/var/x/cache"),
        ({"cache-to": '"type=local,""dest=/var/x/a,b"",mode=max"'}, "/var/x/a,b"),
        ({"cache-to": "mode=max,dest=../cache,type=local"}, "../cache"),
        ({"cache-from": "type=local,src=/var/x/cache"}, "/var/x/cache"),
        ({"cache-to": "TYPE=local,DEST=/var/x/cache"}, "/var/x/cache"),
    ],
)
def test_a_cache_outside_the_workspace_is_refused(workspace: Path, given: dict[str, str], place: str) -> None:
    (problem,) = problems_of(workspace, given)

    assert problem.startswith(f"'{next(iter(given))}' ")
    assert f"{place!r}" in problem
    assert "nothing outlives the container" in problem
    assert "'cache: auto'" in problem


@pytest.mark.parametrize("entry", ["type=local", "type=local,dest="])
def test_a_local_cache_is_somewhere(workspace: Path, entry: str) -> None:
    (problem,) = problems_of(workspace, {"cache-to": entry})

    assert "names no folder in 'dest'" in problem


def test_a_cache_entry_is_csv(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"cache-to": 'type=s3,secret_access_key=hidden,"bucket=a'})

    assert problem.startswith("'cache-to' holds BuildKit's cache entries, which are CSV; one is not: ")
    assert "hidden" not in problem
    assert parse_build(workspace, {"cache-to": 'type=registry,"ref=a:b"'}).cache.exports == ('type=registry,"ref=a:b"',)
    assert parse_build(workspace, {"cache-to": "type=local,dest=c,d"}).cache.exports


# The agent.


@pytest.fixture
def agent(workspace: Path) -> Path:
    place = workspace / "agent"
    os.mknod(place, stat.S_IFSOCK | 0o600)
    return place


@pytest.mark.parametrize("value", ["default", "key", "default="])
def test_an_agent_s_socket_has_to_be_in_the_container(workspace: Path, agent: Path, value: str) -> None:
    for place in ("", "/var/x/agent.1", "/etc/hosts"):
        (problem,) = problems_of(workspace, {"set": f"ssh={value}"}, SSH_AUTH_SOCK=place)

        assert problem.startswith("'set' has ssh, and ")
        assert place in problem
        assert "SSH_AUTH_SOCK" in problem
        assert "ssh-agent -a" in problem
    assert parse_build(workspace, {"set": f"ssh={value}"}, SSH_AUTH_SOCK=str(agent)).properties == {"ssh": [value]}


def test_a_key_or_socket_may_be_named(workspace: Path, agent: Path) -> None:
    (workspace / "key").write_text("secret")
    expected = {
        "default=agent": f"default={agent}",
        f"default={_HOST}/agent": f"default={agent}",
        f"deploy={agent}": f"deploy={agent}",
        "deploy=key,agent": f"deploy={workspace}/key,{agent}",
    }
    for given, entry in expected.items():
        assert parse_build(workspace, {"set": f"ssh={given}"}, **_RUNNER).properties == {"ssh": [entry]}


@pytest.mark.parametrize("given", ["nothing", "key,nothing", "services", "/etc/hosts", "/var/x/agent.1"])
def test_a_key_that_is_not_in_the_workspace_is_refused(workspace: Path, given: str) -> None:
    (workspace / "key").write_text("secret")
    (problem,) = problems_of(workspace, {"set": f"ssh=deploy={given}"})

    assert "is no key and no socket in the workspace" in problem


@pytest.mark.parametrize(
    "address", ["https://github.com/org/shop.git#main", "git@github.com:org/shop.git", "{{defaultContext}}:api"]
)
def test_a_context_that_is_an_address_is_told_to_be_checked_out(workspace: Path, address: str) -> None:
    (problem,) = problems_of(workspace, {"context": address})

    assert problem.startswith(f"'context' is a folder in the workspace, not {address!r}: check that out by a step")


def test_the_login_in_an_address_is_not_shown(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"context": "https://me:canary@github.com/org/shop.git"})

    assert "canary" not in problem


def test_a_dockerfile_in_lower_case_is_taken_as_buildx_takes_it(workspace: Path) -> None:
    folder = workspace / "services/orders"
    (folder / "Dockerfile").rename(folder / "dockerfile")
    given = {"context": "services/orders"}
    assert parse_build(workspace, given).dockerfile == folder / "dockerfile"

    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert parse_build(workspace, given).dockerfile == folder / "Dockerfile"


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ({"context": "services/orders"}, "services/orders/Containerfile"),
        ({"dockerfile": "docker/api.dockerfile"}, "docker/api.Dockerfile"),
        ({"context": "Services"}, "services"),
    ],
)
def test_what_has_nearly_the_name_that_is_given_is_named(workspace: Path, given: dict[str, str], there: str) -> None:
    (workspace / "services/orders/Dockerfile").rename(workspace / "services/orders/Containerfile")
    (workspace / "docker/api.Dockerfile").write_text("FROM scratch\n")
    problem = problems_of(workspace, given)[0]

    assert problem.endswith(f" in the workspace. There is {there!r}.")
