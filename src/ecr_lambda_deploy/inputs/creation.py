"""The parameters of CreateFunction in the input `create-function`, which is YAML."""

import re
from collections.abc import Mapping

import yaml
from yaml.composer import ComposerError

from ecr_lambda_deploy.inputs.reader import InputReader

# Of a number in base 60 Python makes one in quadratic time.
_LONG_NUMBER = re.compile(r"[-+]?[0-9][0-9_:.]{100,}", re.ASCII)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases and tags.

    A few aliases can stand for more than there is memory, or for what has no end. A tag can say of a value what it is
    not, or make of it what CreateFunction does not take.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            text = f"the alias *{alias.anchor} is not supported: write out what it stands for"
            raise ComposerError(None, None, text, alias.start_mark)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.ScalarEvent) and event.implicit[0] and _LONG_NUMBER.fullmatch(event.value):
            raise ComposerError(None, None, "a number is too long: put it in quotes", event.start_mark)
        if tag := getattr(event, "tag", None):
            raise ComposerError(None, None, f"the tag {tag} is not supported: write the value", event.start_mark)
        return super().compose_node(parent, index)


def read_parameters(reader: InputReader, text: str) -> Mapping[str, object] | None:
    """Read the parameters; None if they are wrong, which is noted as a problem.

    Args:
        reader: of the function's settings.
        text: the input's.
    """
    try:
        parameters = yaml.load(text, _Loader)  # noqa: S506 # a safe loader
    except RecursionError:
        reader.problem("create-function", "is nested too deeply.")
        return None
    # The last two are for 2026-13-45, for example, and for a number in base 60 that is too large.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reader.problem("create-function", f"is not YAML: {getattr(error, 'problem', None) or error}{where}.")
        return None
    if not isinstance(parameters, dict) or not all(isinstance(key, str) for key in parameters):
        reader.problem("create-function", "is a YAML mapping of CreateFunction's parameters, such as Role: arn:….")
        return None
    return parameters
