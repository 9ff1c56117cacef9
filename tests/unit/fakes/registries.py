"""Registries in memory, and the ports that read, fill and copy between them: what ECR and BuildKit do with images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.errors import ArchivedError, BuildError, DeployError
from ecr_lambda_deploy.model.functions import LATEST
from ecr_lambda_deploy.model.images import (
    Authorization,
    BaseFinding,
    BuildOrder,
    Fingerprint,
    ImageReference,
    Layer,
    RegistryHosts,
    RegistryImage,
    is_same_registry,
)
from ecr_lambda_deploy.model.targets import Build, Platform, ServedImage
from ecr_lambda_deploy.ports.images import PushedImage, ServedVersion
from tests.unit.fakes.events import Recording

_NONE: Mapping[str, Configuration] = MappingProxyType({})
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def registry_image(reference: ImageReference, platform: str = "linux/amd64") -> RegistryImage:
    """Return an image that Lambda can run, as a registry holds it."""
    return RegistryImage(
        reference=reference,
        manifest=f'{{"digest":"{reference.digest}"}}',
        media_type=MANIFEST,
        platform=platform,
        layers=(Layer(media_type=LAYER, size=1000),),
        has_entry_point=True,
    )


@dataclass(slots=True, kw_only=True)
class StoredRepository:
    """A repository of a registry.

    Attributes:
        images: by digest.
        indexes: by digest, the images of an index.
        tags: the digest of each tag.
        is_immutable: whether a tag stays on the content that it has.
    """

    images: dict[str, RegistryImage] = field(default_factory=dict)
    indexes: dict[str, tuple[RegistryImage, ...]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    is_immutable: bool = False

    def tag(self, tag: str, digest: str) -> bool:
        """Give content a tag; False if the tag is there and cannot be given again, not even to the same content."""
        if self.is_immutable and tag in self.tags:
            return False
        self.tags[tag] = digest
        return True


class Registry:
    """A registry: repositories by name, of which one, `orders`, is there.

    Args:
        host: its name.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.repositories = {"orders": StoredRepository()}

    def hold(self, image: RegistryImage, *tags: str) -> RegistryImage:
        """Have an image and its tags from the start."""
        stored = self.repositories.setdefault(image.reference.repository, StoredRepository())
        stored.images[image.reference.digest] = image
        for tag in tags:
            assert stored.tag(tag, image.reference.digest)
        return image

    def hold_index(self, *images: RegistryImage, tag: str) -> str:
        """Have an index of images from the start, and return its digest."""
        for image in images:
            self.hold(image)
        stored = self.repositories[images[0].reference.repository]
        digest = index_digest(images)
        stored.indexes[digest] = images
        assert stored.tag(tag, digest)
        return digest

    def read(self, repository: str, reference: str, platform: Platform) -> RegistryImage:
        """Read an image by tag or digest, or the one for a platform out of an index."""
        stored = self.repositories.get(repository, StoredRepository())
        digest = reference if reference.startswith("sha256:") else stored.tags.get(reference, "")
        if digest in stored.indexes:
            for image in stored.indexes[digest]:
                if image.platform == platform:
                    return replace(image, is_of_index=True)
            raise DeployError(f"{reference} is an index without an image for {platform}")
        if digest not in stored.images:
            raise DeployError(f"ECR does not have the image {self.host}/{repository} {reference}")
        return stored.images[digest]


def index_digest(images: Sequence[RegistryImage]) -> str:
    """Return the digest of an index of images."""
    return f"sha256:{sha256(' '.join(image.reference.digest for image in images).encode()).hexdigest()}"


class FakeRepositories(Recording):
    """The repositories of one registry.

    Attributes:
        given: another host of the registry, to push to; empty for none.
        lets_lambda_pull: what their policies say of it.
        may_describe: whether the credentials may ask for an image's status.
        archived: digests of images that ECR has put away.
        hides_archived: whether ECR gives no manifest of theirs.
        rule: what their lifecycle policies say that could remove an image.
        created: names of the repositories that were created.
        tagged: the tags that were given, with their digests, in order.
        expected: the tags that lifecycle policies were asked about.
        known: the configurations that came with each read of an image.
    """

    def __init__(self, registry: Registry, calls: list[str] | None = None) -> None:
        super().__init__(calls)
        self.stored = registry
        self.given = ""
        self.lets_lambda_pull: bool | None = True
        self.may_describe = True
        self.archived: set[str] = set()
        self.hides_archived = False
        self.rule = ""
        self.created: list[str] = []
        self.tagged: list[tuple[str, str]] = []
        self.expected: list[tuple[str, ...]] = []
        self.known: list[Mapping[str, Configuration]] = []

    def registry(self) -> RegistryHosts:
        self.enter("registry")
        push = self.given or self.stored.host
        Authorization(registry=self.stored.host, username="AWS", password="").check_host(push)
        return RegistryHosts(own=self.stored.host, push=push)

    def find_tags(self, repository: str, tags: Sequence[str]) -> Mapping[str, str] | None:
        self.enter("find_tags")
        stored = self.stored.repositories.get(repository)
        if stored is None:
            return None
        hidden = self.archived if self.hides_archived and not self.may_describe else set()
        found = {tag: stored.tags[tag] for tag in tags if tag in stored.tags}
        return {tag: "" if digest in hidden else digest for tag, digest in found.items()}

    def missing(self, repository: str) -> DeployError:
        return DeployError(f"There is no ECR repository {repository}", "'create-repository: true'")

    def create(self, repository: str) -> None:
        self.enter("create")
        self.stored.repositories[repository] = StoredRepository(is_immutable=True)
        self.created.append(repository)

    def may_lambda_pull(self, repository: str) -> bool | None:
        self.enter("may_lambda_pull")
        return self.lets_lambda_pull if repository in self.stored.repositories else None

    def may_overwrite(self, repository: str, tag: str) -> bool | None:
        self.enter("may_overwrite")
        return tag.startswith("cache-") or not self.stored.repositories[repository].is_immutable

    def expiring_rule(self, repository: str, tags: Sequence[str]) -> str:
        self.enter("expiring_rule")
        assert repository in self.stored.repositories
        self.expected.append(tuple(tags))
        return self.rule

    def check_available(self, reference: ImageReference) -> bool:
        self.enter("check_available")
        if not self.may_describe or not reference.is_in(self.stored.host):
            return False
        stored = self.stored.repositories[reference.repository]
        if reference.digest not in {**stored.images, **stored.indexes}:
            raise DeployError(f"ECR does not have the image {reference} any more")
        self._check_archive(reference.digest)
        return True

    def tags(self, repository: str) -> Mapping[str, str]:
        self.enter("tags")
        return dict(self.stored.repositories[repository].tags)

    def read_image(
        self, repository: str, tag_or_digest: str, platform: Platform, known: Mapping[str, Configuration] = _NONE
    ) -> RegistryImage:
        self.enter("read_image", tag_or_digest)
        self.known.append(known)
        if self.hides_archived:
            self._check_archive(self.stored.repositories[repository].tags.get(tag_or_digest, tag_or_digest))
        return self.stored.read(repository, tag_or_digest, platform)

    def _check_archive(self, digest: str) -> None:
        if digest in self.archived:
            raise ArchivedError(f"The image {digest} is archived", "Restore it")

    def add_tag(self, image: RegistryImage, tag: str) -> bool:
        self.enter("add_tag")
        stored = self.stored.repositories[image.reference.repository]
        if stored.tag(tag, image.reference.digest):
            self.tagged.append((tag, image.reference.digest))
        return stored.tags[tag] == image.reference.digest


class FakeSources(Recording):
    """ECR's registries, and functions that serve images of them.

    Attributes:
        served: the image of each function and qualifier.
        descriptions: of the versions that serve them.
        copied: what was copied, with its destination.
    """

    def __init__(self, registries: Sequence[Registry], calls: list[str] | None = None) -> None:
        super().__init__(calls)
        self._registries = registries
        self.served: dict[ServedImage, ImageReference] = {}
        self.numbers: dict[ServedImage, str] = {}
        self.descriptions: dict[ServedImage, str] = {}
        self.copied: list[tuple[ImageReference, str]] = []

    def served_image(self, source: ServedImage) -> ServedVersion:
        self.enter("served_image")
        if source not in self.served:
            raise DeployError(f"There is no Lambda function {source.function}")
        number, description = self.numbers.get(source, LATEST), self.descriptions.get(source, "")
        return ServedVersion(image=self.served[source], number=number, description=description)

    def resolve(self, uri: str, platform: Platform) -> RegistryImage:
        self.enter("resolve")
        host, _, name = uri.partition("/")
        name, _, digest = name.partition("@")
        repository, _, tag = name.partition(":")
        return self._registry(host).read(repository, digest or tag, platform)

    def copy(self, reference: ImageReference, destination: str) -> None:
        self.enter("copy")
        host, _, name = destination.partition("/")
        repository, _, tag = name.partition(":")
        found = self._registry(reference.registry).repositories[reference.repository].images[reference.digest]
        target = self._registry(host)
        stored = target.repositories[repository]
        here = replace(reference, registry=target.host, repository=repository)
        stored.images[reference.digest] = replace(found, reference=here)
        # buildx asks for the tag first, and pushes nothing to one that has the image.
        if stored.tags.get(tag) != reference.digest and not stored.tag(tag, reference.digest):
            raise DeployError(f"The tag {tag} is immutable")
        self.copied.append((reference, destination))

    def _registry(self, host: str) -> Registry:
        for registry in self._registries:
            if is_same_registry(registry.host, host):
                return registry
        raise DeployError(f"{host} is no ECR registry")


class FakeBuilder(Recording):
    """Builds images and pushes them into a registry.

    Attributes:
        digest: of the image that a build makes.
        platform: that it is made for; as ordered, unless it is said here.
        engine: the platform of the builder itself.
        inputs: what tells the inputs of the next build from all others.
        inputs_of: likewise, of a build with this context, where there are several.
        orders: the builds that were done.
        checked: the platforms that the builder was asked for.
        read: the builds whose inputs were read beside the functions.
        keeps_cache: whether it can keep a cache in the repository.
        is_exporting: whether it still exports caches.
        says: what it says of images that it has pushed, by the URI.
        bases: what the bases of the next builds tell.
        bases_of: what the bases tell of a build with this context, where there are several.
    """

    def __init__(self, registry: Registry, digest: str, calls: list[str] | None = None) -> None:
        super().__init__(calls)
        self._registry = registry
        self.digest = digest
        self.platform = ""
        self.engine: Platform = "linux/amd64"
        self.inputs = Fingerprint(tag=f"src-{64 * '1'}")
        self.inputs_of: dict[object, Fingerprint] = {}
        self.orders: list[BuildOrder] = []
        self.checked: list[Platform | None] = []
        self.read: list[Build] = []
        self.keeps_cache = True
        self.says: dict[str, PushedImage] = {}
        self.is_exporting = False
        self.bases = BaseFinding()
        self.bases_of: dict[object, BaseFinding] = {}

    def check_engine(self, platform: Platform | None) -> Platform:
        self.checked.append(platform)
        self.enter("check_engine")
        return platform or self.engine

    def machine_platform(self) -> Platform:
        return self.engine

    def read_ahead(self, builds: Sequence[Build]) -> None:
        self.read.extend(builds)

    def fingerprints(self, wanted: Sequence[tuple[Build, Platform]]) -> tuple[Fingerprint, ...]:
        self.enter("fingerprint")
        for build, platform in wanted:
            assert build.context.is_absolute()
            assert platform.startswith("linux/")
        return tuple(self.inputs_of.get(build.context, self.inputs) for build, _ in wanted)

    def look_at_bases(self, wanted: Sequence[tuple[Build, Platform]]) -> tuple[BaseFinding, ...]:
        self.enter("look_at_bases")
        return tuple(self.bases_of.get(build.context, self.bases) for build, _ in wanted)

    def keeps_cache_in_repository(self, build: Build) -> bool:
        return self.keeps_cache and build.cache.mode == "auto"

    def build_and_push(self, orders: Sequence[BuildOrder]) -> Mapping[str, PushedImage]:
        self.enter("build_and_push")
        for order in orders:
            self._build_and_push(order)
        return {uri: image for uri, image in self.says.items() if uri in {order.uri for order in orders}}

    def finish(self) -> None:
        self.enter("finish")
        self.is_exporting = False

    def _build_and_push(self, order: BuildOrder) -> None:
        self.orders.append(order)
        host, _, repository = order.repository_uri.partition("/")
        assert is_same_registry(host, self._registry.host)
        stored = self._registry.repositories.get(repository)
        if stored is None:
            raise BuildError(f"failed to push: the repository {repository} does not exist", uri=order.uri)
        # ECR's API knows an image by the registry's own name, whatever name it was pushed to.
        reference = ImageReference(registry=self._registry.host, repository=repository, digest=self.digest)
        image = registry_image(reference, self.platform or order.platform)
        stored.images[self.digest] = image
        digest = self.digest
        if order.build.provenance != "false":
            digest = index_digest((image,))
            stored.indexes[digest] = (image,)
        if not stored.tag(order.tag, digest):
            raise BuildError(f"failed to push: the tag {order.tag} is immutable", uri=order.uri, is_tag_taken=True)
        self.leave("build_and_push")
