import re
from collections.abc import Iterator

from ecr_lambda_deploy.model import errors
from ecr_lambda_deploy.model.errors import DeployError


def _tree(kind: type[DeployError], depth: int) -> Iterator[tuple[int, str]]:
    """Yield the depth and name of a class and of those that the module derives from it."""
    yield depth, kind.__name__
    for derived in kind.__subclasses__():
        if derived.__module__ == errors.__name__:
            yield from _tree(derived, depth + 1)


def test_the_module_shows_the_tree_of_its_errors() -> None:
    shown = re.findall(r"^((?: {4})+)(\w+Error) ", errors.__doc__ or "", re.MULTILINE)

    assert [(len(indent) // 4, name) for indent, name in shown] == list(_tree(DeployError, 1))
