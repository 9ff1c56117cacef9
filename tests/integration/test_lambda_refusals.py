"""What Lambda refuses, by botocore's own stubs: what passes, what is somebody else's doing, and what is denied."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from ecr_lambda_deploy.aws.aliases import LambdaAliases
from ecr_lambda_deploy.aws.functions import LambdaFunctions
from ecr_lambda_deploy.aws.invocations import LambdaInvocations
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.model.errors import DeployError, InProgressError, MissingFunctionError, RevisionError
from ecr_lambda_deploy.model.functions import UNKNOWN, AliasState, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.ports.functions import Response
from tests.integration.aws_in_memory import ACCOUNT, REGION, REGISTRY, aws_of, recorded_aws

_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders-api"
_IMAGE = ImageReference(registry=REGISTRY, repository="orders", digest=f"sha256:{64 * 'b'}")
_ALIAS = AliasState(name="live", arn=f"{_ARN}:live", version="7", revision_id="seen")


@dataclass(frozen=True, kw_only=True)
class _Lambda:
    functions: LambdaFunctions
    aliases: LambdaAliases
    invocations: LambdaInvocations
    stubber: Stubber


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Lambda]:
    with recorded_aws(monkeypatch) as traffic:
        aws = aws_of(traffic)
        with Stubber(aws.functions()) as stubber:
            yield _Lambda(
                functions=LambdaFunctions(aws),
                aliases=LambdaAliases(aws),
                invocations=LambdaInvocations(aws),
                stubber=stubber,
            )
            stubber.assert_no_pending_responses()


_Call = Callable[[_Lambda], object]

_CHANGES: list[tuple[str, _Call]] = [
    ("create_function", lambda aws: aws.functions.create("orders-api", _IMAGE, "x86_64", {"Role": "r"})),
    ("update_function_code", lambda aws: aws.functions.update_code("orders-api", _IMAGE, "x86_64", revision_id="seen")),
    (
        "publish_version",
        lambda aws: aws.functions.publish_version("orders-api", code_sha256="c", revision_id="seen", description=""),
    ),
    ("create_alias", lambda aws: aws.aliases.create("orders-api", "live", version="7", description="")),
    ("update_alias", lambda aws: aws.aliases.point("orders-api", _ALIAS, version="8", weights={}, description="")),
]
_CHECKS: list[tuple[str, str, _Call]] = [
    ("publish_version", "lambda:PublishVersion", lambda aws: aws.functions.check_may_publish("orders-api")),
    ("create_alias", "lambda:CreateAlias", lambda aws: aws.aliases.check_may_point("orders-api", None, "live")),
    ("update_alias", "lambda:UpdateAlias", lambda aws: aws.aliases.check_may_point("orders-api", _ALIAS, "live")),
    ("invoke", "lambda:InvokeFunction", lambda aws: aws.invocations.check_may_invoke("orders-api")),
]


@pytest.mark.parametrize(("call", "change"), _CHANGES, ids=[call for call, _ in _CHANGES])
@pytest.mark.parametrize(
    "message",
    [
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        "The operation cannot be performed at this time. The function is currently in the following state: 'Pending'",
        f"The operation cannot be performed at this time. An update is in progress for resource: {_ARN}",
        "The function could not be updated due to a concurrent update operation. Please try again later.",
    ],
)
def test_what_passes_is_waited_for(stubbed: _Lambda, call: str, change: _Call, message: str) -> None:
    stubbed.stubber.add_client_error(call, "ResourceConflictException", message)

    with pytest.raises(InProgressError) as caught:
        change(stubbed)

    assert message in caught.value.message


@pytest.mark.parametrize(("call", "change"), _CHANGES, ids=[call for call, _ in _CHANGES])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceConflictException", "The function is currently in the following state: Failed"),
        ("InvalidParameterValueException", "The function is currently in the following state: Pending"),
        ("ServiceException", "An update is in progress"),
    ],
)
def test_what_does_not_pass_is_not(stubbed: _Lambda, call: str, change: _Call, code: str, message: str) -> None:
    stubbed.stubber.add_client_error(call, code, message)

    with pytest.raises(DeployError) as caught:
        change(stubbed)

    assert not isinstance(caught.value, InProgressError | RevisionError)
    assert message in caught.value.message


@pytest.mark.parametrize("call", ["update_function_code", "publish_version"])
def test_a_function_whose_creation_failed_is_to_be_deleted(stubbed: _Lambda, call: str) -> None:
    message = "The operation cannot be performed at this time. The function is currently in the following state: Failed"
    stubbed.stubber.add_client_error(call, "ResourceConflictException", message)

    with pytest.raises(DeployError, match="state: Failed") as caught:
        dict(_CHANGES)[call](stubbed)

    assert "aws lambda delete-function --function-name orders-api" in caught.value.hint


_TOO_NEW = [
    ("The role defined for the function cannot be assumed by Lambda.", "trust policy"),
    (
        "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        "function's own role",
    ),
    ("Lambda was unable to configure your environment: KMS key is invalid for CreateGrant", "kms:CreateGrant"),
]


@pytest.mark.parametrize(("message", "hint"), _TOO_NEW)
def test_what_a_new_function_needs_and_is_too_new_is_waited_for(stubbed: _Lambda, message: str, hint: str) -> None:
    stubbed.stubber.add_client_error("create_function", "InvalidParameterValueException", message)

    with pytest.raises(InProgressError) as caught:
        stubbed.functions.create("orders-api", _IMAGE, "x86_64", {"Role": "r"})

    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("message", [message for message, _ in _TOO_NEW])
def test_of_a_function_that_exists_none_of_it_is_new(stubbed: _Lambda, message: str) -> None:
    stubbed.stubber.add_client_error("update_function_code", "InvalidParameterValueException", message)

    with pytest.raises(DeployError) as caught:
        stubbed.functions.update_code("orders-api", _IMAGE, "x86_64", revision_id="seen")

    assert not isinstance(caught.value, InProgressError)


@pytest.mark.parametrize(
    ("call", "change", "message"),
    [
        (*_CHANGES[0], "Function already exist: orders-api"),
        (*_CHANGES[3], f"Alias already exists: {_ARN}:live"),
    ],
)
def test_what_is_there_by_now_is_somebody_else_s(stubbed: _Lambda, call: str, change: _Call, message: str) -> None:
    stubbed.stubber.add_client_error(call, "ResourceConflictException", message)

    with pytest.raises(RevisionError, match="already exist"):
        change(stubbed)


_CHECK_IDS = [call for call, *_ in _CHECKS]


@pytest.mark.parametrize(("call", "action", "check"), _CHECKS, ids=_CHECK_IDS)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_a_check_tells_what_is_denied(stubbed: _Lambda, call: str, action: str, check: _Call, code: str) -> None:
    message = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/x is not authorized to perform: {action}"
    stubbed.stubber.add_client_error(call, code, f"{message} on resource: {_ARN} because no")

    with pytest.raises(DeployError, match="not authorized to perform") as caught:
        check(stubbed)

    assert f'{{"Effect": "Allow", "Action": "{action}", "Resource": "{_ARN}"}}' in caught.value.hint


@pytest.mark.parametrize(("call", "action", "check"), _CHECKS, ids=_CHECK_IDS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId"),
        ("ResourceConflictException", "An update is in progress"),
        ("ResourceConflictException", "The function is currently in the following state: Pending"),
        ("InvalidParameterValueException", "no such thing"),
        ("TooManyRequestsException", "Rate exceeded"),
        ("ServiceException", "sorry"),
        ("KMSAccessDeniedException", "Lambda was unable to decrypt the environment variables"),
    ],
)
def test_a_check_tells_nothing_else(
    stubbed: _Lambda, call: str, action: str, check: _Call, code: str, message: str
) -> None:
    assert action
    stubbed.stubber.add_client_error(call, code, message)

    check(stubbed)


@pytest.mark.parametrize(("call", "action", "check"), _CHECKS, ids=_CHECK_IDS)
def test_a_check_of_what_is_not_there(stubbed: _Lambda, call: str, action: str, check: _Call) -> None:
    """A version that there is none of is what is asked for; whether there is a function is known."""
    assert action
    stubbed.stubber.add_client_error(call, "ResourceNotFoundException", f"Function not found: {_ARN}:9999999999")

    if call != "invoke":
        check(stubbed)
        return
    with pytest.raises(MissingFunctionError, match="Function not found"):
        check(stubbed)


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDeniedException", UNKNOWN), ("ProvisionedConcurrencyConfigNotFoundException", None)]
)
def test_concurrency_that_there_is_none_of_differs_from_what_may_not_be_asked(
    stubbed: _Lambda, code: str, status: Status | None
) -> None:
    stubbed.stubber.add_client_error("get_provisioned_concurrency_config", code, "none for you")

    assert stubbed.aliases.concurrency("orders-api", "live") == status


@pytest.mark.parametrize("answer", [{"Status": "READY"}, {"Status": "FAILED", "StatusReason": "no room"}])
def test_concurrency_has_lambda_s_status_and_reason(stubbed: _Lambda, answer: dict[str, str]) -> None:
    stubbed.stubber.add_response("get_provisioned_concurrency_config", answer)
    status = stubbed.aliases.concurrency("orders-api", "live")

    assert status == Status(value=answer["Status"], reason=answer.get("StatusReason", ""))


# --- what others wrote -----------------------------------------------------------------------------------------------


def test_rule_6_the_reason_of_a_refusal_has_a_bound_and_can_be_written(stubbed: _Lambda) -> None:
    stubbed.stubber.add_client_error("get_function", "Odd", "half a pair: \ud800" + 1_000_000 * "x")
    with pytest.raises(DeployError) as caught:
        stubbed.functions.read("orders-api")

    assert caught.value.message.startswith("lambda:GetFunction on orders-api failed: Odd: half a pair: ?xxx")
    assert len(str(caught.value).encode()) < 11_000


@pytest.mark.parametrize("field", ["StateReason", "LastUpdateStatusReason"])
def test_rule_6_the_reason_of_a_state_has_a_bound_and_can_be_written(stubbed: _Lambda, field: str) -> None:
    configuration = {"FunctionName": "orders-api", "FunctionArn": _ARN, field: "\ud800" + 1_000_000 * "x"}
    stubbed.stubber.add_response("get_function", {"Configuration": configuration})
    state = stubbed.functions.read("orders-api")

    assert len(f"{state.state} {state.update}".encode()) < 11_000


def _answered(aws: Aws, **answer: object) -> Response:
    with Stubber(aws.invoking_functions(3)) as stubber:
        stubber.add_response("invoke", answer)
        return LambdaInvocations(aws).invoke("orders-api", "7", "{}", timeout=3)


def test_rule_6_the_log_of_a_function_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    with recorded_aws(monkeypatch) as traffic:
        log = b64encode(1_000_000 * b"x").decode()
        answer = _answered(aws_of(traffic), Payload=StreamingBody(BytesIO(b"{}"), 2), LogResult=log)

    assert answer.payload == "{}"
    assert len(answer.log.encode()) < 11_000


def test_rule_6_no_more_of_a_response_is_read_than_lambda_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    body = BytesIO(20_000_000 * b"x")
    with recorded_aws(monkeypatch) as traffic, pytest.raises(DeployError, match="answered more than 6292480 bytes"):
        _answered(aws_of(traffic), Payload=StreamingBody(body, 20_000_000))

    assert body.tell() < 7_000_000
