"""What of a function's configuration a version is published with, as opposed to what each version has of its own."""

import json
from collections.abc import Iterator, Mapping

# Members of FunctionConfiguration [Lambda API reference]. A test compares both lists with botocore's model, so that
# somebody decides of each new member: one that differs between versions by itself would publish a version in each run.
OF_ITS_OWN = frozenset(
    {
        *("FunctionName", "FunctionArn", "Version", "RevisionId", "MasterArn", "LastModified", "ConfigSha256"),
        # What a record of a release says in place of what the function is for.
        "Description",
        # Its state, and what Lambda does by itself.
        *("State", "StateReason", "StateReasonCode"),
        *("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"),
        "RuntimeVersionConfig",
        # Its code, which is compared as an image; images are not signed.
        *("PackageType", "CodeSize", "CodeSha256", "Architectures", "SigningProfileVersionArn", "SigningJobArn"),
    }
)
SETTINGS = frozenset(
    {
        *("Role", "Handler", "Runtime", "RuntimeConfig", "ImageConfigResponse", "Layers", "FileSystemConfigs"),
        *("Timeout", "MemorySize", "EphemeralStorage", "AcceleratorConfig", "CapacityProviderConfig", "SnapStart"),
        *("Environment", "KMSKeyArn", "VpcConfig", "TracingConfig", "LoggingConfig", "DeadLetterConfig"),
        *("TenancyConfig", "DurableConfig"),
    }
)

_SHOWN_AS = {"ImageConfigResponse.ImageConfig.": "ImageConfig.", "ImageConfigResponse.": "ImageConfig."}
_NOT_SET = {"SnapStart.OptimizationStatus"}  # is On of a version and Off of `$LATEST` [SnapStartResponse]
_MEANS_NONE = {"SnapStart.ApplyOn": "None"}
_ARE_SETS = ("VpcConfig.SubnetIds", "VpcConfig.SecurityGroupIds")
_VARIABLES = "Environment.Variables."  # an empty one is one


def settings_of(configuration: Mapping[str, object]) -> dict[str, str]:
    """Return the settings that a version keeps, by dotted names as in UpdateFunctionConfiguration; values are JSON.

    Args:
        configuration: as GetFunction shows it. Values may be secret.
    """
    given = {key: value for key, value in configuration.items() if key in SETTINGS}
    return {_shown(name): value for name, value in _flattened(given, "") if name not in _NOT_SET}


def _flattened(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flattened(inner, f"{name}.{key}" if name else str(key))
    elif name.startswith(_VARIABLES) or (value and value != _MEANS_NONE.get(name)):
        in_order = sorted(value) if name in _ARE_SETS and isinstance(value, list) else value
        yield name, json.dumps(in_order, default=str)


def _shown(name: str) -> str:
    for prefix, shown in _SHOWN_AS.items():
        if name.startswith(prefix):
            return shown + name.removeprefix(prefix)
    return name
