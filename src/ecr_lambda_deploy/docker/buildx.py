"""Builds images and pushes them, by `buildx bake`."""

import json
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from platform import machine
from typing import get_args

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.docker.bake import bake_arguments, bake_definition, bake_secrets, bake_targets
from ecr_lambda_deploy.docker.builders import (
    WAYS_TO_RUN,
    builder_platforms,
    builder_tls,
    native_platform,
    selected_builder,
    unprotected,
)
from ecr_lambda_deploy.docker.cache import (
    CacheEntries,
    choose_cache,
    is_automatic,
    is_exported_last,
    without_secrets,
)
from ecr_lambda_deploy.docker.config import BUILDX, build_environment, private_docker_config
from ecr_lambda_deploy.docker.configurations import ImageConfigurations
from ecr_lambda_deploy.docker.digests import ImageDigests
from ecr_lambda_deploy.docker.dockerfiles import dockerfile_of, images_of
from ecr_lambda_deploy.docker.engine import AskedEngine, image_configuration, image_digest
from ecr_lambda_deploy.docker.errors import explain, failed_login, failed_target, passing_failure, tag_taken
from ecr_lambda_deploy.docker.exports import CacheExport, conversation
from ecr_lambda_deploy.docker.logins import BuildLogins, Logins
from ecr_lambda_deploy.docker.metadata import VARIABLES, read_metadata
from ecr_lambda_deploy.docker.pushes import (
    PushFailedError,
    PushLog,
    push_by_engine,
    pushed_by_buildkit,
    pushed_images,
)
from ecr_lambda_deploy.docker.records import have_secrets, without_records
from ecr_lambda_deploy.docker.registries import Registries
from ecr_lambda_deploy.docker.warnings import BuildWarning, read_warnings
from ecr_lambda_deploy.fingerprint.base_images import foreign_frontend
from ecr_lambda_deploy.fingerprint.bases import BuildBases, WrongBase
from ecr_lambda_deploy.fingerprint.fingerprint import BuildInputs
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.errors import BuildError, CancelledError, DeployError, SourceLocation
from ecr_lambda_deploy.model.images import Authorization, BaseFinding, BuildOrder, Fingerprint, ecr_hosts
from ecr_lambda_deploy.model.targets import Build, BuilderSettings, Platform
from ecr_lambda_deploy.ports.images import PushedImage
from ecr_lambda_deploy.ports.runner import Clock, Console
from ecr_lambda_deploy.private_folders import PrivateFolders

_LINES_KEPT = 500  # of the build's log, to look for an error in
_FINGERPRINTS_AT_ONCE = 4  # each hashes on several processors
_PATIENCE = 60  # seconds, from the first failure that may pass to the last attempt
_LONGEST_DELAY = 15  # seconds between two attempts
_LOOKS_AT_ONCE = 8  # builds whose bases are read
_METADATA = "metadata.json"


class _FailedError(Exception):
    """A build or a push failed.

    Attributes:
        log: the last lines that buildx printed, or a line in its form.
    """

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log


class Buildx:
    """Builds on the runner's engine, or on a BuildKit elsewhere.

    Args:
        workspace: folder that paths in messages are relative to.
        environment: the step's environment.
        console: shows the build's progress.
        logins: returns the logins for ECR's registries.
        settings: the builder and its logins; their secrets are masked already, as those of the builds are.
        clock: waits between two attempts.
        folders: makes the folders for logins and keys.
        program: path of buildx.
    """

    def __init__(
        self,
        *,
        workspace: Path,
        environment: Mapping[str, str],
        console: Console,
        logins: Logins,
        settings: BuilderSettings,
        clock: Clock,
        folders: PrivateFolders,
        program: str = BUILDX,
    ) -> None:
        self._workspace = workspace
        self._runner = environment
        self._environment = build_environment(environment)
        self._tls = builder_tls(environment)
        self._warning = unprotected(settings.endpoint, self._tls)
        self._console = console
        self._logins = logins
        self._settings = settings
        self._clock = clock
        self._folders = folders
        self._program = program
        self._build_logins = BuildLogins(logins, settings.docker_auth, console.info)
        registries = Registries(environment=self._environment, login=self._build_logins.of, mask=console.mask)
        configurations = ImageConfigurations(registries, ask_engine=self._configuration_on_engine)
        self._bases = BuildBases(configurations.read, builder_platform=lambda: self.check_engine(None))
        self._digests = ImageDigests(
            ask_registry=registries.digest, ask_engine=self._digest_on_engine, say=console.info
        )
        self._inputs = BuildInputs(resolve=self._digests.resolve)
        self._warned = set[BuildWarning]()
        self._export: CacheExport | None = None
        self._engine = AskedEngine(self._environment, console.info)

    def check_engine(self, platform: Platform | None) -> Platform:
        """Ask the engine, and the builder where the engine itself is not enough."""
        if not self._settings.endpoint:
            native = self._engine.answer.platform
            if platform in {None, native}:
                return native
        with self._selected_builder() as environment:
            platforms = builder_platforms(self._program, environment)
        if platform and platform not in platforms:
            self._console.notice(
                f"The builder runs programs for {', '.join(platforms)}, and for {platform} perhaps not. Where no step "
                f"runs one, as in cross-compiling, nothing is to be done. Where one does, it fails. {WAYS_TO_RUN}"
            )
        return platform or native_platform(platforms)

    def machine_platform(self) -> Platform:
        """Return this machine's platform."""
        return "linux/arm64" if machine() in {"aarch64", "arm64"} else "linux/amd64"

    def read_ahead(self, builds: Sequence[Build]) -> None:
        """Read contexts and ask registries; `fingerprints` does not do so again."""
        for_each(builds, self._inputs.read_ahead, at_once=_FINGERPRINTS_AT_ONCE)

    def fingerprints(self, wanted: Sequence[tuple[Build, Platform]]) -> tuple[Fingerprint, ...]:
        """Resolve base images by the registries, and by the engine where that is the builder's."""
        epoch = self._environment.get("SOURCE_DATE_EPOCH")  # BuildKit's client makes an argument of it

        def compute(one: tuple[Build, Platform]) -> Fingerprint:
            build, platform = one
            if epoch:
                build = replace(build, build_args={"SOURCE_DATE_EPOCH": epoch, **build.build_args})
            return self._inputs.fingerprint(build, platform)

        computed = for_each(wanted, compute, at_once=_FINGERPRINTS_AT_ONCE)
        stand_ins = self._digests.stand_ins
        return tuple(replace(one, is_of_registries=not stand_ins.intersection(one.images)) for one in computed)

    def look_at_bases(self, wanted: Sequence[tuple[Build, Platform]]) -> tuple[BaseFinding, ...]:
        """Read configurations from the registries, or of the engine's own copies where that is the builder's."""

        def look(one: tuple[Build, Platform]) -> BaseFinding:
            build, platform = one
            wrong = self._bases.wrong_base(build, platform)
            missed = self._bases.missed_input(build, platform)
            return BaseFinding(error=self._wrong_base(build, wrong, platform) if wrong else None, missed=missed)

        return tuple(for_each(wanted, look, at_once=_LOOKS_AT_ONCE))

    def _wrong_base(self, build: Build, wrong: WrongBase, platform: Platform) -> DeployError:
        dockerfile = self._shown(build.dockerfile)
        instead = f" Or set the input 'platform' to {wrong.platform}." if wrong.platform in get_args(Platform) else ""
        return DeployError(
            f"{dockerfile}:{wrong.line}: The image is to run on {platform}, and starts from {wrong.reference}, which "
            f"is for {wrong.platform}: it would end with `exec format error`.",
            f"Start from an image for {platform}: without a --platform in FROM that says another, and with the digest "
            f"of an index, or of its image for that platform.{instead}",
            location=SourceLocation(file=dockerfile, line=wrong.line),
            topic="lambda-cannot-run-the-image",
        )

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._workspace) if path.is_relative_to(self._workspace) else path)

    def _configuration_on_engine(self, reference: str) -> Configuration | None:
        return None if self._is_elsewhere else image_configuration(reference, self._environment)

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the builder has nothing of the runner's engine."""
        return self._settings.endpoint.startswith("tcp://")

    def _digest_on_engine(self, reference: str) -> str | None:
        return None if self._is_elsewhere else image_digest(reference, self._environment)

    def build_and_push(self, orders: Sequence[BuildOrder]) -> Mapping[str, PushedImage]:
        """Run `buildx bake`, again while a failure may pass, for at most a minute, and once with a new login."""
        self.finish()
        targets = bake_targets(orders)
        has_own_store = self._has_own_store
        caches = [self._choose_cache(order, is_inline_only=has_own_store) for order in orders]
        deadline, delay, is_fresh = 0.0, 1, False
        with ExitStack() as at_end:
            environment = at_end.enter_context(self._selected_builder())
            if have_secrets(orders, caches):
                at_end.enter_context(without_records(self._program, environment))
            while True:
                try:
                    return self._bake(targets, caches, environment, at_end, fresh=is_fresh, is_pushed=not has_own_store)
                except _FailedError as failed:
                    log = failed.log
                deadline = deadline or self._clock.now() + _PATIENCE
                if (reason := passing_failure(log)) and self._clock.now() + delay <= deadline:
                    self._console.info(f"Trying again in {delay} s; what is built is kept. {reason}")
                    self._clock.sleep(delay)
                    delay = min(2 * delay, _LONGEST_DELAY)
                elif failed_login(log) and not is_fresh:
                    self._console.info("Trying again with a new login to the registry; what is built is kept.")
                    is_fresh = True
                else:
                    raise self._failure(targets, log)

    def _selected_builder(self) -> AbstractContextManager[dict[str, str]]:
        if self._warning:
            self._console.warning(self._warning)
            self._warning = ""  # once
        return selected_builder(self._program, self._settings.endpoint, self._environment, self._folders, self._tls)

    def keeps_cache_in_repository(self, build: Build) -> bool:
        """Look at the settings, and at the engine's image store."""
        return is_automatic(build.cache) and not self._has_own_store

    @property
    def _has_own_store(self) -> bool:
        """Whether the builder is an engine that keeps images in a store of its own: it then pushes from that itself."""
        return not self._settings.endpoint and not self._engine.answer.has_containerd_store

    def _choose_cache(self, order: BuildOrder, *, is_inline_only: bool) -> CacheEntries:
        cache = choose_cache(order, workspace=self._workspace, is_inline_only=is_inline_only, environment=self._runner)
        cache = without_secrets(cache, foreign_frontend(dockerfile_of(order), order.build.build_args))
        self._console.mask(self._runner.get("ACTIONS_RUNTIME_TOKEN", ""))  # it may be part of an entry
        is_missed = cache.withheld > 0 or (order.build.cache.mode == "gha" and not cache.exports)
        name = f" of {order.name}" if order.name else ""
        (self._console.warning if is_missed else self._console.info)(f"Cache{name}: {cache.reason}")
        return cache

    @contextmanager
    def _logged_in(self, login: Authorization, *registries: str, named: Iterable[str]) -> Iterator[dict[str, str]]:
        """Yield the variable by which buildx finds logins.

        Args:
            login: for the registries that images are pushed to.
            registries: those.
            named: other hosts of ECR, that base images and caches come from.
        """
        auths = self._build_logins.own_for(named) | dict.fromkeys([*registries, login.registry], login)
        with private_docker_config(self._folders, auths, self._settings.docker_auth) as folder:
            yield {"DOCKER_CONFIG": str(folder)}

    def _bake(
        self,
        targets: Mapping[str, BuildOrder],
        caches: Sequence[CacheEntries],
        environment: Mapping[str, str],
        at_end: ExitStack,
        *,
        fresh: bool,
        is_pushed: bool,
    ) -> Mapping[str, PushedImage]:
        """Run buildx, show what it prints as it prints it, and push what it has not pushed.

        Caches may still be exported afterwards: then `at_end` is closed by `finish`.

        Raises:
            _FailedError: the build or the push failed.
        """
        definition = json.dumps(bake_definition(targets, caches, is_pushed=is_pushed))
        login = self._logins.authorization(fresh=fresh)
        registries = sorted({order.repository_uri.partition("/")[0] for order in targets.values()})
        named = ecr_hosts("\n".join([definition, *map(dockerfile_of, targets.values()), *images_of(targets.values())]))
        engine = None if self._settings.endpoint else self._environment
        with ExitStack() as attempt:
            metadata = attempt.enter_context(self._folders.folder()) / _METADATA
            logged_in = attempt.enter_context(self._logged_in(login, *registries, named=named))
            process = attempt.enter_context(self._start(targets, metadata, {**environment, **logged_in}))
            attempt.callback(lambda: self._warn(read_warnings(read_metadata(metadata)), targets.values()))
            lines = conversation(process, definition)
            pushes = PushLog(order.uri for order in targets.values() if is_exported_last(caches))
            with self._console.verbatim():
                tail = self._show(process, lines, pushes)
            if pushes.is_complete:
                at_end.push(attempt.pop_all())
                self._export = CacheExport(process, lines, at_end.pop_all())
                return pushed_images(pushes.digests, engine)
            if process.returncode:
                raise _FailedError(tail)
            if is_pushed:
                return pushed_by_buildkit(read_metadata(metadata), targets, engine)
        try:
            return push_by_engine(targets, login, self._environment, self._console.info)
        except PushFailedError as error:
            raise _FailedError([str(error)]) from error

    def _start(
        self, targets: Mapping[str, BuildOrder], metadata: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """Start `buildx bake`, which reads its definition from standard input."""
        return subprocess.Popen(
            [self._program, *bake_arguments(targets), f"--metadata-file={metadata}"],
            cwd=self._workspace,  # bake reads below its working folder only
            env={
                **environment,
                **bake_secrets(targets),
                **VARIABLES,
                "BUILDX_GIT_INFO": "false",  # there is no git here, and the labels say the commit
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def _show(self, process: subprocess.Popen[str], lines: Iterator[str], pushes: PushLog) -> list[str]:
        """Show what buildx prints as it prints it, until it ends or has pushed all, and return its last lines."""
        tail: deque[str] = deque(maxlen=_LINES_KEPT)
        try:
            for line in lines:
                tail.append(line)
                self._console.info(line)
                pushes.read(line)
                if pushes.is_complete:
                    return [*tail]
        except BaseException:  # a run that is cancelled ends its build too
            process.terminate()
            raise
        process.wait()
        return [*tail]

    @property
    def is_exporting(self) -> bool:
        """Look for a buildx whose end was not waited for."""
        return self._export is not None

    def finish(self) -> None:
        """Show what buildx has printed since its images were pushed, and wait for its end, for ten minutes at most."""
        export, self._export = self._export, None
        if export is None:
            return
        try:
            with self._console.verbatim():
                reason = export.finish(self._clock, self._console.info)
        except CancelledError as error:
            reason = error.message
        if reason:
            self._console.warning(
                f"The images are pushed, but a cache of their build is perhaps not complete: {reason}"
            )

    def _warn(self, warnings: Iterable[BuildWarning], orders: Iterable[BuildOrder]) -> None:
        """Annotate the lines of the Dockerfiles that BuildKit warns of."""
        dockerfiles = {dockerfile_of(order): self._shown(order.build.dockerfile) for order in orders}
        for warning in warnings:
            if warning in self._warned:
                continue
            self._warned.add(warning)
            file = dockerfiles.get(warning.dockerfile)
            location = SourceLocation(file=file, line=warning.line) if file and warning.line else None
            self._console.warning(warning.text, location)

    def _failure(self, targets: Mapping[str, BuildOrder], log: list[str]) -> BuildError:
        target = failed_target(log, targets)
        order = targets[target] if target else next(iter(targets.values()))
        error = explain(log, dockerfile=self._shown(order.build.dockerfile), instructions=dockerfile_of(order))
        uri = order.uri if target else ""
        return BuildError(
            error.message,
            error.hint,
            location=error.location,
            cause=error.cause,
            log=error.log,
            uri=uri,
            is_tag_taken=tag_taken(log),
        )
