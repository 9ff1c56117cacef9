"""Every input of the action: its default, its scope, its shape, and whether a manifest may say it too."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import get_args

from ecr_lambda_deploy.model.targets import ENTITLEMENTS, Mode, Platform


class Scope(Enum):
    """What an input belongs to, and so where a manifest has it as a key."""

    RUN = auto()  # the whole run: not a key of a manifest
    BUILD = auto()  # an image that this run builds
    IMAGE = auto()  # any image
    FUNCTION = auto()  # a release to a function; an image and `defaults` can have it for all their functions


class Shape(Enum):
    """How a setting is written; an input of the action is always a text."""

    TEXT = auto()
    FLAG = auto()
    SECONDS = auto()
    LINES = auto()  # a list, or a text with one item per line
    PAIRS = auto()  # a mapping, or a list of KEY=VALUE; a key alone has an empty value, or none
    VALUES = auto()  # the same, and each key has a value
    SECRETS = auto()  # a mapping, or ID=VALUE lines of which a value in quotes may span several
    JSON = auto()  # any value, or JSON as a text
    MAPPING = auto()  # a mapping, or YAML as a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input of the action, or a property of a bake target that the input `set` takes.

    Attributes:
        scope: what it belongs to.
        shape: how it is written.
        default: as `action.yml` declares it.
        choices: the only values that are allowed; empty if there are others.
        spans_lines: whether an item of a list that is written as a text spans lines where it is in double quotes.
        reserved: why only the workflow may say it, and no manifest, which is a file like others; empty if both may.
    """

    scope: Scope
    shape: Shape = Shape.TEXT
    default: str = ""
    choices: tuple[str, ...] = ()
    spans_lines: bool = False
    reserved: str = ""

    @property
    def is_in_manifest(self) -> bool:
        """Whether a manifest may say it."""
        return self.scope is not Scope.RUN and not self.reserved

    @property
    def refusal(self) -> str:
        """Why a manifest cannot say what is reserved, and what to do; where to give it has to follow."""
        return f"{self.reserved}, which is for the workflow to decide, not for a file of the repository: give it"


_CREDENTIALS = "it says where credentials go"
_SANDBOX = "it says what a build may do outside its sandbox"

TABLE: Mapping[str, Input] = {
    "mode": Input(scope=Scope.RUN, default="deploy", choices=tuple(Mode)),
    "function-name": Input(scope=Scope.RUN, shape=Shape.LINES),
    "manifest": Input(scope=Scope.RUN),
    "only": Input(scope=Scope.RUN, shape=Shape.LINES),
    "vars": Input(scope=Scope.RUN, shape=Shape.VALUES),
    "ssm-parameter": Input(scope=Scope.IMAGE),
    "context": Input(scope=Scope.BUILD, default="."),
    "dockerfile": Input(scope=Scope.BUILD),
    "target": Input(scope=Scope.BUILD),
    "build-args": Input(scope=Scope.BUILD, shape=Shape.VALUES, spans_lines=True),
    "build-contexts": Input(scope=Scope.BUILD, shape=Shape.VALUES),
    "labels": Input(scope=Scope.BUILD, shape=Shape.PAIRS, spans_lines=True),
    "secrets": Input(scope=Scope.BUILD, shape=Shape.SECRETS),
    "platform": Input(scope=Scope.IMAGE, choices=get_args(Platform)),
    "set": Input(scope=Scope.BUILD, shape=Shape.LINES),
    "pull": Input(scope=Scope.BUILD, shape=Shape.FLAG, default="false"),
    "no-cache": Input(scope=Scope.BUILD, shape=Shape.FLAG, default="false"),
    "cache": Input(scope=Scope.BUILD, choices=("auto", "gha", "off")),
    "cache-from": Input(scope=Scope.BUILD, shape=Shape.LINES, reserved=_CREDENTIALS),
    "cache-to": Input(scope=Scope.BUILD, shape=Shape.LINES, reserved=_CREDENTIALS),
    "builder": Input(scope=Scope.BUILD, reserved=_CREDENTIALS),
    "provenance": Input(scope=Scope.BUILD, default="false"),
    "sbom": Input(scope=Scope.BUILD, default="false"),
    "reuse": Input(scope=Scope.BUILD, default="auto", choices=("auto", "never")),
    "image-uri": Input(scope=Scope.IMAGE),
    "promote-from": Input(scope=Scope.IMAGE),
    "repository": Input(scope=Scope.IMAGE),
    "registry": Input(scope=Scope.IMAGE, reserved=_CREDENTIALS),
    "tags": Input(scope=Scope.IMAGE, shape=Shape.LINES),
    "create-repository": Input(scope=Scope.IMAGE, shape=Shape.FLAG, default="false"),
    "docker-auth": Input(scope=Scope.BUILD, shape=Shape.JSON, reserved=_CREDENTIALS),
    "aws-region": Input(scope=Scope.RUN),
    "role-to-assume": Input(scope=Scope.RUN),
    "role-chaining": Input(scope=Scope.RUN, shape=Shape.FLAG, default="false"),
    "role-session-name": Input(scope=Scope.RUN, default="ecr-lambda-deploy"),
    "role-duration-seconds": Input(scope=Scope.RUN, shape=Shape.SECONDS),
    "publish": Input(scope=Scope.FUNCTION, shape=Shape.FLAG, default="true"),
    "alias": Input(scope=Scope.FUNCTION),
    "smoke-event": Input(scope=Scope.FUNCTION, shape=Shape.JSON),
    "smoke-expect": Input(scope=Scope.FUNCTION, shape=Shape.JSON),
    "traffic": Input(scope=Scope.FUNCTION, shape=Shape.LINES),
    "alarms": Input(scope=Scope.FUNCTION, shape=Shape.LINES),
    "max-error-rate": Input(scope=Scope.FUNCTION),
    "create-function": Input(scope=Scope.FUNCTION, shape=Shape.MAPPING),
    "on-failure": Input(scope=Scope.FUNCTION, default="revert", choices=("revert", "keep")),
    "allow-stale": Input(scope=Scope.FUNCTION, shape=Shape.FLAG, default="false"),
    "wait-timeout": Input(scope=Scope.FUNCTION, shape=Shape.SECONDS, default="600"),
    "rollback-to": Input(scope=Scope.RUN),
}

INPUTS: Mapping[str, str] = {name: one.default for name, one in TABLE.items()}
"""Every input and its default, as `action.yml` declares them."""

# They have no input of their own. They go into bake's definition, since bake's --set forgets some of them (buildx 0.29:
# network, ulimits, no-cache-filter). The shape is the one that bake wants [bake reference].
PROPERTIES: Mapping[str, Input] = {
    "annotations": Input(scope=Scope.BUILD, shape=Shape.LINES),
    "description": Input(scope=Scope.BUILD),
    "entitlements": Input(scope=Scope.BUILD, shape=Shape.LINES, choices=ENTITLEMENTS, reserved=_SANDBOX),
    "extra-hosts": Input(scope=Scope.BUILD, shape=Shape.PAIRS, reserved=_SANDBOX),
    "network": Input(scope=Scope.BUILD, reserved=_SANDBOX),
    "no-cache-filter": Input(scope=Scope.BUILD, shape=Shape.LINES),
    "shm-size": Input(scope=Scope.BUILD),
    "ssh": Input(scope=Scope.BUILD, shape=Shape.LINES, reserved=_SANDBOX),
    "ulimits": Input(scope=Scope.BUILD, shape=Shape.LINES),
}
"""The properties of a bake target that `set` takes."""
