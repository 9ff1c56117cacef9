"""The documentation is true of the repository: the map, the names of the code, and every link within."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "src/ecr_lambda_deploy"
_ARCHITECTURE = _ROOT / "docs/architecture.md"
_MOST_LINES = 120
_PAGES = [
    path
    for path in sorted(_ROOT.rglob("*.md"))
    if not any(part.startswith(".") and part != ".github" for part in path.relative_to(_ROOT).parts)
]
_PAGES_ABOUT_CODE = sorted((_ROOT / "docs").glob("*.md"))

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w-][\w./-]*(?:/|\.(?:json|md|py|toml|yml))")
# A function is written with (), and AWS's names without backticks: what is left in CamelCase is of the code.
_NAME = re.compile(r"[\w.]+\(\)|\w+\.\w+|_?[A-Z]\w*[a-z]\w*[A-Z]\w*|[a-z_]+_[a-z_]+")
_NAME_IN_FILE = re.compile(r"`([\w.]+)(?:\(\))?`\s+in\s+`([\w/]+\.py)`")


def _relative(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def _code(page: Path) -> list[str]:
    return _CODE.findall(_prose(page))


def _definitions(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """Yield what a module defines, the members of its classes as `Class.member`."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from _definitions(child, f"{name}.")
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case ast.Assign(targets=targets):
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))
            case _:
                pass


def _uses(tree: ast.AST) -> Iterator[str]:
    """Yield what a module only uses, such as Python's own exceptions."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.alias(name=name):
                yield name
            case _:
                pass


_TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(_SOURCE.rglob("*.py"))}
_DEFINED = {name for tree in _TREES.values() for name in _definitions(tree)}
_USED = {name for tree in _TREES.values() for name in _uses(tree)}
_MODULES = {path.stem for path in _TREES}
_MEMBERS = {name.rpartition(".")[2] for name in _DEFINED}


def _is_known(name: str) -> bool:
    return name in _DEFINED | _USED | _MODULES or ("." not in name and name in _MEMBERS)


def test_the_architecture_is_read_in_one_sitting() -> None:
    assert len(_ARCHITECTURE.read_text(encoding="utf-8").splitlines()) <= _MOST_LINES


def test_the_map_has_every_package_and_module_at_the_top() -> None:
    packages = {f"{path.parent.name}/" for path in _SOURCE.glob("*/__init__.py")}
    modules = {path.name for path in _SOURCE.glob("*.py")} - {"__init__.py"}
    shown = _FENCED.findall(_ARCHITECTURE.read_text(encoding="utf-8"))[0].splitlines()[1:-1]

    assert {line.split()[0] for line in shown if line} == packages | modules


def test_the_layers_are_those_of_import_linter() -> None:
    contracts = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    shown = _FENCED.findall(_ARCHITECTURE.read_text(encoding="utf-8"))[1].splitlines()[1:-1]

    assert [line.strip() for line in shown] == layers


@pytest.mark.parametrize("page", _PAGES_ABOUT_CODE, ids=_relative)
def test_every_file_that_is_named_exists(page: Path) -> None:
    files = [code for code in _code(page) if _FILE.fullmatch(code)]

    assert not [file for file in files if not ((_SOURCE / file).exists() or (_ROOT / file).exists())]


@pytest.mark.parametrize("page", _PAGES_ABOUT_CODE, ids=_relative)
def test_every_class_and_function_that_is_named_exists(page: Path) -> None:
    names = [code.removesuffix("()") for code in _code(page) if _NAME.fullmatch(code) and not _FILE.fullmatch(code)]

    assert not [name for name in names if not _is_known(name)]


@pytest.mark.parametrize("page", _PAGES_ABOUT_CODE, ids=_relative)
def test_every_name_is_in_the_file_that_is_named_with_it(page: Path) -> None:
    named = [(name, file) for name, file in _NAME_IN_FILE.findall(_prose(page)) if (_SOURCE / file).exists()]

    assert not [(name, file) for name, file in named if name not in _definitions(_TREES[_SOURCE / file])]


@pytest.mark.parametrize("package", sorted(_SOURCE.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_every_module_that_a_package_introduces_exists(package: Path) -> None:
    modules = [code for code in _CODE.findall(ast.get_docstring(_TREES[package]) or "") if code.endswith(".py")]

    assert not [module for module in modules if not any((at / module).exists() for at in (package.parent, _SOURCE))]


def test_the_checks_of_names_find_some() -> None:
    names = {code for code in _code(_ARCHITECTURE) if _NAME.fullmatch(code)}

    assert {"deploy()", "PlanExecution", "Build.properties"} <= names
    assert ("deploy", "deploy/deploy.py") in _NAME_IN_FILE.findall(_prose(_ARCHITECTURE))


def _anchors(page: Path) -> Iterator[str]:
    """Yield the anchors that GitHub gives the headings of a page."""
    times = Counter[str]()
    for heading in re.findall(r"^#+ +(.+?) *$", _prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
        yield f"{anchor}-{times[anchor]}" if times[anchor] else anchor
        times[anchor] += 1


def _links(page: Path) -> list[str]:
    """Return the links of a page that stay within the repository."""
    text = _CODE.sub("", _prose(page))
    found = re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: +(\S+)", text, re.MULTILINE)
    return [link for link in map("".join, found) if not re.match(r"[a-z]+:", link)]


def _leads_somewhere(link: str, page: Path) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return target.exists() and (not anchor or (target.suffix == ".md" and anchor in _anchors(target)))


@pytest.mark.parametrize("page", _PAGES, ids=_relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not [link for link in _links(page) if not _leads_somewhere(link, page)]


def test_the_check_of_links_finds_some() -> None:
    readme = _links(_ROOT / "README.md")

    assert any(link.startswith("#") for link in readme)
    assert any(not link.startswith("#") for link in readme)
