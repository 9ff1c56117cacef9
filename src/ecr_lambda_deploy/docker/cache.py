"""Chooses where BuildKit keeps a build's cache. It is pure, and gives the reason for the log."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from ecr_lambda_deploy.model.images import CACHE_TAG_PREFIX, BuildOrder, ImageReference
from ecr_lambda_deploy.model.secrets import secrets_of_addresses, secrets_of_entry
from ecr_lambda_deploy.model.targets import CacheSettings
from ecr_lambda_deploy.model.text import bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntries:
    """BuildKit's cache entries of one build.

    Attributes:
        imports: for `cache-from`.
        exports: for `cache-to`.
        reason: why these, for the log.
        withheld: how many imports are left out.
    """

    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    reason: str = ""
    withheld: int = 0


# ECR stores a cache only as an image [containers-roadmap#876], and a failed export fails no build [buildkit#2492].
_EXPORT = "mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
_IGNORE_ERROR = "ignore-error=true"
_INLINE = "type=inline"  # within the image
_LONGEST_NAME = 300  # characters of a frontend's


def choose_cache(
    order: BuildOrder, *, workspace: Path, is_inline_only: bool, environment: Mapping[str, str]
) -> CacheEntries:
    """Return the cache entries of a build.

    Args:
        order: the build.
        workspace: folder that paths in the cache's tag are relative to.
        is_inline_only: whether the builder can export a cache only within the image.
        environment: the step's environment, for GitHub's cache service.
    """
    settings, name = order.build.cache, cache_tag(order, workspace)
    if settings.imports or settings.exports:
        return CacheEntries(
            imports=tuple(_completed(entry, environment) for entry in settings.imports),
            exports=tuple(_lenient(_completed(entry, environment)) for entry in settings.exports),
            reason="as 'cache-from' and 'cache-to' say",
        )
    match settings.mode:
        case "off":
            return CacheEntries(reason="none, since 'cache' is off")
        case "gha":
            return _github(name, is_inline_only=is_inline_only, environment=environment)
        case _ if is_inline_only:
            return _inline(order, "since this engine can export no other: it keeps images in its own store")
        case _ if order.may_overwrite_cache is False:
            return _inline(order, f"since the repository does not let the tag {name} be overwritten")
    return _registry(order, name)


def is_automatic(settings: CacheSettings) -> bool:
    """Whether the best cache is chosen that the builder can keep in the repository."""
    return settings.mode not in {"off", "gha"} and not settings.imports and not settings.exports


def is_exported_last(caches: Iterable[CacheEntries]) -> bool:
    """Whether all that builds do after their images are pushed is to export caches, for which none of them fails.

    Args:
        caches: cache entries of each build.
    """
    exports = [entry.split(",") for cache in caches for entry in cache.exports]
    apart = [attributes for attributes in exports if _INLINE not in attributes]
    return bool(apart) and all(_IGNORE_ERROR in attributes for attributes in apart)


def without_secrets(cache: CacheEntries, frontend: str) -> CacheEntries:
    """Return the cache entries of a build without imports that hold a secret, if there is a frontend to keep it from.

    BuildKit gives all imports to the frontend, which may be any program [BuildKit, client, `cache-imports`]; exports it
    keeps to itself.

    Args:
        cache: as it is chosen.
        frontend: that is not Docker's own; empty for none.
    """
    if not frontend:
        return cache
    imports = tuple(entry for entry in cache.imports if not _has_secret(entry))
    if not (withheld := len(cache.imports) - len(imports)):
        return cache
    why = f"not taken from what needs a login, which the frontend {bounded(frontend, _LONGEST_NAME)} would be given"
    return replace(cache, imports=imports, reason=f"{cache.reason}; {why}", withheld=withheld)


def _has_secret(entry: str) -> bool:
    return any(secrets_of_entry(entry)) or any(secrets_of_addresses(entry))


def cache_tag(order: BuildOrder, workspace: Path) -> str:
    """Return the tag of a build's cache; no two builds have the same.

    Images may share a repository, and GitHub's cache has no repositories. Services that share a Dockerfile differ by
    context.
    """
    context, dockerfile = (os.path.relpath(path, workspace) for path in (order.build.context, order.build.dockerfile))
    key = json.dumps([order.name, context, dockerfile, order.build.target, order.platform])
    return f"{CACHE_TAG_PREFIX}{sha256(key.encode()).hexdigest()[:12]}"


def _registry(order: BuildOrder, name: str) -> CacheEntries:
    reference = f"type=registry,ref={order.repository_uri}:{name}"
    if order.why_apart:
        # Who may open a pull request must not write what a build of the default branch takes for its own layers.
        return CacheEntries(
            imports=(reference,),
            reason=f"read but not written, in the repository under the tag {name}, since {order.why_apart}",
        )
    known = "" if order.may_overwrite_cache else ", if that may be overwritten"
    return CacheEntries(
        imports=(reference,),
        exports=(f"{reference},{_EXPORT}",),
        reason=f"all stages, in the repository under the tag {name}{known}",
    )


def _inline(order: BuildOrder, why: str) -> CacheEntries:
    present = order.present_image
    is_there = present is not None and _is_in_repository(present, order)
    imports = (f"type=registry,ref={order.repository_uri}@{present.digest}",) if present and is_there else ()
    found = "from the one that the function runs now" if imports else "but no image to take it from"
    return CacheEntries(
        imports=imports, exports=(_INLINE,), reason=f"the last stage's, within the image, {why}; {found}"
    )


def _is_in_repository(image: ImageReference, order: BuildOrder) -> bool:
    host, _, repository = order.repository_uri.partition("/")
    return image.is_in(host) and image.repository == repository


def _github(scope: str, *, is_inline_only: bool, environment: Mapping[str, str]) -> CacheEntries:
    if is_inline_only:
        return CacheEntries(
            reason="none: 'cache: gha' needs an engine with the containerd image store, or the input 'builder'"
        )
    service = _github_service(environment)
    if not service:
        return CacheEntries(
            reason="none: the runner gave no ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN, which 'cache: gha' needs"
        )
    entry = f"type=gha,scope={scope},{service}"
    return CacheEntries(
        imports=(entry,), exports=(f"{entry},mode=max,{_IGNORE_ERROR}",), reason=f"GitHub's, in the scope {scope}"
    )


def _github_service(environment: Mapping[str, str]) -> str:
    """Return address and token of GitHub's cache; outside JavaScript actions, BuildKit must be given the version."""
    url, token = environment.get("ACTIONS_RESULTS_URL"), environment.get("ACTIONS_RUNTIME_TOKEN")
    return f"version=2,url_v2={url},token={token}" if url and token else ""


def _completed(entry: str, environment: Mapping[str, str]) -> str:
    """Add address and token to an entry for GitHub's cache: buildx does not see them in its environment."""
    service = _github_service(environment)
    return f"{entry},{service}" if "type=gha" in entry.split(",") and "token=" not in entry and service else entry


def _lenient(entry: str) -> str:
    attributes = entry.split(",")
    can_ignore = "=" in entry and _INLINE not in attributes
    is_given = any(attribute.startswith("ignore-error=") for attribute in attributes)
    return f"{entry},{_IGNORE_ERROR}" if can_ignore and not is_given else entry
