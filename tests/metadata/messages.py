"""Finds in the sources what the code says to the reader of a log: each message that it makes, and where.

A message is made where an error, a problem with the inputs or a warning is. Where a part of it is an argument of the
function around, each call of that function makes a message, too.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "src/ecr_lambda_deploy"

GAP = "…"
"""Stands for what is filled in."""

_DEEPEST = 6  # names and calls that are followed to a text
# What makes a message, and the name and place of the argument with its text.
_MAKERS: Mapping[str, tuple[str, int]] = {
    "DeployError": ("message", 0),
    "InputError": ("problems", 0),
    "SeveralError": ("errors", 0),
    "Problem": ("text", 0),
    "_UnreadableError": ("text", 0),
    "_Finding": ("problem", 0),
    "warning": ("message", 0),
    "notice": ("message", 0),
}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that the code makes.

    Attributes:
        place: file and line.
        maker: class or function that is called.
        texts: of the message, each with `GAP` for what is filled in.
        topics: of the error that is made; empty if it is none, or has none.
        is_error: whether it is a `DeployError` itself.
        is_passed_on: whether an error's topic is another one's.
    """

    place: str
    maker: str
    texts: tuple[str, ...]
    topics: tuple[str, ...] = ()
    is_error: bool = False
    is_passed_on: bool = False


@dataclass(slots=True)
class _Module:
    name: str
    tree: ast.Module
    functions: dict[str, list[_Function]] = field(default_factory=dict)
    around: dict[ast.AST, list[_Function]] = field(default_factory=dict)
    classes: dict[ast.AST, str] = field(default_factory=dict)
    imported: "dict[str, _Module]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._visit(self.tree, [], "")

    def returned(self, name: str) -> "Iterator[_Expression]":
        """Yield what the functions of a name return, of this module or another one that this one imports it from."""
        for module in (self, *filter(None, [self.imported.get(name)])):
            for function in module.functions.get(name, []):
                for node in ast.walk(function):
                    if isinstance(node, ast.Return) and node.value is not None:
                        yield _Expression(module, node.value)

    def _visit(self, node: ast.AST, functions: list[_Function], inside: str) -> None:
        self.around[node] = functions
        if isinstance(node, _Function):
            self.functions.setdefault(node.name, []).append(node)
            functions = [node, *functions]
        elif isinstance(node, ast.ClassDef):
            inside = node.name
        self.classes[node] = inside
        for child in ast.iter_child_nodes(node):
            self._visit(child, functions, inside)


class _Expression(NamedTuple):
    module: _Module
    node: ast.AST


class Messages:
    """All messages of the sources.

    Args:
        source: folder of the package.
    """

    def __init__(self, source: Path = SOURCE) -> None:
        self._modules = [
            _Module(str(path.relative_to(source)), ast.parse(path.read_text(encoding="utf-8")))
            for path in sorted(source.rglob("*.py"))
        ]
        for module in self._modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(source.name):
                    path = node.module.removeprefix(f"{source.name}.").replace(".", "/") + ".py"
                    found = [other for other in self._modules if other.name == path]
                    module.imported.update((name.name, other) for name in node.names for other in found)

    @cached_property
    def _classes(self) -> dict[str, tuple[str, str]]:
        """Base and own topic of each class of error, by name."""
        known: dict[str, tuple[str, str]] = {"DeployError": ("", "")}
        nodes = [node for module in self._modules for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
        for _ in nodes:  # a class may stand before its base
            for node in nodes:
                for base in node.bases:
                    if isinstance(base, ast.Name) and base.id in known:
                        known.setdefault(node.name, (base.id, _topic_of(node)))
        return known

    def _topic_of_class(self, name: str) -> str:
        while name in self._classes:
            base, topic = self._classes[name]
            if topic:
                return topic
            name = base
        return ""

    def all(self) -> list[Message]:
        """Return every message that is made."""
        makers = self._makers()
        return [
            message
            for module in self._modules
            for call in _calls(module.tree)
            if (message := self._message(module, call, makers)) is not None
        ]

    def _makers(self) -> dict[tuple[str, str], list[tuple[str, int]]]:
        """Return what makes messages, with the arguments that are part of them, by module and name.

        The module is empty where any may call it.
        """
        makers = {("", name): [argument] for name, argument in _MAKERS.items()}
        size = -1
        while size != sum(map(len, makers.values())):
            size = sum(map(len, makers.values()))
            for module in self._modules:
                for call in _calls(module.tree):
                    for expression in self._arguments(module, call, makers):
                        self._follow(module, expression, makers)
        return makers

    def _follow(
        self, module: _Module, expression: ast.expr, makers: dict[tuple[str, str], list[tuple[str, int]]]
    ) -> None:
        """Add the functions around that have a part of a message as an argument."""
        names = {part.id for part in _parts(_Expression(module, expression), _DEEPEST) if isinstance(part, ast.Name)}
        for function in module.around[expression]:
            arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            parameters = [argument.arg for argument in arguments if argument.arg not in {"self", "cls"}]
            inside = module.classes[function]
            name = inside if function.name == "__init__" and inside in self._classes else function.name
            for index, parameter in enumerate(parameters):
                if parameter in names:
                    known = makers.setdefault((module.name if name.startswith("_") else "", name), [])
                    if (parameter, index) not in known:
                        known.append((parameter, index))

    def _maker(self, module: _Module, call: ast.Call) -> str:
        """Return the name of what is called; for `super().__init__` of an error, its base."""
        match call.func:
            case ast.Name(id=name):
                return name
            case ast.Attribute(attr="__init__", value=ast.Call(func=ast.Name(id="super"))):
                return self._classes.get(module.classes[call], ("", ""))[0]
            case ast.Attribute(attr=name):
                return name
            case _:
                return ""

    def _arguments(
        self, module: _Module, call: ast.Call, makers: Mapping[tuple[str, str], list[tuple[str, int]]]
    ) -> Iterator[ast.expr]:
        name = self._maker(module, call)
        while name in self._classes and ("", name) not in makers:
            name = self._classes[name][0]
        for key in (("", name), (module.name, name)):
            for parameter, index in makers.get(key, []):
                yield from (keyword.value for keyword in call.keywords if keyword.arg == parameter)
                yield from call.args[index : index + 1]

    def _message(
        self, module: _Module, call: ast.Call, makers: Mapping[tuple[str, str], list[tuple[str, int]]]
    ) -> Message | None:
        maker = self._maker(module, call)
        parts = [
            part
            for argument in self._arguments(module, call, makers)
            for part in _parts(_Expression(module, argument), _DEEPEST)
        ]
        texts = [part for part in parts if isinstance(part, str)]
        is_error = maker in self._classes
        if not texts and not is_error:
            return None
        given = [keyword.value for keyword in call.keywords if keyword.arg == "topic"]
        topics = [
            node.value
            for value in given
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        made = module.classes[call] if maker != getattr(call.func, "id", getattr(call.func, "attr", "")) else maker
        of_class = self._topic_of_class(made) if is_error else ""
        return Message(
            place=f"{module.name}:{call.lineno}",
            maker=made,
            texts=tuple(texts),
            topics=tuple(topics or ([of_class] if of_class else [])),
            is_error=is_error,
            is_passed_on=bool(given) and not topics,
        )

    def keys(self, file: str, name: str) -> list[str]:
        """Return the keys of a dictionary that a module assigns to a name."""
        module = next(module for module in self._modules if module.name == file)
        for node in module.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Dict(keys=keys)) if target == name:
                    return [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        raise AssertionError(f"{file} has no dictionary {name}")


def _topic_of(node: ast.ClassDef) -> str:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="topic")], value=ast.Constant(value=str(topic))):
                return topic
    return ""


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _assigned(module: _Module, name: ast.Name) -> Iterator[ast.expr]:
    """Yield what a name is given in the functions around it, or else in its module."""
    scopes: list[ast.AST] = [*module.around[name], module.tree]
    for scope in scopes:
        found = False
        for node in ast.walk(scope) if isinstance(scope, _Function) else ast.iter_child_nodes(scope):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name.id:
                    found = True
                    yield value
                case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                    for one, value in zip(targets, values, strict=False):
                        if isinstance(one, ast.Name) and one.id == name.id:
                            found = True
                            yield value
                case ast.AugAssign(target=ast.Name(id=target), value=value) if target == name.id:
                    found = True
                    yield value
                case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name.id:
                    found = True
                    yield value
        if found:
            return


def _parts(expression: _Expression, depth: int) -> Iterator[str | ast.Name]:
    """Yield the texts that an expression may be or is made of, and the names among them."""
    if depth == 0:
        return
    node = expression.node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    elif isinstance(node, ast.Name):
        yield node
    for part in _made_of(node):
        yield from _parts(expression._replace(node=part), depth - 1)
    for other in _led_to(expression):
        yield from _parts(other, depth - 1)


def _made_of(node: ast.AST) -> Iterable[ast.AST]:
    """Return the parts of an expression that are texts if it is one."""
    parts: Iterable[ast.AST] = []
    match node:
        case ast.JoinedStr(values=values):
            parts = [part.value for part in values if isinstance(part, ast.FormattedValue)]
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case ast.BoolOp(values=elements) | ast.List(elts=elements) | ast.Tuple(elts=elements):
            parts = elements
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [left, right]
        case ast.Starred(value=value) | ast.GeneratorExp(elt=value) | ast.ListComp(elt=value):
            parts = [value]
        case ast.Call(func=ast.Attribute(value=value, attr="format"), args=arguments):
            parts = [value, *arguments]
        case ast.Call(args=arguments):
            parts = arguments
    return parts


def _led_to(expression: _Expression) -> Iterator[_Expression]:
    """Yield what a name or an attribute of `self` is given, or what the functions that are called return."""
    match expression.node:
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
            for node in ast.walk(expression.module.tree):
                match node:
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=given)], value=value):
                        if given == attribute:
                            yield _Expression(expression.module, value)
        case ast.Name() as name:
            yield from (_Expression(expression.module, value) for value in _assigned(expression.module, name))
        case ast.Call(func=ast.Name(id=called)) | ast.Call(func=ast.Attribute(attr=called)):
            yield from expression.module.returned(called)
