"""Gets the image that is wanted: found, built or copied; and sees to it that Lambda can run it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import uuid4

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import FunctionState, ObservedFunction
from ecr_lambda_deploy.image_checks import check_image
from ecr_lambda_deploy.image_model import CACHE_TAG_PREFIX, BuildOrder, ImageReference, RegistryImage
from ecr_lambda_deploy.model import Journal, WorkflowRun
from ecr_lambda_deploy.observe import Destination
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.wanted import Build, EarlierRelease, ExistingImage, ImageTarget, ServedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageJob:
    """Gets one image into the repository that it is to be in.

    Attributes:
        target: what is wanted.
        destination: where it goes.
        observed: the functions that are to run it.
        outside: what is asked.
        journal: told the image and its tags.
    """

    target: ImageTarget
    destination: Destination
    observed: tuple[ObservedFunction, ...]
    outside: Outside
    journal: Journal

    def run(self) -> ImageReference:
        """Return the image, by the digest that the functions get.

        Raises:
            DeployError: it is not to be had, or Lambda could not run it. No function was touched.
        """
        match self.target.source:
            case Build() as build:
                return self._built(build)
            case ExistingImage() | ServedImage() as source:
                return self._existing(source)
            case EarlierRelease():
                raise AssertionError("a rollback gets no image")

    def _built(self, build: Build) -> ImageReference:
        """Reuse what was built from the same inputs before, or build."""
        fingerprint = self.outside.builder.fingerprint(build, self.destination.platform)
        for hint in fingerprint.hints:
            self.outside.log.info(hint)
        own, tags = fingerprint.tag, self.target.tags
        found = self._find_tags([own, *tags] if own else tags)
        if own and found and own in found and build.reuse:
            self.outside.log.info(f"Nothing to build: {self._uri}:{own} was built from the same inputs")
            return self._reused(own, found)
        if own and build.reuse:
            self.outside.log.info(f"Building {self._uri}:{own}, which the repository does not have")
            tag, more = own, tags
        else:
            reason = fingerprint.reason or "reuse is switched off"
            self.outside.log.info(f"Building without a look at earlier images: {reason}")
            # What the same inputs gave before may be under their tag: the new image gets it if it can be moved.
            tag, more = f"src-{uuid4().hex}", (*tags, own) if own else tags
        self.outside.builder.check_engine(self.destination.platform)
        if found is None:
            self._create_repository()
        # The tag says which base images went in: the build takes those, and no older copies that the engine has.
        self._build(replace(build, pull=build.pull or (own is not None and fingerprint.is_of_registries)), tag)
        return self._take(tag, tag, more)

    def _reused(self, own: str, found: Mapping[str, str]) -> ImageReference:
        present = self._reference(found[own])
        if self._is_run(present) and all(found.get(tag) == present.digest for tag in self.target.tags):
            self._note(present, (*self.target.tags, own))
            return present
        if not self._is_run(present):
            self._warn(own)
        return self._take(present.digest, own, self.target.tags, found)

    def _build(self, build: Build, tag: str) -> None:
        outside, destination = self.outside, self.destination
        present = next((function.latest.image for function in self.observed if function.latest), None)
        order = BuildOrder(
            build=build,
            platform=destination.platform,
            labels={**_labels(self.journal.run), **build.labels},
            repository_uri=destination.repository_uri,
            tag=tag,
            may_overwrite_cache=self._may_overwrite_cache(),
            present_image=present,
        )
        with ThreadPoolExecutor() as pool:
            warnings = pool.submit(self._warn, tag)
            try:
                outside.builder.build_and_push(order)
            except DeployError:
                # Another run with the same inputs may have been faster, and the tag may be immutable.
                if not build.reuse or not self._is_there(tag):
                    raise
                outside.log.info(f"Another run has pushed {self._uri}:{tag} meanwhile, from the same inputs")
            warnings.result()

    def _existing(self, source: ExistingImage | ServedImage) -> ImageReference:
        """Take an image that is there, copied by digest if it is somewhere else."""
        outside, tags = self.outside, self.target.tags
        uri = source.uri if isinstance(source, ExistingImage) else str(outside.sources.served_image(source))
        image = outside.sources.resolve(uri, self.destination.platform)
        outside.log.info(f"{uri} is {image.reference}")
        check_image(image, platform=self.destination.platform, function=self._function)
        here = self._reference(image.reference.digest)
        if self._is_run(here) and not tags:
            self._note(here, ())
            return here
        own = _digest_tag(here)
        found = self._find_tags([own, *tags])
        if found is None:
            self._create_repository()
            found = {}
        else:
            self._warn(own)
        if here.is_same_image(image.reference):
            return self._take(here.digest, None, (own, *tags), found)
        if own not in found:
            outside.log.info(f"Copying it to {self._uri}, from registry to registry")
            outside.sources.copy(image.reference, f"{self._uri}:{own}")
        return self._take(here.digest, own, tags, found)

    def _take(
        self, reference: str, own: str | None, tags: Sequence[str], found: Mapping[str, str] = MappingProxyType({})
    ) -> ImageReference:
        """Read an image of the repository back, check it, and see to its tags.

        Args:
            reference: a tag or digest of it, or of the index that it belongs to.
            own: a tag of this project that `reference` has, if it has one.
            tags: what it is to have too.
            found: the digests of tags that are there already.
        """
        repositories, destination = self.outside.repositories, self.destination
        image = repositories.read_image(destination.repository, reference, destination.platform)
        check_image(image, platform=destination.platform, function=self._function)
        here = self._reference(image.reference.digest)
        held = [tag for tag in tags if found.get(tag) == here.digest or self._add_tag(image, tag)]
        if image.is_of_index and not held:
            # What is deployed keeps a tag of its own: lifecycle rules remove images without one.
            held = [tag for tag in [_digest_tag(here)] if self._add_tag(image, tag)]
        self._note(here, [*held, own] if own else held)
        self.outside.log.info(f"Image {here} ({', '.join(self.journal.image_tags)})")
        return here

    def _add_tag(self, image: RegistryImage, tag: str) -> bool:
        is_added = self.outside.repositories.add_tag(image, tag)
        if not is_added:
            self.outside.log.notice(
                f"The tag {tag} stays on the image that has it, since tags of {image.reference.repository} are "
                f"immutable. What is deployed is {image.reference}."
            )
        return is_added

    def _find_tags(self, tags: Sequence[str]) -> dict[str, str] | None:
        """Look tags up; None if the repository is missing and is to be created."""
        repositories, name = self.outside.repositories, self.destination.repository
        found = repositories.find_tags(name, tags)
        if found is None and not self.target.create_repository:
            raise repositories.missing(name)
        return None if found is None else dict(found)

    def _is_there(self, tag: str) -> bool:
        try:
            return bool(self.outside.repositories.find_tags(self.destination.repository, [tag]))
        except DeployError:
            return False  # what is to be told is why the build failed

    def _may_overwrite_cache(self) -> bool | None:
        try:
            return self.outside.repositories.may_overwrite(self.destination.repository, CACHE_TAG_PREFIX)
        except DeployError as error:
            self.outside.log.info(f"Whether a cache can be kept in {self._uri} is not known: {error.message}")
            return None

    def _create_repository(self) -> None:
        name = self.destination.repository
        self.outside.log.info(f"Creating the repository {name}")
        self.outside.repositories.create(name)

    def _warn(self, tag: str) -> None:
        """Say what will bite later, and is no reason to stop now."""
        repositories, name, log = self.outside.repositories, self.destination.repository, self.outside.log
        try:
            if not self._is_proven and repositories.may_lambda_pull(name) is False:
                log.warning(
                    f"The policy of the repository {name} does not let Lambda pull from it. Lambda adds what it needs "
                    "if these credentials may call ecr:SetRepositoryPolicy."
                )
            if rule := repositories.expiring_rule(name, (tag, *self.target.tags)):
                log.warning(f"An image that a function runs could be removed from {name}: {rule}")
        except DeployError as error:
            log.warning(f"The policies of the repository {name} could not be read: {error.message}")

    @property
    def _uri(self) -> str:
        return self.destination.repository_uri

    @property
    def _function(self) -> FunctionState | None:
        """A function that is to run the image; of several, one that does not say how it is started."""
        states = [function.latest for function in self.observed if function.latest is not None]
        return next((state for state in states if not state.has_entry_point), states[0] if states else None)

    @property
    def _is_proven(self) -> bool:
        """Whether Lambda can pull from the repository: a function runs an image of it, or none is to."""
        images = [function.latest.image if function.latest else None for function in self.observed]
        return not images or any(
            image is not None
            and image.is_in(self.destination.registry)
            and image.repository == self.destination.repository
            for image in images
        )

    def _reference(self, digest: str) -> ImageReference:
        return ImageReference(registry=self.destination.registry, repository=self.destination.repository, digest=digest)

    def _is_run(self, image: ImageReference) -> bool:
        """Whether all functions run an image already."""
        return bool(self.observed) and all(
            function.latest is not None and image.is_same_image(function.latest.image) for function in self.observed
        )

    def _note(self, image: ImageReference, tags: Sequence[str]) -> None:
        self.journal.image, self.journal.image_tags = image, tuple(tags)


def _digest_tag(image: ImageReference) -> str:
    """Return a tag that says nothing but which image it is on."""
    return f"digest-{image.digest.removeprefix('sha256:')[:32]}"


def _labels(run: WorkflowRun) -> dict[str, str]:
    """Return the labels that lead from an image to its source [OCI image specification, annotations]."""
    labels = {
        "org.opencontainers.image.revision": run.commit,
        "org.opencontainers.image.source": f"{run.server_url}/{run.repository}" if run.repository else "",
    }
    return {name: value for name, value in labels.items() if value}
