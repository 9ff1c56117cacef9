"""One image on its way into its repository: identified, planned, made by others or taken, read back, and tagged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import uuid4

from ecr_lambda_deploy.images.checks import check_image
from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.plan import (
    BuildImage,
    CopyImage,
    ImageStep,
    KeepImage,
    TakeImage,
    build_order,
    digest_tag,
    keep_existing,
    plan_build,
    plan_existing,
)
from ecr_lambda_deploy.images.tags import add_tags
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import BuildOrder, Fingerprint, ImageReference, RegistryImage
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal
from ecr_lambda_deploy.model.targets import Build, EarlierRelease, ExistingImage, ServedImage
from ecr_lambda_deploy.ports.ports import Ports


@dataclass(slots=True, kw_only=True)
class ImageJob:
    """Gets one image into the repository that it is to be in.

    Attributes:
        observed: what is wanted, and what is there.
        ports: what is asked.
        journal: told what becomes of the image.
        step: what gets it there, once that is planned.
        image: by the digest that the functions get, once that is known.
        has_repository: whether the repository is there.
        outcome: what has become of it so far.
    """

    observed: ObservedImage
    ports: Ports
    journal: Journal
    step: ImageStep | None = None
    image: ImageReference | None = None
    has_repository: bool = True
    _fingerprint: Fingerprint = field(default=Fingerprint(tag=None), init=False)
    _source: RegistryImage | None = field(default=None, init=False)
    _found: Mapping[str, str] = field(default_factory=dict, init=False)
    _read: RegistryImage | None = field(default=None, init=False)
    outcome: ImageOutcome = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what is known of the image."""
        self.outcome = self.journal.image_named(self.name)

    @property
    def name(self) -> str:
        """The image's name in the manifest."""
        return self.observed.target.name

    @property
    def has_failed(self) -> bool:
        """Whether it is not to be had."""
        return self.outcome.status is ImageStatus.FAILED

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Within the block a failure is this image's."""
        if not self.outcome.started:
            self.record(started=self.ports.clock.now())
        try:
            yield
        except DeployError as error:
            self.fail(error)
        finally:
            self._record_time()

    def fail(self, error: DeployError) -> None:
        """Note that the image is not to be had, and why."""
        self.record(status=ImageStatus.FAILED, error=error)
        self._record_time()

    def _record_time(self) -> None:
        self.record(seconds=self.ports.clock.now() - self.outcome.started)

    def record(self, **changes: object) -> None:
        """Note what has become of the image."""
        self.outcome = replace(self.outcome, **changes)  # type: ignore[arg-type] # its own fields
        self.journal.record_image(self.outcome)

    def identify(self, fingerprint: Fingerprint | None) -> None:
        """Learn which image is wanted.

        Args:
            fingerprint: of the build's inputs; None for an image that exists.

        Raises:
            DeployError: it does not exist, or Lambda could not run it.
        """
        match self.observed.target.source:
            case Build():
                self._fingerprint = fingerprint or self._fingerprint
                for hint in self._fingerprint.hints:
                    self._say(hint)
            case ExistingImage(uri=uri):
                self._resolve(uri)
            case ServedImage() as served:
                self._resolve(str(self.ports.sources.served_image(served)))
            case EarlierRelease():
                raise AssertionError("a rollback gets no image")

    @property
    def lookups(self) -> tuple[str, ...]:
        """The tags whose digests the plan depends on."""
        own = digest_tag(self._source.reference) if self._source else self._fingerprint.tag
        return (own, *self.observed.target.tags) if own else self.observed.target.tags

    def plan(self, found: Mapping[str, str] | None) -> None:
        """Decide how the image gets there; one that is there already is read.

        Args:
            found: the digests of its tags that the repository has; None if there is no such repository.

        Raises:
            DeployError: there is no repository, or Lambda could not run the image.
        """
        target = self.observed.target
        self.has_repository, self._found = found is not None, found or {}
        if found is None and not target.create_repository:
            raise self.ports.repositories.missing(self.observed.destination.repository)
        if self._source:
            self._follow(plan_existing(self._source, self.observed, found=self._found))
        elif isinstance(target.source, Build):
            fresh = f"src-{uuid4().hex}"
            self._follow(plan_build(target.source, self._fingerprint, self.observed, found=self._found, fresh=fresh))

    def order(self, *, may_overwrite_cache: bool | None) -> BuildOrder:
        """Decide the build that is planned to the last detail."""
        if not isinstance(self.step, BuildImage):
            raise AssertionError("a build is planned")  # noqa: TRY004 # it is no argument
        return build_order(self.step, self.observed, run=self.journal.run, may_overwrite_cache=may_overwrite_cache)

    def copy(self) -> None:
        """Copy the image, if that is what is planned.

        Raises:
            DeployError: a registry refuses.
        """
        if isinstance(self.step, CopyImage):
            self._say(f"Copying it to {self.observed.repository_uri}, from registry to registry")
            self.ports.sources.copy(self.step.image.reference, f"{self.observed.repository_uri}:{self.step.own}")

    def receive(self) -> None:
        """Read back what was built or copied.

        Raises:
            DeployError: Lambda could not run it.
        """
        if isinstance(self.step, CopyImage):
            self._read_back(self.step.image.reference.digest)
        elif isinstance(self.step, BuildImage):
            self._read_back(self.step.own)

    def tag(self) -> None:
        """Give the image its tags, and note what has become of it.

        Raises:
            DeployError: ECR refuses.
        """
        step, image = self.step, self._read
        if step is None or image is None:
            return  # it is kept
        held = add_tags(image, step.tags, own=step.own, found=self._found, ports=self.ports)
        tags = (*held, step.own) if step.own else tuple(held)
        self.record(status=step.status, tags=tags)
        self._say(f"Image {self.image} ({', '.join(tags) or 'with the tags that it has'})")

    @property
    def is_build(self) -> bool:
        """Whether it is to be built."""
        return isinstance(self.step, BuildImage)

    @property
    def is_built_each_time(self) -> bool:
        """Whether it is to be built, and no later run will find it by its inputs."""
        return isinstance(self.step, BuildImage) and self.step.own != self._fingerprint.tag

    @property
    def is_missing(self) -> bool:
        """Whether it is still to be built or copied."""
        return isinstance(self.step, BuildImage | CopyImage)

    @property
    def is_unfinished(self) -> bool:
        """Whether anything is to be done for it, if only to give it tags."""
        return not isinstance(self.step, KeepImage)

    @property
    def is_new(self) -> bool:
        """Whether it comes into use: not all functions run it already."""
        return self.image is None or not self.observed.is_run(self.image)

    def _resolve(self, uri: str) -> None:
        """Find an image that exists."""
        image = self.ports.sources.resolve(uri, self.observed.destination.platform)
        self._say(f"{uri} is {image.reference}")
        self._check(image)
        self._source = image
        if step := keep_existing(image, self.observed):
            self._follow(step)

    def _follow(self, step: ImageStep) -> None:
        """Take a step for the plan, and tell what follows from it."""
        self.step = step
        match step:
            case KeepImage(image=image):
                self.image = image
                self.record(image=image, tags=step.all_tags)
            case TakeImage(reference=reference):
                self._read_back(reference)
            case CopyImage(image=source):
                self.image = self.observed.reference(source.reference.digest)
            case BuildImage(reason=reason):
                self._say(f"{self.observed.repository_uri} is to be built: {reason}")
            case _:
                assert_never(step)
        self.record(reason=step.reason)
        if not self.is_missing:
            self.record(status=step.status)
            if isinstance(self.observed.target.source, Build):
                self._say(f"Nothing to build: {self.observed.repository_uri}:{step.own} was built from the same inputs")

    def _read_back(self, reference: str) -> None:
        destination = self.observed.destination
        image = self.ports.repositories.read_image(destination.repository, reference, destination.platform)
        self._check(image)
        self._read, self.image = image, self.observed.reference(image.reference.digest)
        self.record(image=self.image)

    def _check(self, image: RegistryImage) -> None:
        check_image(image, platform=self.observed.destination.platform, function=self.observed.most_demanding)

    def _say(self, message: str) -> None:
        self.ports.log.info(f"{self.name}: {message}" if self.name else message)
