from dataclasses import replace

import pytest

from ecr_lambda_deploy.images.checks import check_image
from ecr_lambda_deploy.model.errors import DeployError, UnusableImageError
from ecr_lambda_deploy.model.functions import FunctionState, Status
from ecr_lambda_deploy.model.images import ImageReference, Layer, RegistryImage

_DOCKER, _OCI = "application/vnd.docker.image.rootfs.diff", "application/vnd.oci.image.layer.v1"
_IMAGE = RegistryImage(
    reference=ImageReference(registry="registry.example", repository="orders", digest=f"sha256:{64 * 'a'}"),
    manifest="{}",
    media_type="application/vnd.oci.image.manifest.v1+json",
    platform="linux/amd64",
    layers=(Layer(media_type=f"{_OCI}.tar+gzip", size=1000),),
    has_entry_point=True,
)
_FUNCTION = FunctionState(
    name="orders-api",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:orders-api",
    package_type="Image",
    architecture="x86_64",
    state=Status(value="Active"),
    update=Status(value="Successful"),
    image=None,
    code_sha256="",
)
_GIB = 1024**3


def _refusal(image: RegistryImage, function: FunctionState | None = _FUNCTION) -> DeployError:
    with pytest.raises(DeployError) as caught:
        check_image(image, platform="linux/amd64", function=function)
    return caught.value


def _with_layers(*layers: tuple[str, int]) -> RegistryImage:
    return replace(_IMAGE, layers=tuple(Layer(media_type=media_type, size=size) for media_type, size in layers))


@pytest.mark.parametrize(
    "media_type",
    ["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"],
)
def test_lambda_takes_docker_s_manifests_and_oci_s(media_type: str) -> None:
    check_image(replace(_IMAGE, media_type=media_type), platform="linux/amd64", function=_FUNCTION)


@pytest.mark.parametrize("media_type", [f"{_DOCKER}.tar.gzip", f"{_OCI}.tar+gzip", f"{_OCI}.tar"])
def test_lambda_takes_gzip_and_oci_s_uncompressed_layers(media_type: str) -> None:
    check_image(_with_layers((media_type, 1), (media_type, 2)), platform="linux/amd64", function=_FUNCTION)


def test_an_index_is_refused() -> None:
    refused = _refusal(replace(_IMAGE, media_type="application/vnd.oci.image.index.v1+json"))

    assert "application/vnd.oci.image.index.v1+json" in refused.message
    assert "--provenance=false" in refused.hint


@pytest.mark.parametrize(
    ("media_type", "trouble", "way_out"),
    [
        (f"{_OCI}.tar+zstd", "cannot read zstd", "compression=gzip,force-compression=true"),
        (f"{_DOCKER}.tar.zstd", "cannot read zstd", "compression=gzip"),
        (f"{_DOCKER}.tar", "under OCI's media type only", "compression=gzip"),
        (f"{_OCI}.tar+lz4", "does not know it", "compression=gzip"),
        (f"{_OCI}.tar+gzip+encrypted", "cannot decrypt", "without encryption"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "not in the registry", "base image"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "not in the registry", "base image"),
    ],
)
def test_a_layer_that_lambda_cannot_read_is_named(media_type: str, trouble: str, way_out: str) -> None:
    refused = _refusal(_with_layers((f"{_OCI}.tar+gzip", 1), (media_type, 1), (f"{_OCI}.tar+gzip", 1)))

    assert f"Layer 2 of 3 has the media type {media_type}: " in refused.message
    assert trouble in refused.message
    assert way_out in refused.hint


@pytest.mark.parametrize("platform", ["linux/arm64", "windows/amd64", "unknown/unknown"])
def test_another_platform_is_refused(platform: str) -> None:
    refused = _refusal(replace(_IMAGE, platform=platform))

    assert f"built for {platform}, and the function is to run on linux/amd64" in refused.message
    assert ("set the input 'platform' to linux/arm64" in refused.hint) == (platform == "linux/arm64")


def test_a_new_function_can_be_for_the_image_s_own_platform() -> None:
    with pytest.raises(UnusableImageError) as refused:
        check_image(replace(_IMAGE, platform="linux/arm64"), platform="linux/amd64", function=None)

    assert "as a new one does unless the input 'platform' says otherwise" in refused.value.message
    assert refused.value.hint == "Build it for linux/amd64, or set the input 'platform' to linux/arm64."


def test_ten_gib_pass_and_a_byte_more_does_not() -> None:
    gzip = f"{_OCI}.tar+gzip"
    check_image(_with_layers((gzip, 4 * _GIB), (gzip, 6 * _GIB)), platform="linux/amd64", function=_FUNCTION)

    assert "10.0 GiB compressed" in _refusal(_with_layers((gzip, 4 * _GIB), (gzip, 6 * _GIB + 1))).message


def test_many_layers_pass() -> None:
    check_image(_with_layers(*[(f"{_OCI}.tar+gzip", 1)] * 200), platform="linux/amd64", function=_FUNCTION)


def test_something_has_to_be_run() -> None:
    nothing = replace(_IMAGE, has_entry_point=False)
    refused = _refusal(nothing)

    assert "neither ENTRYPOINT nor CMD, and the function orders-api configures neither" in refused.message
    check_image(nothing, platform="linux/amd64", function=replace(_FUNCTION, has_entry_point=True))
    check_image(nothing, platform="linux/amd64", function=None)


def test_every_finding_is_told_and_a_way_out_once() -> None:
    image = _with_layers((f"{_OCI}.tar+zstd", 1), (f"{_OCI}.tar+zstd", 2))
    refused = _refusal(replace(image, platform="linux/arm64", has_entry_point=False))

    assert refused.message.startswith(f"Lambda cannot run {_IMAGE.reference}:\n- ")
    assert refused.message.count("\n- ") == 4
    assert refused.hint.count("compression=gzip") == 1
    assert len(refused.hint.splitlines()) == 3
