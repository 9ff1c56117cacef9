"""Aliases of Lambda functions, by botocore."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.errors import DeniedError, NotFoundError, RefusedError, probed, translated, translated_change
from ecr_lambda_deploy.aws.functions import NO_REVISION
from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.functions import UNKNOWN, AliasState, Status
from ecr_lambda_deploy.model.text import bounded

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef

    from ecr_lambda_deploy.aws.session import Aws


_NO_VERSION = "9999999999"  # no function has so many


class LambdaAliases:
    """Aliases of the functions of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def read(self, name: str, alias: str) -> AliasState | None:
        """Call GetAlias."""
        try:
            with translated("lambda:GetAlias", f"{name}:{alias}"):
                return _state(self._aws.functions().get_alias(FunctionName=name, Name=alias))
        except NotFoundError:
            return None

    def check_may_point(self, name: str, alias: AliasState | None, wanted: str) -> None:
        """Name a version or a revision that does not exist: CreateAlias and UpdateAlias have no DryRun."""
        client = self._aws.functions()
        if alias is None:
            with probed("lambda:CreateAlias", f"{name}:{wanted}"):
                client.create_alias(FunctionName=name, Name=wanted, FunctionVersion=_NO_VERSION)
        else:
            with probed("lambda:UpdateAlias", f"{name}:{wanted}"):
                client.update_alias(FunctionName=name, Name=wanted, RevisionId=NO_REVISION)

    def create(self, name: str, alias: str, *, version: str, description: str) -> AliasState:
        """Call CreateAlias."""
        with translated_change("lambda:CreateAlias", f"{name}:{alias}"):
            return _state(
                self._aws.functions().create_alias(
                    FunctionName=name, Name=alias, FunctionVersion=version, Description=description
                )
            )

    def point(
        self, name: str, alias: AliasState, *, version: str, weights: Mapping[str, float], description: str
    ) -> AliasState:
        """Call UpdateAlias."""
        with translated_change("lambda:UpdateAlias", f"{name}:{alias.name}"):
            return _state(
                self._aws.functions().update_alias(
                    FunctionName=name,
                    Name=alias.name,
                    FunctionVersion=version,
                    RoutingConfig={"AdditionalVersionWeights": dict(weights)},
                    Description=description,
                    RevisionId=alias.revision_id,
                )
            )

    def concurrency(self, name: str, alias: str) -> Status | None:
        """Call GetProvisionedConcurrencyConfig."""
        try:
            with translated("lambda:GetProvisionedConcurrencyConfig", f"{name}:{alias}"):
                answer = self._aws.functions().get_provisioned_concurrency_config(FunctionName=name, Qualifier=alias)
        except DeniedError:
            return UNKNOWN
        except RefusedError as error:
            if error.code != "ProvisionedConcurrencyConfigNotFoundException":
                raise
            return None
        return Status(value=answer["Status"], reason=bounded(answer.get("StatusReason", "")))

    def url(self, name: str, alias: str) -> str:
        """Call GetFunctionUrlConfig."""
        try:
            return self._url(name, alias)
        except CancelledError:
            raise
        except DeployError:  # only the output `function-url` wants it
            return ""

    def bypasses(self, name: str) -> tuple[str, ...]:
        """Read event source mappings, the function URL and the policy."""
        return (*self._event_sources(name), *self._urls(name), *self._permissions(name))

    def _event_sources(self, name: str) -> Iterator[str]:
        with translated("lambda:ListEventSourceMappings", name):
            pages = self._aws.functions().get_paginator("list_event_source_mappings").paginate(FunctionName=name)
            mappings = [mapping for page in pages for mapping in page.get("EventSourceMappings", [])]
        for mapping in mappings:
            if _is_unqualified(mapping.get("FunctionArn", "")):
                source = mapping.get("EventSourceArn", "a source")
                yield f"the event source mapping {mapping.get('UUID', '')} of {source}"

    def _urls(self, name: str) -> Iterator[str]:
        try:
            url = self._url(name)
        except NotFoundError:
            return
        yield f"the function URL {url}"

    def _url(self, name: str, alias: str = "") -> str:
        which = {"FunctionName": name} | ({"Qualifier": alias} if alias else {})
        with translated("lambda:GetFunctionUrlConfig", ":".join(which.values())):
            return self._aws.functions().get_function_url_config(**which).get("FunctionUrl", "")

    def _permissions(self, name: str) -> Iterator[str]:
        """Yield the services that the function's policy lets invoke it without a qualifier, such as API Gateway."""
        try:
            with translated("lambda:GetPolicy", name):
                text = self._aws.functions().get_policy(FunctionName=name).get("Policy", "{}")
        except NotFoundError:
            return
        policy = json.loads(text)
        for statement in policy.get("Statement", []):
            principal = statement.get("Principal", {})
            service = principal.get("Service") if isinstance(principal, dict) else None
            if service and _is_unqualified(str(statement.get("Resource", ""))):
                yield f"{service}, by the statement {statement.get('Sid', '')} of the function's policy"


def _is_unqualified(arn: str) -> bool:
    return len(arn.split(":")) == len(["arn", "aws", "lambda", "region", "account", "function", "name"])


def _state(answer: "AliasConfigurationResponseTypeDef") -> AliasState:
    return AliasState(
        name=answer["Name"],
        arn=answer["AliasArn"],
        version=answer["FunctionVersion"],
        weights=answer.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {},
        description=answer.get("Description", ""),
        revision_id=answer.get("RevisionId", ""),
    )
