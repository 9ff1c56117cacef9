"""What AWS refuses a request for, or why it did not answer, and what is advised."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ProxyConnectionError, SSLError

from ecr_lambda_deploy.aws.errors import DeniedError, translated
from ecr_lambda_deploy.model.errors import DeployError

_WHO = "User: arn:aws:sts::123456789012:assumed-role/deploy/run is not authorized to perform:"
_FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders-api"
_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


def _translated(error: Exception) -> DeployError:
    with pytest.raises(DeployError) as caught, translated("lambda:UpdateFunctionCode", "orders-api"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (
            "AccessDeniedException",
            f"{_WHO} lambda:UpdateFunctionCode on resource: {_FUNCTION} because no identity-based policy allows it",
            f'role deploy:\n{{"Effect": "Allow", "Action": "lambda:UpdateFunctionCode", "Resource": "{_FUNCTION}"}}',
        ),
        (
            "AccessDeniedException",
            f"{_WHO} iam:PassRole on resource: arn:aws:iam::123456789012:role/orders because no identity-based policy",
            '"Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/orders"',
        ),
        (
            "AccessDeniedException",
            f"{_WHO} lambda:UpdateFunctionCode on resource: {_FUNCTION} with an explicit deny in a session policy",
            "A session policy denies the role deploy the action lambda:UpdateFunctionCode",
        ),
        (
            "KMSAccessDeniedException",
            (
                "Lambda was unable to decrypt the environment variables because KMS access was denied. KMS Message: "
                f"{_WHO.replace('deploy', 'orders')} kms:Decrypt on resource: {_KEY} because no identity-based policy"
            ),
            f'role orders:\n{{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "{_KEY}"}}',
        ),
        ("KMSAccessDeniedException", "KMS access was denied.", "look at the key's policy"),
        ("KmsException", "The operation failed due to a KMS exception", "look at the key's policy"),
        (
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z",
            "The clock of this runner is wrong",
        ),
        ("RequestExpired", "Request has expired.", "The clock of this runner is wrong"),
        ("Throttling", "Rate exceeded", "run this job again"),
        ("TooManyRequestsException", "Rate exceeded", "run this job again"),
        ("ExpiredTokenException", "The security token included in the request is expired", "no longer"),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", "not valid"),
    ],
)
def test_the_hint_follows_the_reason(code: str, message: str, hint: str) -> None:
    error = _translated(ClientError({"Error": {"Code": code, "Message": message}}, "UpdateFunctionCode"))

    assert error.message == f"lambda:UpdateFunctionCode on orders-api failed: {code}: {message}"
    assert hint in error.hint
    assert isinstance(error, DeniedError) is (code == "AccessDeniedException")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (SSLError(endpoint_url="https://x", error=OSError("certificate verify failed")), "AWS_CA_BUNDLE"),
        (ProxyConnectionError(proxy_url="http://localhost:3128"), "HTTPS_PROXY"),
        (EndpointConnectionError(endpoint_url="https://x", error=OSError()), "Region"),
    ],
)
def test_so_does_that_for_no_answer(error: Exception, hint: str) -> None:
    assert hint in _translated(error).hint
