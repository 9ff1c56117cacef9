import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.model.errors import DeployError, InputError
from ecr_lambda_deploy.model.secrets import secrets_of_addresses, secrets_of_entry, without_logins


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("type=registry,ref=registry.example/cache:main", []),
        ("type=gha,token=t-1,url_v2=https://cache.example", ["t-1"]),
        (
            "type=s3,access_key_id=AKIA1,secret_access_key=s/1+=,session_token=st1,bucket=b",
            ["AKIA1", "s/1+=", "st1"],
        ),
        ('type=azblob,"secret_access_key=one,two",name=n', ["one,two"]),
        ("type=x,PASSWORD=p1", ["p1"]),
        ('type=x,token="unfinished', ['"unfinished']),
        ("registry.example/cache:main", []),
        ("", []),
    ],
)
def test_rule_5_secret_attributes_of_cache_entries_are_found(entry: str, expected: list[str]) -> None:
    assert [*secrets_of_entry(entry)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@packages.example/simple", ["user:pass", "pass"]),
        ("http://user:p%40ss@proxy:3128", ["user:p%40ss", "p%40ss", "p@ss"]),
        ("https://ghp_token@github.com/org/repo.git#main", ["ghp_token"]),
        ("https://ghp_token:@github.com", ["ghp_token"]),
        ("ssh://git@github.com/org/repo", []),
        ("git@github.com:org/repo", []),
        ("git+ssh://deploy@host.example/repo", []),
        ("https://registry.example/a@sha256:0", []),
        ("docker-image://registry.example/a@sha256:0", []),
        ("one https://a:b1@x.example two https://c:d1@y.example", ["a:b1", "b1", "c:d1", "d1"]),
    ],
)
def test_rule_5_the_userinfo_of_addresses_is_found(text: str, expected: list[str]) -> None:
    assert [*secrets_of_addresses(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'https://user:pass@h/a' has no value", "'https://***@h/a' has no value"),
        ("ftp:/token@h is not a folder", "ftp:/***@h is not a folder"),
        ("https://h/a@sha256:0 and a@b.example", "https://h/a@sha256:0 and a@b.example"),
    ],
)
def test_rule_5_an_error_shows_addresses_without_logins(text: str, expected: str) -> None:
    error = InputError([text])
    assert without_logins(text) == expected == error.message == error.problems[0]
    assert str(DeployError("", text)).strip() == expected


@given(st.text())
def test_any_text_may_be_searched(text: str) -> None:
    assert all(secret in text or "%" in text for secret in (*secrets_of_entry(text), *secrets_of_addresses(text)))
