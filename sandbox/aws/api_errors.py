"""AWS's errors, in the protocol of the service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from aiohttp import web


@dataclass(slots=True)
class ApiError(Exception):
    """An error that AWS answers.

    Attributes:
        code: The exception's name, such as `ResourceConflictException`; for the registry, its error code.
        text: The message, as AWS words it.
        status: The HTTP status.
        members: Further members of the exception.
    """

    code: str
    text: str
    status: int = 400
    members: Mapping[str, str] = field(default_factory=dict)

    def response(self, service: str) -> web.Response:
        """Return the error as `service` (its signing name, or `registry`) would send it."""
        if service == "registry":
            return self._registry_response()
        if service == "sts":
            body = (
                '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
                f"<Code>{self.code}</Code><Message>{escape(self.text)}</Message></Error>"
                "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
            )
            return web.Response(status=self.status, text=body, content_type="text/xml")
        return web.Response(
            status=self.status,
            headers={"x-amzn-ErrorType": self.code},
            text=json.dumps({"__type": self.code, "message": self.text, **self.members}),
            content_type="application/json",
        )

    def _registry_response(self) -> web.Response:
        if self.status == web.HTTPUnauthorized.status_code:
            challenge = {"WWW-Authenticate": 'Basic realm="https://ecr.amazonaws.com/",service="ecr.amazonaws.com"'}
            return web.Response(status=self.status, text=self.text, headers=challenge)
        body = {"errors": [{"code": self.code, "message": self.text}]}
        return web.Response(status=self.status, text=json.dumps(body), content_type="application/json")
