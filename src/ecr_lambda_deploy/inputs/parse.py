"""The action's inputs, and the manifest that they name, become `Inputs`; all problems are one error."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from ecr_lambda_deploy.inputs.builds import read_properties
from ecr_lambda_deploy.inputs.environment import cleaned, unused_variables, variable_problems
from ecr_lambda_deploy.inputs.images import BUILD_INPUTS, read_image
from ecr_lambda_deploy.inputs.problems import Place, Problem, TooManyProblemsError, note
from ecr_lambda_deploy.inputs.reader import InputReader, why_unreadable
from ecr_lambda_deploy.inputs.settings import FunctionEntry, ImageEntry, Settings
from ecr_lambda_deploy.inputs.table import INPUTS, TABLE
from ecr_lambda_deploy.model.errors import InputError, SourceLocation
from ecr_lambda_deploy.model.functions import name_of
from ecr_lambda_deploy.model.targets import ImageTarget, Mode, RoleToAssume

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_NEARLY = 0.8  # of a name's letters, in their order [difflib]
_REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the workflow asks for.

    Attributes:
        mode: what the run does.
        images: the images and their functions, in order.
        manifest: path of the manifest that names them; empty if the inputs do.
        region: AWS Region.
        registry: host that images are pushed to; empty for the one in ECR's authorization.
        role: the role to assume; None to use the environment's credentials.
        environment: the step's, cleaned, and without what this run leaves aside.
        manifest_inputs: which of `only` and `vars` are given beside it.
        remarks: what is odd about the inputs or the environment and does not matter, for warnings.
    """

    mode: Mode
    images: tuple[ImageTarget, ...]
    manifest: str = ""
    region: str
    registry: str = ""
    role: RoleToAssume | None
    environment: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    manifest_inputs: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def mode_of(given: Mapping[str, str]) -> Mode:
    """Return the mode that inputs ask for, whatever else is wrong with them; the default for a wrong one."""
    mode = given.get("mode", "").strip()
    return Mode(mode) if mode in set(Mode) else Mode(INPUTS["mode"])


def parse_inputs(given: Mapping[str, str], environment: Mapping[str, str]) -> Inputs:
    """Read and check the inputs, and the manifest that they name.

    Args:
        given: inputs by name; a missing one has its default.
        environment: the step's environment variables, for the workspace, the Region and the commit.

    Raises:
        InputError: something is wrong; it has all problems.
    """
    problems: list[Problem] = []
    environment = cleaned(environment)
    try:
        inputs = _read_inputs(InputReader(Settings(given=given), environment, problems), given, environment)
    except TooManyProblemsError:
        raise _error(problems) from None
    if problems:
        raise _error(problems)
    return inputs


def _read_inputs(reader: InputReader, given: Mapping[str, str], environment: Mapping[str, str]) -> Inputs:
    strange = list(_strange_names(reader, given))
    region = _read_region(reader)
    mode = Mode(reader.choice("mode"))
    if mode is not Mode.ROLLBACK and reader.text("rollback-to"):
        reader.problem("rollback-to", "goes with mode: rollback only.")
    manifest = reader.text("manifest")
    if mode is Mode.ROLLBACK:
        images = (*BUILD_INPUTS, "platform", "image-uri", "promote-from")
        beside = [name for name in images if not manifest or not TABLE[name].is_in_manifest or name == "set"]
        reader.exclude(beside, "mode: rollback, which brings back an image as it was")
    entries = _read_entries(reader, manifest) if manifest else (_plain_entry(reader, given, mode),)
    selected = [(entry, read_image(entry, reader, mode=mode, region=region)) for entry in entries]
    registry = reader.matching(
        "registry", _REGISTRY, "a registry host such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    )
    role = _read_role(reader)
    for name, text in variable_problems(environment, role):
        reader.problem(name, text)
    unused = unused_variables(environment, role)
    _check_tags(selected, reader.problems)
    _check_parameters(selected, reader.problems)
    return Inputs(
        mode=mode,
        images=tuple(image for _, image in selected),
        manifest=manifest,
        region=region,
        registry=registry,
        role=role,
        environment={name: value for name, value in environment.items() if name not in unused},
        manifest_inputs=frozenset(name for name in ("only", "vars") if reader.is_given(name)),
        remarks=tuple(strange),
    )


def _strange_names(reader: InputReader, given: Mapping[str, str]) -> Iterator[str]:
    """Note each name that is nearly an input's, and yield a remark for each other that is none.

    The runner passes inputs as variables, INPUT_ and their name: a job's own variable may be called so too.
    """
    for name in sorted(set(given) - set(INPUTS)):
        alike = name.replace("_", "-")
        close = get_close_matches(alike, INPUTS, n=1)
        question = f"; did you mean '{close[0]}'?" if close else "."
        if get_close_matches(alike, close, cutoff=_NEARLY):
            reader.problem(name, f"is not an input of this action{question}")
        else:
            yield f"INPUT_{name.upper()} in the environment is ignored: there is no input '{name}'{question}"


def _error(problems: list[Problem]) -> InputError:
    """Return one error for all problems: first those of the inputs, then those of the manifest in its order."""
    ordered = sorted(problems, key=lambda problem: problem.place or Place(file="", line=0, column=0))
    place = ordered[0].place
    location = SourceLocation(file=place.file, line=place.line) if place else None
    return InputError([str(problem) for problem in ordered], location=location)


def _plain_entry(reader: InputReader, given: Mapping[str, str], mode: Mode) -> ImageEntry:
    """Return the image and the functions that the inputs themselves name."""
    settings, names = Settings(given=given), reader.lines("function-name")
    if mode is Mode.BUILD:
        if names:
            reader.problem("function-name", "does not go with mode: build, which touches no function.")
        names = ()
    elif not names:
        reader.problem("function-name", "is required, or else 'manifest': it names Lambda functions, one per line.")
    times = Counter(map(name_of, names))
    for name in sorted(name for name in times if times[name] > 1):
        reader.problem("function-name", f"names the function {name} more than once.")
    reader.exclude(("only", "vars"), "the image and functions that the inputs name: it is for a 'manifest'")
    return ImageEntry(
        name="",
        settings=settings,
        functions=tuple(FunctionEntry(name=name, settings=settings) for name in names),
    )


def _read_entries(reader: InputReader, manifest: str) -> tuple[ImageEntry, ...]:
    """Return the images of the manifest that `only` selects."""
    from ecr_lambda_deploy.inputs.manifest.keys import given_in
    from ecr_lambda_deploy.inputs.manifest.manifest import read_manifest
    from ecr_lambda_deploy.inputs.manifest.tree import MOST_BYTES

    for name, one in TABLE.items():
        if name == "function-name" or (one.is_in_manifest and name != "set"):
            reader.exclude((name,), f"'manifest', which holds it itself: {given_in(name)} of {manifest}")
    read_properties(reader)  # checks them even if nothing is built
    variables, content = reader.values("vars"), _content(reader, manifest, most=MOST_BYTES)
    if content is None:
        return ()
    entries = read_manifest(content, file=manifest, variables=variables, problems=reader.problems)
    return _selected(reader, entries)


def _content(reader: InputReader, manifest: str, *, most: int) -> bytes | None:
    """Return the manifest's content; None if it cannot be read, which is noted as a problem."""
    try:
        # One byte more than allowed, so that `read_manifest` sees that it is too long.
        return reader.read_file("manifest", reader.place(manifest), most=most + 1)
    except OSError as error:
        text = f"{manifest!r} is not a file in the workspace: {why_unreadable(error)}.{reader.checkout_hint}"
        reader.problem("manifest", text)
    except ValueError as error:  # a NUL
        reader.problem("manifest", f"{manifest!r} cannot be read: {error}.")
    return None


def _selected(reader: InputReader, entries: Sequence[ImageEntry]) -> tuple[ImageEntry, ...]:
    """Return the images that `only` names; all if it is not given."""
    patterns, names = reader.lines("only"), [entry.name for entry in entries]
    for pattern in patterns:
        if names and not any(fnmatchcase(name, pattern) for name in names):
            close = get_close_matches(pattern, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names[:20])}."
            reader.problem("only", f"names images of the manifest; none is called {pattern!r}: {hint}")
    return tuple(
        entry for entry in entries if not patterns or any(fnmatchcase(entry.name, pattern) for pattern in patterns)
    )


def _check_tags(selected: Sequence[tuple[ImageEntry, ImageTarget]], problems: list[Problem]) -> None:
    """Note each tag that two images would push to one repository: the later image would take it over.

    Args:
        selected: the images, each as it is given and as it was read.
        problems: collects the problems.
    """
    pushed: dict[tuple[str, str], str] = {}
    for entry, image in selected:
        for tag in image.tags:
            owner = pushed.setdefault((image.repository, tag), image.name)
            if owner != image.name:
                text = (
                    f"the images {owner} and {image.name} both push the tag {tag} to the repository "
                    f"{image.repository}: give each a 'repository' or 'tags' of its own."
                )
                note(problems, entry.settings.nearest("tags"), text)


def _check_parameters(selected: Sequence[tuple[ImageEntry, ImageTarget]], problems: list[Problem]) -> None:
    """Note each parameter that two images name: it holds the URI of one.

    Args:
        selected: the images, each as it is given and as it was read.
        problems: collects the problems.
    """
    owners: dict[str, str] = {}
    for entry, image in selected:
        owner = owners.setdefault(image.parameter.removeprefix("/"), image.name) if image.parameter else image.name
        if owner != image.name:
            text = f"the images {owner} and {image.name} both name {image.parameter}, which holds one URI."
            note(problems, entry.settings.nearest("ssm-parameter"), text)


def _read_region(reader: InputReader) -> str:
    """Return the Region, by default the environment's."""
    region = reader.matching("aws-region", _REGION, "an AWS Region such as eu-west-1")
    if not region and reader.region and not _REGION.fullmatch(reader.region):
        text = f"is not given, and the environment's is no AWS Region such as eu-west-1: {reader.region!r}."
        reader.problem("aws-region", text)
    region = region or reader.region
    if not region:
        reader.problem("aws-region", "is required where the environment has no AWS_REGION.")
    return region


def _read_role(reader: InputReader) -> RoleToAssume | None:
    """Return the role to assume; None to use the environment's credentials."""
    arn = reader.matching("role-to-assume", _ROLE_ARN, "a role's ARN such as arn:aws:iam::123456789012:role/deploy")
    role = RoleToAssume(
        arn=arn,
        is_chained=reader.flag("role-chaining"),
        session_name=reader.matching("role-session-name", _SESSION_NAME, "2 to 64 letters, digits and +=,.@-_"),
        # From 15 minutes to 12 hours [AssumeRole, DurationSeconds].
        duration_seconds=reader.seconds("role-duration-seconds", least=900, most=43200),
    )
    if arn:
        return role
    if role.is_chained:
        reader.problem("role-chaining", "needs 'role-to-assume', the role to assume.")
    return None
