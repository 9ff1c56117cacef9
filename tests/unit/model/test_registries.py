"""Whose registry a host is, and which hosts may be given a login."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import (
    Authorization,
    RegistryOwner,
    ecr_hosts,
    is_same_registry,
    own_host,
    registry_owner,
)

_ACCOUNT, _REGION = "123456789012", "eu-west-1"
_LOGIN = Authorization(registry=f"{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com", username="AWS", password="password")
_OWN_HOSTS = [
    f"{_ACCOUNT}.{name}{fips}.{_REGION}.{domain}"
    for fips in ("", "-fips")
    for name, domain in [
        ("dkr.ecr", "amazonaws.com"),
        ("dkr.ecr", "amazonaws.com.cn"),
        ("dkr.ecr", "amazonaws.eu"),
        ("dkr-ecr", "on.aws"),
        ("dkr-ecr", "on.amazonwebservices.com.cn"),
    ]
]
# What hosts are made of, a host as a whole among it: so that many are nearly right.
_PIECE = st.sampled_from(
    [
        *_OWN_HOSTS,
        *(_ACCOUNT, "210987654321", "١٢٣٤٥٦٧٨٩٠١٢", _REGION, "us-east-1", "dkr.ecr", "dkr-ecr", "amazonaws.com"),
        *("on.aws", "evil.example", ".eu", ".", ":443", "@", "\n"),
    ]
)
_HOST = st.one_of(st.text(), st.lists(_PIECE, max_size=6).map("".join), st.lists(_PIECE, max_size=8).map(".".join))


@given(_HOST)
def test_rule_2_no_host_that_aws_did_not_name_is_given_a_login(host: str) -> None:
    if host in _OWN_HOSTS:
        _LOGIN.check_host(host)
    else:
        with pytest.raises(DeployError, match="is not given the registry's login"):
            _LOGIN.check_host(host)


@pytest.mark.parametrize("host", _OWN_HOSTS)
def test_all_hosts_of_a_registry_tell_its_owner(host: str) -> None:
    assert registry_owner(host) == RegistryOwner(_ACCOUNT, _REGION)


@pytest.mark.parametrize(
    "host",
    [
        f"{_ACCOUNT}.dkr.ecr.{_REGION}.evil.example",
        f"{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com.evil.example",
        f"{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com:5000",
        f"evil.example.{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com",
        f"{_ACCOUNT}.dkr-ecr.{_REGION}.",
    ],
)
def test_rule_2_a_host_that_only_begins_as_ecr_s_is_another_registry_s(host: str) -> None:
    assert registry_owner(host) is None
    assert not is_same_registry(host, _LOGIN.registry)
    with pytest.raises(DeployError, match="AWS_ENDPOINT_URL"):
        _LOGIN.check_host(host)


def test_the_registry_of_an_emulator_has_hosts_of_any_name() -> None:
    login = Authorization(registry="localhost:4566", username="AWS", password="password", is_of_emulator=True)

    login.check_host("registry.example:5000")


@given(_HOST)
def test_rule_2_a_login_is_for_hosts_of_its_region_that_are_ecr_s_as_a_whole(host: str) -> None:
    found, owner = _LOGIN.of_region(host), registry_owner(host)
    if owner is not None and owner.region == _REGION and not host.endswith((".cn", ".eu")):
        assert found is not None
        assert (found.registry, found.password) == (host, _LOGIN.password)
        found.check_host(host)
    else:
        assert found is None


@pytest.mark.parametrize(
    ("host", "own"),
    [
        (f"{_ACCOUNT}.dkr-ecr.{_REGION}.on.aws", f"{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com"),
        (f"{_ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", f"{_ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com"),
        (f"{_ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws", f"{_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"),
        (
            f"{_ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            f"{_ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn",
        ),
        (f"{_ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", f"{_ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu"),
        ("localhost:5000", "localhost:5000"),
    ],
)
def test_the_host_that_lambda_takes(host: str, own: str) -> None:
    assert own_host(host) == own_host(own) == own


def test_the_hosts_of_ecr_that_a_text_names() -> None:
    one, two = f"{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com", f"210987654321.dkr-ecr.{_REGION}.on.aws"
    text = f"FROM {one}/a:1\nCOPY --from={two}/b / /\nFROM docker-image://{one}/c\nFROM {_OWN_HOSTS[2]}.evil/d"
    text += f" {_OWN_HOSTS[3]}:80/e x.{_OWN_HOSTS[5]}/f"

    assert ecr_hosts(text) == (one, two)
