"""The digests of base images: their registries', or those of the engine's own copies."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ecr_lambda_deploy.docker.registries import UnknownDigestError
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDigests:
    """Resolves references of base images, in several threads at once.

    Attributes:
        ask_registry: returns a reference's digest, or raises UnknownDigestError.
        ask_engine: returns the digest of the engine's own copy; None if it has none.
        say: logs a line, for each digest that the registry does not give.
        stand_ins: the references of which the engine's copy counts.
    """

    ask_registry: Callable[[str], str]
    ask_engine: Callable[[str], str | None]
    say: Callable[[str], None]
    stand_ins: set[str] = field(default_factory=set)

    def resolve(self, reference: str) -> str:
        """Return the digest of an image, or of its index where it has one.

        If the registry does not give it, the digest of the engine's own copy stands in for it.

        Raises:
            UnknownInputError: neither has one.
        """
        digest = reference.partition("@")[2]
        if digest:
            return digest
        try:
            return self.ask_registry(reference)
        except UnknownDigestError as error:
            local = self.ask_engine(reference)
            if local is None:
                raise UnknownInputError(f"nobody tells the digest of {reference}; its registry: {error}") from error
            self.stand_ins.add(reference)
            why = f"The registry does not give the digest of {reference}"
            self.say(f"{why}; the engine's own copy stands in for it ({error})")
            return local
