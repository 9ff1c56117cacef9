"""The inputs of a build and its builder."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ecr_lambda_deploy.inputs.docker_auth import read_docker_auth
from ecr_lambda_deploy.inputs.lists import CONTROLS
from ecr_lambda_deploy.inputs.places import is_in_workspace, read_cache, read_dockerfile, read_ssh
from ecr_lambda_deploy.inputs.reader import InputReader
from ecr_lambda_deploy.inputs.table import PROPERTIES, Shape
from ecr_lambda_deploy.model.images import TAG_AND_DIGEST, is_image_reference
from ecr_lambda_deploy.model.secrets import without_logins
from ecr_lambda_deploy.model.targets import BakeProperty, Build, BuilderSettings

LONGEST_SECRET = 131_000
"""Bytes: Linux allows an environment variable 131,072, with name and NUL [execve(2), MAX_ARG_STRLEN]."""

_IMAGE_CONTEXT = "docker-image://"
_REMOTE_CONTEXT = re.compile(r"(https?|git|ssh)://.+|git@.+")
_OCI_LAYOUT = re.compile(rf"oci-layout://(?P<path>[^:@]+)(?P<image>{TAG_AND_DIGEST})")
# An id is part of a comma-separated entry for BuildKit; in a quoted value "" stands for a quote, as in CSV.
_SECRET_ID, _QUOTED = rf'[^\s=",{CONTROLS}]+', r'"(?:[^"]|"")*"'
_SECRET = re.compile(
    rf'\s*(?:(?P<id>{_SECRET_ID})[ \t]*=[ \t]*(?P<value>{_QUOTED}|(?!")[^\n]*)|(?P<entry>{_QUOTED}))[ \t]*(?:\n|\Z)'
)
_OF_NO_ID = re.compile(rf'[\s=",{CONTROLS}]')
_ENTRY = re.compile(rf"\s*(?P<id>{_SECRET_ID})\s*=(?P<value>.*)", re.DOTALL)
# Without quotes, so that it is split at its commas as BuildKit splits it.
_ATTESTATION = re.compile(rf'true|false|min|max|[a-z][a-z-]*=[^"{CONTROLS}]*')
# Contexts that docker/build-push-action takes, whose default is a Git address.
_ADDRESS = re.compile(r"\w+://|[\w.-]+@[\w.-]+:|\{\{")
_ENDPOINT = re.compile(
    r"tcp://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}|docker-container://[A-Za-z0-9][A-Za-z0-9_.-]+"
)


def read_build(reader: InputReader, run: InputReader) -> Build:
    """Read how an image is built.

    Args:
        reader: of the image's settings.
        run: reads the action's own inputs; without a manifest they are the image's settings.
    """
    context, is_context = _read_context(reader)
    dockerfile = read_dockerfile(reader, context, is_context=is_context)
    pull, no_cache = reader.flag("pull"), reader.flag("no-cache")
    return Build(
        context=context,
        dockerfile=dockerfile,
        commit=reader.commit_at(context),
        target=reader.text("target"),
        build_args=_read_build_args(reader),
        build_contexts=_read_build_contexts(reader),
        secrets=_read_secrets(reader),
        secrets_written=reader.written("secrets"),
        provenance=_read_attestation(reader, "provenance", "true, false, mode=min or mode=max"),
        sbom=_read_attestation(reader, "sbom", "true, false or generator=IMAGE"),
        labels={key: value or "" for key, value in reader.pairs("labels").items()},
        properties=read_properties(run) | (read_properties(reader) if reader.is_in_manifest else {}),
        pull=pull,
        no_cache=no_cache,
        cache=read_cache(reader, run),
        reuse=reader.choice("reuse") == "auto" and not pull and not no_cache,
    )


def read_builder(reader: InputReader) -> BuilderSettings:
    """Read which builder builds the images of a run, and its credentials for base images.

    Args:
        reader: of the action's own inputs.
    """
    return BuilderSettings(
        endpoint=reader.matching(
            "builder", _ENDPOINT, "a BuildKit endpoint, tcp://HOST:PORT or docker-container://NAME"
        ),
        docker_auth=read_docker_auth(reader),
    )


def _read_build_args(reader: InputReader) -> dict[str, str]:
    """Read the build arguments: as in Docker, a name alone gets its value from the environment, or is left out."""
    given = {
        key: reader.step_variable("build-args", key) if value is None else value
        for key, value in reader.pairs("build-args").items()
    }
    return {key: value for key, value in given.items() if value is not None}


def _read_context(reader: InputReader) -> tuple[Path, bool]:
    """Return where the build context is, and whether it is a folder in the workspace."""
    given = reader.text("context")
    context = reader.place(given)
    if _ADDRESS.match(given):
        text = (
            f"is a folder in the workspace, not {without_logins(given)!r}: check that out by a step of "
            "actions/checkout, and name its folder."
        )
        reader.problem("context", text)
        return context, False
    return context, is_in_workspace(reader, "context", context, is_folder=True)


def _read_build_contexts(reader: InputReader) -> dict[str, str]:
    contexts: dict[str, str] = {}
    for name, value in reader.values("build-contexts").items():
        if not value:
            reader.problem("build-contexts", f"holds NAME=VALUE lines; {name!r} has no value.")
        elif value.startswith("target:"):
            reader.problem("build-contexts", f"{name!r} is a target of a bake file, and there is none here.")
        elif value.startswith(_IMAGE_CONTEXT):
            _check_reference(reader, "build-contexts", value.removeprefix(_IMAGE_CONTEXT))
            contexts[name] = value
        elif _REMOTE_CONTEXT.fullmatch(value):
            contexts[name] = value
        else:
            layout = _OCI_LAYOUT.fullmatch(value)
            folder = reader.place(layout["path"] if layout else value)
            is_in_workspace(reader, "build-contexts", folder, is_folder=True)
            contexts[name] = f"oci-layout://{folder}{layout['image']}" if layout else str(folder)
    return contexts


def _check_reference(reader: InputReader, name: str, reference: str) -> None:
    if not is_image_reference(reference):
        reader.problem(name, f"names an image, REPOSITORY:TAG or REPOSITORY@DIGEST; {reference!r} is not one.")


def _read_secrets(reader: InputReader) -> dict[str, str]:
    """Read a mapping or ID=VALUE lines; no problem shows anything that may be secret."""
    mapping = reader.mapping("secrets")
    secrets = _read_secret_lines(reader) if mapping is None else _read_secret_mapping(reader, mapping)
    for id_, value in secrets.items():
        if wrong := _not_for_environment(value):
            reader.problem("secrets", f"has under the id {id_!r} {wrong}: buildx gets it in an environment variable.")
    return secrets


def _not_for_environment(value: str) -> str:
    """Return why an environment variable cannot have this value, and what to do about it; empty if it can."""
    if "\0" in value:
        return "a NUL, which has to be encoded, such as in base64"
    is_long = len(value.encode(errors="replace")) > LONGEST_SECRET
    return f"more than {LONGEST_SECRET:,} bytes, and has to be shorter" if is_long else ""


def _read_secret_mapping(reader: InputReader, mapping: Mapping[str, object]) -> dict[str, str]:
    secrets: dict[str, str] = {}
    for id_, value in mapping.items():
        if value is None:
            continue
        if re.fullmatch(_SECRET_ID, id_):
            secrets[id_] = str(value)
        else:
            begin = _OF_NO_ID.split(id_)[0]
            text = f"has ids without blanks, '=', '\"' and ','; the one that begins {begin!r} is not one: rename it."
            reader.problem("secrets", text)
    return secrets


def _read_secret_lines(reader: InputReader) -> dict[str, str]:
    """Read ID=VALUE lines; a value in double quotes, or a whole quoted entry, can span lines, as in CSV."""
    secrets: dict[str, str] = {}
    for id_, value in _secret_lines(reader):
        if id_ in secrets:
            reader.problem("secrets", f"has the id {id_!r} twice.")
        secrets[id_] = value
    return secrets


def _secret_lines(reader: InputReader) -> Iterator[tuple[str, str]]:
    for text in reader.texts("secrets"):
        lines, position = text.replace("\r\n", "\n"), 0
        while position < len(lines):
            found = _SECRET.match(lines, position)
            secret = _ENTRY.fullmatch(_unquoted(found["entry"])) if found and found["entry"] else found
            if found is None or secret is None:
                line = lines.count("\n", 0, position) + 1
                what = f"line {line} does not begin one, or its quote has no end."
                reader.problem("secrets", f"holds ID=VALUE lines; {what}")
                return
            yield secret["id"], secret["value"] if secret is not found else _unquoted(secret["value"])
            position = found.end()


def _unquoted(value: str) -> str:
    return value[1:-1].replace('""', '"') if value.startswith('"') else value.strip()


def _read_attestation(reader: InputReader, name: str, description: str) -> str:
    value = reader.matching(name, _ATTESTATION, description)
    for attribute, _, of in (part.partition("=") for part in value.split(",")):
        if attribute.strip().lower() == "generator":
            _check_reference(reader, name, of.strip())
    return f"mode={value}" if value in {"min", "max"} else value


def read_properties(reader: InputReader) -> dict[str, BakeProperty]:
    """Read the properties of the bake target that no other field of `Build` has.

    Bake's definition and the fingerprint take all of them, so an input for one more property is read here, in place of
    its row in `PROPERTIES`, and needs no field of `Build`. A manifest has those that are not reserved, and the inputs
    beside it the reserved ones.
    """
    properties: dict[str, BakeProperty] = {}
    for _, line, _ in reader.items("set"):
        name, equals, value = line.partition("=")
        name, _, key = name.strip().removesuffix("+").partition(".")
        one = PROPERTIES.get(name)
        if not (equals and value):
            reader.problem("set", f"holds PROPERTY=VALUE lines; {line!r} is not one.")
        elif one is None or bool(key) is not (one.shape is Shape.PAIRS):
            known = (f"{other}.NAME" if PROPERTIES[other].shape is Shape.PAIRS else other for other in PROPERTIES)
            reader.problem("set", f"takes {', '.join(known)}; {line!r} is none of them.")
        elif one.reserved and reader.is_in_manifest:
            reader.problem("set", f"has {name}: {one.refusal} in the input 'set'.")
        elif not one.reserved and reader.text("manifest"):
            reader.problem("set", f"has {name}, which does not go with 'manifest': its images have 'set' for that.")
        elif one.choices and value not in one.choices:
            reader.problem("set", f"takes {', '.join(one.choices)} as {name}; {value!r} is none of them.")
        else:
            _add_property(reader, properties, name, key, value)
    if isinstance(keys := properties.get("ssh"), list):
        properties["ssh"] = read_ssh(reader, keys)
    return properties


def _add_property(reader: InputReader, properties: dict[str, BakeProperty], name: str, key: str, value: str) -> None:
    """Add a value to a property: to a list, under its key, or as its one value."""
    match PROPERTIES[name].shape, properties.get(name):
        case Shape.LINES, present:
            properties[name] = [*dict.fromkeys([*(present if isinstance(present, list) else ()), value])]
        case Shape.PAIRS, dict() as present if key in present:
            reader.problem("set", f"has {name}.{key} twice.")
        case Shape.PAIRS, present:
            properties[name] = {**(present if isinstance(present, dict) else {}), key: value}
        case _ if name in properties:
            reader.problem("set", f"has {name} twice.")
        case _:
            properties[name] = value
