"""The operations that the image has models of: those that the code calls, and as botocore has them."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

from ecr_lambda_deploy.aws.operations import OPERATIONS
from requirements.trim import trim_data, trimmed

_SOURCE = Path(__file__).parents[3] / "src/ecr_lambda_deploy/aws"
_DATA = Path(botocore.__file__).parent / "data"
_REGIONS = ("eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1")


def _calls() -> Iterator[tuple[str, str]]:
    """Yield the name of each method that is called in `aws/`, with its first argument if that is a text."""
    for path in _SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.args else None
                yield node.func.attr, str(first.value) if isinstance(first, ast.Constant) else ""


def test_the_services_are_those_that_have_a_client() -> None:
    assert {service for name, service in _calls() if name in {"_client", "create_client"} and service} == {*OPERATIONS}


def test_the_operations_are_those_that_the_code_calls() -> None:
    session = Session()
    called = {argument if name == "get_paginator" else name for name, argument in _calls()}
    known = {service: session.get_service_model(service).operation_names for service in OPERATIONS}
    expected = {(service, name) for service, names in known.items() for name in names if xform_name(name) in called}

    assert {(service, name) for service, names in OPERATIONS.items() for name in names} == expected


@pytest.fixture(scope="module")
def trimmed_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Botocore's data as the image has it."""
    data = tmp_path_factory.mktemp("data")
    for service in (*OPERATIONS, "sso"):
        shutil.copytree(_DATA / service, data / service)
    for file in _DATA.glob("*.json"):
        shutil.copy(file, data)
    trim_data(data, OPERATIONS)
    return data


def _trimmed_session(data: Path) -> Session:
    session = Session()
    session.register_component("data_loader", Loader([str(data)], include_default_search_paths=False))
    return session


def _without_texts(shape: Any, seen: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 # a tree of a shape of any kind
    """Return everything of a shape and of those that it reaches, but what is written about them."""
    if shape is None or shape.name in seen:
        return shape and shape.name
    inner = {**getattr(shape, "members", {})} | {
        part: getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)
    }
    members = {name: _without_texts(one, (*seen, shape.name)) for name, one in inner.items()}
    return shape.name, shape.type_name, shape.serialization, {**shape.metadata}, members


@pytest.mark.parametrize("service", OPERATIONS)
def test_the_image_has_each_operation_as_botocore_has_it(trimmed_data: Path, service: str) -> None:
    full = Session().get_service_model(service)
    image = _trimmed_session(trimmed_data).get_service_model(service)

    assert sorted(image.operation_names) == sorted(OPERATIONS[service])
    assert image.metadata == full.metadata
    for name in OPERATIONS[service]:
        ours, theirs = image.operation_model(name), full.operation_model(name)
        assert ours.http == theirs.http
        assert ours.auth_type == theirs.auth_type
        for kind in ("input_shape", "output_shape"):
            assert _without_texts(getattr(ours, kind)) == _without_texts(getattr(theirs, kind))
        assert [*map(_without_texts, ours.error_shapes)] == [*map(_without_texts, theirs.error_shapes)]


def test_the_image_has_no_other_service(trimmed_data: Path) -> None:
    assert {path.name for path in trimmed_data.iterdir() if path.is_dir()} == {*OPERATIONS}


@pytest.mark.parametrize("options", [{}, {"use_fips_endpoint": True}, {"use_dualstack_endpoint": True}], ids=str)
@pytest.mark.parametrize("region", _REGIONS)
def test_endpoints_are_the_same_in_every_partition(trimmed_data: Path, region: str, options: dict[str, Any]) -> None:
    def endpoints(session: Session) -> Iterator[tuple[str, str, str]]:
        session.set_credentials("a", "b")
        for service in OPERATIONS:
            client: Any = session.create_client(service, region_name=region, config=Config(**options))
            yield client.meta.endpoint_url, client.meta.partition, client._request_signer.region_name  # noqa: SLF001

    assert [*endpoints(_trimmed_session(trimmed_data))] == [*endpoints(Session())]


def test_pages_are_those_of_botocore(trimmed_data: Path) -> None:
    def pages(session: Session) -> list[tuple[object, ...]]:
        models = {service: session.get_paginator_model(service) for service in ("ecr", "lambda")}
        named = [("ecr", "ListImages"), ("lambda", "ListEventSourceMappings"), ("lambda", "ListVersionsByFunction")]
        return [(name, models[service].get_paginator(name)) for service, name in named]

    assert pages(_trimmed_session(trimmed_data)) == pages(Session())


def test_an_operation_that_the_service_does_not_have_fails_the_build() -> None:
    with pytest.raises(KeyError, match="GetNothing"):
        trimmed({"operations": {}, "shapes": {}}, {"GetNothing"})
