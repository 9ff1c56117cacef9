"""Aliases of Lambda functions, by boto3."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated, translated_conflicts
from ecr_lambda_deploy.aws.functions import NO_REVISION
from ecr_lambda_deploy.model.functions import AliasState

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
        """Read an alias of a function; None if there is none.

        Raises:
            DeployError: it may not be read.
        """
        try:
            with translated("lambda:GetAlias", f"{name}:{alias}"):
                return _state(self._aws.functions().get_alias(FunctionName=name, Name=alias))
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return None

    def check_may_point(self, name: str, alias: AliasState | None, wanted: str) -> None:
        """Ask for what cannot be, a revision or a version that there is none of: Lambda refuses the caller before it.

        Raises:
            DeployError: it may not.
        """
        client = self._aws.functions()
        try:
            if alias is None:
                with translated("lambda:CreateAlias", f"{name}:{wanted}"):
                    client.create_alias(FunctionName=name, Name=wanted, FunctionVersion=_NO_VERSION)
            else:
                with translated("lambda:UpdateAlias", f"{name}:{wanted}"):
                    client.update_alias(FunctionName=name, Name=wanted, RevisionId=NO_REVISION)
        except DeniedError:
            raise
        except RefusedError:
            pass  # whatever else it is, the caller was not refused

    def create(self, name: str, alias: str, *, version: str, description: str) -> AliasState:
        """Create an alias that points to a version.

        Raises:
            RevisionError: there is one by now.
            DeployError: Lambda refuses.
        """
        with translated_conflicts(), translated("lambda:CreateAlias", f"{name}:{alias}"):
            return _state(
                self._aws.functions().create_alias(
                    FunctionName=name, Name=alias, FunctionVersion=version, Description=description
                )
            )

    def point(
        self, name: str, alias: AliasState, *, version: str, weights: Mapping[str, float], description: str
    ) -> AliasState:
        """Point an alias to a version, and route shares of its traffic to others.

        Raises:
            RevisionError: it is another revision by now.
            DeployError: Lambda refuses.
        """
        with translated_conflicts(), translated("lambda:UpdateAlias", f"{name}:{alias.name}"):
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

    def is_allocating(self, name: str, alias: str) -> bool | None:
        """Whether Lambda is moving provisioned concurrency, and so has weights of its own on the alias.

        It is None where these credentials may not ask.

        Raises:
            DeployError: that may not be read.
        """
        try:
            with translated("lambda:GetProvisionedConcurrencyConfig", f"{name}:{alias}"):
                answer = self._aws.functions().get_provisioned_concurrency_config(FunctionName=name, Qualifier=alias)
        except DeniedError:
            return None
        except RefusedError as error:
            if error.code != "ProvisionedConcurrencyConfigNotFoundException":
                raise
            return False
        return answer["Status"] == "IN_PROGRESS"

    def bypasses(self, name: str) -> tuple[str, ...]:
        """Return what invokes the unqualified function, and so whatever alias there is not: one sentence each.

        Raises:
            DeployError: that may not be read.
        """
        return (*self._event_sources(name), *self._urls(name), *self._permissions(name))

    def _event_sources(self, name: str) -> Iterator[str]:
        with translated("lambda:ListEventSourceMappings", name):
            pages = self._aws.functions().get_paginator("list_event_source_mappings").paginate(FunctionName=name)
            mappings = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        for mapping in mappings:
            if _is_unqualified(mapping["FunctionArn"]):
                yield f"the event source mapping {mapping['UUID']} of {mapping.get('EventSourceArn', 'a source')}"

    def _urls(self, name: str) -> Iterator[str]:
        try:
            with translated("lambda:GetFunctionUrlConfig", name):
                url = self._aws.functions().get_function_url_config(FunctionName=name)["FunctionUrl"]
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return
        yield f"the function URL {url}"

    def _permissions(self, name: str) -> Iterator[str]:
        """Yield the services that the function's policy lets invoke it without a qualifier, such as API Gateway."""
        try:
            with translated("lambda:GetPolicy", name):
                policy = json.loads(self._aws.functions().get_policy(FunctionName=name)["Policy"])
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return
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
