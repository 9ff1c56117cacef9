"""Which builds have a secret where records show it; that these are removed is tested with the real BuildKit."""

from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.cache import CacheEntries
from ecr_lambda_deploy.docker.records import have_secrets
from ecr_lambda_deploy.model.images import BuildOrder
from ecr_lambda_deploy.model.targets import Build

_LOGIN = "https://user:password@packages.example/simple"


@pytest.mark.parametrize(
    ("build_args", "contexts", "imports", "exports", "expected"),
    [
        ({"INDEX": _LOGIN}, {}, (), (), True),
        ({}, {"orders": _LOGIN}, (), (), True),
        ({}, {}, ("type=gha,token=runtime-token",), (), True),
        ({}, {}, (), ("type=s3,bucket=orders,secret_access_key=abcd",), True),
        (
            {"INDEX": "https://packages.example/simple"},
            {"orders": "docker-image://orders"},
            ("type=inline",),
            (),
            False,
        ),
    ],
)
def test_secrets_are_found_in_arguments_contexts_and_caches(
    build_args: dict[str, str],
    contexts: dict[str, str],
    imports: tuple[str, ...],
    exports: tuple[str, ...],
    *,
    expected: bool,
) -> None:
    folder = Path("/workspace")
    build = Build(context=folder, dockerfile=folder / "Dockerfile", build_args=build_args, build_contexts=contexts)
    order = BuildOrder(build=build, platform="linux/amd64", labels={}, repository_uri="registry/orders", tag="src-1")
    assert have_secrets([order], [CacheEntries(imports=imports, exports=exports)]) is expected
