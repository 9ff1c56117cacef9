"""Which API operation an HTTP request is, named as in botocore's model of the service."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from sandbox.aws.rules.identity import SignedScope

_READS = ("Get", "List", "Describe", "BatchGet", "BatchCheck", "Head", "Ping", "Assume", "Catalog")
_REGISTRY_PATH = re.compile(
    r"/v2/(?P<repository>.+)/(?:"
    r"manifests/(?P<reference>[^/]+)|blobs/uploads/(?P<upload>[^/]*)|blobs/(?P<digest>[^/]+)|(?P<tags>tags)/list)"
)
_UPLOADS = {
    "POST": "InitiateUpload",
    "PATCH": "UploadPart",
    "PUT": "CompleteUpload",
    "GET": "GetUpload",
    "DELETE": "CancelUpload",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a service, with its parameters by their names in the API."""

    service: str
    action: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The operation with its service, such as `lambda:UpdateFunctionCode`."""
        return f"{self.service}:{self.action}"

    @property
    def iam_action(self) -> str:
        """The action that IAM policies allow (Service Authorization Reference, AWS Lambda and Amazon CloudWatch)."""
        if self.service == "monitoring":
            return f"cloudwatch:{self.action}"
        return "lambda:InvokeFunction" if self.name == "lambda:Invoke" else self.name

    @property
    def changing(self) -> bool:
        """Whether the operation is anything but a read or an invocation."""
        return not self.action.startswith((*_READS, "Invoke"))


def registry_operation(request: web.Request) -> Operation:
    """Return what a request of the registry protocol does (OCI Distribution Specification, Endpoints)."""
    found = _REGISTRY_PATH.fullmatch(request.path)
    parameters = {name: value for name, value in (found.groupdict() if found else {}).items() if value}
    parameters |= dict(request.query)
    verb = request.method.capitalize()
    if found is None:
        action = "Catalog" if request.path.rstrip("/").endswith("_catalog") else "Ping"
    elif found["upload"] is not None:
        action = _UPLOADS[request.method]
    elif found["tags"]:
        action = "ListTags"
    else:
        action = verb + ("Manifest" if found["reference"] else "Blob")
    return Operation(service="registry", action=action, parameters=parameters)


def api_operation(request: web.Request, body: bytes, scope: SignedScope | None) -> Operation:
    """Return the operation of a request in any of AWS's protocols; the action is empty when there is none."""
    service = scope.service if scope else "sts"
    if target := request.headers.get("X-Amz-Target"):
        return Operation(service=service, action=target.rpartition(".")[2], parameters=json.loads(body or b"{}"))
    if service == "lambda":
        return _LAMBDA.operation(request, body)
    if "/operation/" in request.path:  # Smithy RPC v2; its CBOR is not decoded
        return Operation(service=service, action=request.path.rpartition("/")[2])
    form = dict(parse_qsl(body.decode(errors="replace"))) | dict(request.query)
    return Operation(service=service, action=form.pop("Action", ""), parameters=form)


@dataclass(frozen=True, slots=True)
class _Route:
    action: str
    method: str
    path: re.Pattern[str]
    query: dict[str, str]
    headers: dict[str, str]


class _RestRoutes:
    """The routes of a REST service, taken from botocore's model of it."""

    def __init__(self, service: str) -> None:
        model = ServiceModel(Loader().load_service_model(service, "service-2"))
        self._routes = sorted(_routes(model), key=lambda route: -len(route.path.pattern))

    def operation(self, request: web.Request, body: bytes) -> Operation:
        path = request.raw_path.partition("?")[0].rstrip("/")
        for route in self._routes:
            found = route.path.fullmatch(path)
            if found and route.method == request.method:
                parameters: dict[str, Any] = {name: unquote(value) for name, value in found.groupdict().items()}
                parameters |= {name: request.query[key] for key, name in route.query.items() if key in request.query}
                parameters |= {
                    name: request.headers[key] for key, name in route.headers.items() if key in request.headers
                }
                if route.action != "Invoke" and body:
                    parameters |= json.loads(body)
                return Operation(service="lambda", action=route.action, parameters=parameters)
        return Operation(service="lambda", action="")


def _routes(model: ServiceModel) -> Iterator[_Route]:
    for action in model.operation_names:
        operation = model.operation_model(action)
        uri = operation.http["requestUri"].partition("?")[0].rstrip("/")
        members = operation.input_shape.members if operation.input_shape else {}
        yield _Route(
            action=action,
            method=operation.http["method"],
            path=re.compile(re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", uri)),
            query=_located(members, "querystring"),
            headers=_located(members, "header"),
        )


def _located(members: Mapping[str, Shape], location: str) -> dict[str, str]:
    """Return the names of the parameters at this location, by their names in the request."""
    return {
        member.serialization["name"]: name
        for name, member in members.items()
        if member.serialization.get("location") == location
    }


_LAMBDA = _RestRoutes("lambda")
