"""Whether Lambda can run an image, by its manifest and configuration, before Lambda is asked."""

from collections.abc import Iterator
from typing import NamedTuple

from ecr_lambda_deploy.model.errors import DeployError, UnusableImageError
from ecr_lambda_deploy.model.functions import FunctionState
from ecr_lambda_deploy.model.images import RegistryImage
from ecr_lambda_deploy.model.targets import ARCHITECTURE_OF, Platform

_MANIFESTS = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}
_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
}
_LARGEST = 10 * 1024**3  # bytes


class _Finding(NamedTuple):
    problem: str
    way_out: str


def check_image(image: RegistryImage, *, platform: Platform, function: FunctionState | None) -> None:
    """Make sure that Lambda can run an image, as far as that is known without asking it.

    Sources: manifests, operating system and 10 GB are in the Lambda developer guide (images-create,
    gettingstarted-limits; GiB by Lambda's own message, aws-genai-llm-chatbot#38). Lambda finds unsupported layers out
    only after it took the update: zstd and others (rules_oci#777), and an uncompressed layer under Docker's media type,
    which Docker does not define (rules_aws#145). The number of layers has no limit that Lambda documents; the 127 that
    Docker and CRI-O can mount are their own (buildkit#3067, cri-o#6261).

    Args:
        image: as read from its registry.
        platform: what it will run on.
        function: what will run it; None where that is not known, and any entry point may still be configured.

    Raises:
        UnusableImageError: it cannot, with every finding and what to do about it.
        DeployError: neither it nor the function has an entry point.
    """
    findings = [*_manifest_findings(image), *_platform_findings(image, platform, function), *_layer_findings(image)]
    kind = UnusableImageError if findings else DeployError  # an entry point is the function's affair, too
    if function is not None and not image.has_entry_point and not function.has_entry_point:
        findings.append(
            _Finding(
                f"It has neither ENTRYPOINT nor CMD, and the function {function.name} configures neither.",
                "Add an ENTRYPOINT or a CMD to the Dockerfile, or set the function's ImageConfig.",
            )
        )
    if findings:
        # Several findings may have the same way out.
        raise kind(
            "\n".join([f"Lambda cannot run {image.reference}:", *(f"- {finding.problem}" for finding in findings)]),
            "\n".join(dict.fromkeys(finding.way_out for finding in findings)),
            topic="lambda-cannot-run-the-image",
        )


def _manifest_findings(image: RegistryImage) -> Iterator[_Finding]:
    if image.media_type not in _MANIFESTS:
        yield _Finding(
            f"Its manifest has the media type {image.media_type}; Lambda takes single images in Docker's schema 2 or "
            "in OCI's format.",
            "Build it for one platform and without attestations: `--provenance=false --sbom=false`.",
        )


def _platform_findings(image: RegistryImage, platform: Platform, function: FunctionState | None) -> Iterator[_Finding]:
    if image.platform == platform:
        return
    problem = f"It is built for {image.platform}, and the function is to run on {platform}"
    way_out = f"Build it for {platform}"
    if image.platform not in ARCHITECTURE_OF:
        yield _Finding(f"{problem}.", f"{way_out}.")
    elif function is None:
        yield _Finding(
            f"{problem}, as a new one does unless the input 'platform' says otherwise.",
            f"{way_out}, or set the input 'platform' to {image.platform}.",
        )
    else:
        yield _Finding(
            f"{problem}.",
            f"{way_out}. To change the architecture of the function instead, set the input 'platform' to "
            f"{image.platform}.",
        )


def _layer_findings(image: RegistryImage) -> Iterator[_Finding]:
    for number, layer in enumerate(image.layers, start=1):
        if layer.media_type not in _LAYERS:
            which = f"Layer {number} of {len(image.layers)} has the media type {layer.media_type}"
            yield _Finding(f"{which}: {_trouble(layer.media_type)}.", _way_out(layer.media_type))
    size = sum(layer.size for layer in image.layers)
    if size > _LARGEST:
        yield _Finding(
            f"Its layers are {size / 1024**3:.1f} GiB compressed; Lambda takes 10 GiB uncompressed.",
            "Make it smaller: with a smaller base image, with a multi-stage build, or with large files in EFS or S3.",
        )


def _trouble(media_type: str) -> str:
    if media_type.endswith("encrypted"):
        return "Lambda cannot decrypt it"
    if "foreign" in media_type or "nondistributable" in media_type:
        return "its content is not in the registry"
    if media_type.endswith("zstd"):
        return "Lambda cannot read zstd"
    if media_type.endswith(".tar"):
        return "Lambda reads uncompressed layers under OCI's media type only"
    return "Lambda does not know it"


def _way_out(media_type: str) -> str:
    if media_type.endswith("encrypted"):
        return "Push the image without encryption."
    if "foreign" in media_type or "nondistributable" in media_type:
        return "Build it on a base image whose layers may be distributed."
    return (
        "Compress all layers with gzip: `--output type=image,push=true,compression=gzip,force-compression=true` with "
        "`docker buildx build`, since layers of the base image keep their compression otherwise."
    )
