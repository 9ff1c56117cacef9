"""The configurations of base images: their registries', or those of the engine's own copies."""

from collections.abc import Callable, Sequence

from ecr_lambda_deploy.docker.registries import Fetch, Registries, UnknownDigestError
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.model.documents import Configuration, Document, Member
from ecr_lambda_deploy.model.errors import DeployError


class ImageConfigurations:
    """Reads configurations, in several threads at once.

    Args:
        registries: are asked first.
        ask_engine: returns the configuration of the engine's own copy of an image; None if it has none.
    """

    def __init__(self, registries: Registries, ask_engine: Callable[[str], Configuration | None]) -> None:
        self._registries = registries
        self._ask_engine = ask_engine

    def read(self, reference: str, platform: str) -> Configuration:
        """Return the configuration of an image, or of the one for a platform out of an index.

        Args:
            reference: of the image as a Dockerfile has it.
            platform: such as `linux/arm64`.

        Raises:
            UnknownInputError: neither the registry nor the engine tells.
        """
        try:
            return self._registries.documents(reference, lambda fetch: _read(fetch, reference, platform))
        except (UnknownDigestError, DeployError) as error:
            local = self._ask_engine(reference)
            if local is None:
                text = f"the configuration of {reference} cannot be read: {error}"
                raise UnknownInputError(text) from error
            return local


def _read(fetch: Fetch, reference: str, platform: str) -> Configuration:
    manifest = Document(fetch("", "manifests"), reference)
    if members := manifest.members():
        manifest = Document(fetch(_member_for(members, platform), "manifests"), reference)
    return Document(fetch(manifest.config().digest, "blobs"), reference).configuration()


def _member_for(members: Sequence[Member], platform: str) -> str:
    """Return the digest of an index's image for a platform.

    Raises:
        UnknownDigestError: it has none.
    """
    for member in members:
        if f"{member.os}/{member.architecture}" == platform and not member.is_attestation:
            return member.descriptor.digest
    raise UnknownDigestError(f"its index has none for {platform}")
