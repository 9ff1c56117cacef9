"""A local AWS for tests, demo and benchmarks: ministack behind a proxy that is as strict as AWS."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from sandbox.aws.bulk_functions import create_functions
from sandbox.aws.calls import Call, Fault
from sandbox.aws.holds import Held, Moment
from sandbox.aws.ministack_process import running_ministack
from sandbox.aws.policies import Policy, check_policy
from sandbox.aws.proxy import Proxy, Run, running_proxy
from sandbox.aws.rules.identity import ADMINISTRATOR, Identities
from sandbox.aws.rules.metrics import count_invocations
from sandbox.aws.rules.rates import Rates
from sandbox.aws.rules.refusals import REFUSALS_OF_NEW_ROLES
from sandbox.aws.snapshot import Snapshot, take_snapshot
from sandbox.aws.upstream import Scope

_DEPLOYED_WITH = {"lambda", "ecr", "registry"}


@dataclass(slots=True, kw_only=True)
class Aws:
    """A running AWS.

    Attributes:
        endpoint: What AWS_ENDPOINT_URL is set to.
        registry: The registry's host and port.
        account: The account that `environment` and `session` act in by default.
        region: The Region.
    """

    endpoint: str
    registry: str
    account: str
    region: str
    _proxy: Proxy
    _run: Run[Any]
    _sessions: dict[str, boto3.Session] = field(default_factory=dict)

    def session(self, account: str | None = None) -> boto3.Session:
        """Return a session of the account's administrator; its access key differs from every `environment`'s."""
        account = account or self.account
        if account not in self._sessions:
            issued = self._proxy.state.identities.issue(f"arn:aws:iam::{account}:role/{ADMINISTRATOR}", "sandbox")
            self._sessions[account] = boto3.Session(
                aws_access_key_id=issued.access_key,
                aws_secret_access_key=issued.secret_key,
                aws_session_token=issued.session_token,
                region_name=self.region,
            )
        return self._sessions[account]

    def client(self, service: str, account: str | None = None, config: Config | None = None) -> Any:  # noqa: ANN401 -- boto3's clients are made at run time
        """Return a boto3 client of the account's administrator."""
        return self.session(account).client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    def environment(self, role: str = "deploy", account: str | None = None) -> dict[str, str]:
        """Return environment variables with new credentials of the role, as `configure-aws-credentials` would set."""
        role_arn = f"arn:aws:iam::{account or self.account}:role/{role}"
        issued = self._proxy.state.identities.issue(role_arn, "ecr-lambda-deploy")
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": issued.access_key,
            "AWS_SECRET_ACCESS_KEY": issued.secret_key,
            "AWS_SESSION_TOKEN": issued.session_token,
        }

    def oidc_environment(self) -> dict[str, str]:
        """Return what GitHub's runner sets for a job with `id-token: write`."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.endpoint}/_sandbox/oidc/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._proxy.state.identities.oidc_request_token,
        }

    def expire(self, access_key: str) -> None:
        """Make the credentials with this access key expire now."""
        self._proxy.state.identities.expire(access_key)

    def issued_secrets(self) -> set[str]:
        """Return every secret key, session token and registry password issued so far, to look for in logs."""
        return self._proxy.state.identities.secrets()

    def calls(self) -> list[Call]:
        """Return the calls so far, in the order of arrival."""
        return list(self._proxy.log)

    def forget_calls(self) -> None:
        """Empty the call log."""
        self._proxy.log.clear()

    def deny(self, action: str, why: str = "") -> None:
        """Deny an action to everyone until `reset_rules`.

        Args:
            action: Such as `lambda:UpdateFunctionCode`.
            why: The end of IAM's message; by default that no identity-based policy allows it.
        """
        self._proxy.state.denied[action] = why

    def allow(self, action: str) -> None:
        """Allow a denied action again."""
        self._proxy.state.denied.pop(action, None)

    def put_role_policy(self, role: str, policy: Policy, account: str | None = None) -> None:
        """Let sessions of a role do no more than its policies allow, until `reset_rules`; without any, all is allowed.

        Raises:
            ValueError: The policy has something that is not evaluated here.
        """
        check_policy(policy)
        self._proxy.state.policies.setdefault((account or self.account, role), []).append(policy)

    def permissions_asked_of(self, role: str) -> set[tuple[str, str]]:
        """Return each action that a role has asked to do since `reset_rules`, with its resource."""
        return {(action, resource) for name, action, resource in self._proxy.state.asked if name == role}

    def fail_update(self, function: str, code: str, text: str) -> None:
        """Make the next creation or update of the function end Failed, with this reason code and text."""
        self._proxy.state.planned_failures[function] = (code, text)

    def fail_provisioned_concurrency(self, function: str, reason: str) -> None:
        """Make the next move of an alias's provisioned concurrency end FAILED, with this reason."""
        self._proxy.state.planned_move_failures[function] = reason

    def add_new_role(self, arn: str) -> None:
        """Make the next creations of functions with this role fail, once in each way that passes by itself."""
        self._proxy.state.refusals_of_roles[arn] = [*REFUSALS_OF_NEW_ROLES]

    def inject(self, fault: Fault) -> None:
        """Make a fault happen to the next calls of its action."""
        self._proxy.faults.append(fault)

    def keep_oidc_busy(self, answers: int) -> None:
        """Make GitHub's token endpoint answer 503 so many times, until `reset_rules`."""
        self._proxy.state.identities.busy_oidc_answers = answers

    def pending_faults(self) -> list[str]:
        """Return the actions of faults that have not happened yet."""
        return [fault.action for fault in self._proxy.faults]

    def hold(self, action: str, nth: int = 1, *, when: Moment = "after") -> Held:
        """Hold the `nth` next call of an action, named as in `Fault`; see `Held`."""
        return self._hold(action, lambda call: action in {call.action, f"{call.service}:{call.action}"}, nth, when)

    def hold_changing(self, nth: int = 1, *, when: Moment = "after") -> Held:
        """Hold the `nth` next call, of Lambda, ECR or the registry, that changes something; see `Held`."""
        return self._hold("a change", lambda call: call.changing and call.service in _DEPLOYED_WITH, nth, when)

    def _hold(self, what: str, matches: Callable[[Call], bool], nth: int, when: Moment) -> Held:
        held = Held(what=what, matches=matches, nth=nth, when=when)
        self._proxy.holds.append(held)
        return held

    def limit_rates(self) -> None:
        """Refuse calls above AWS's limits on calls a second, until `reset_rules`; see `Call.is_throttled`."""
        self._proxy.rates = Rates(are_limited=True)

    def reset_rules(self) -> None:
        """Drop limits, denials, policies, faults and planned failures, and release held calls."""
        self._proxy.rates = Rates()
        for held in self._proxy.holds:
            held.release()
        self._proxy.holds.clear()
        self._proxy.state.denied.clear()
        self._proxy.state.policies.clear()
        self._proxy.state.asked.clear()
        self._proxy.state.identities.busy_oidc_answers = 0
        self._proxy.state.planned_failures.clear()
        self._proxy.state.planned_move_failures.clear()
        self._proxy.state.refusals_of_roles.clear()
        self._proxy.faults.clear()

    def archive_image(self, repository: str, digest: str) -> None:
        """Archive an image of the account, which then cannot be pulled; see `archived_manifests_hidden`."""
        self._proxy.state.archived.add((Scope(self.account, self.region), repository, digest))

    @contextmanager
    def archived_manifests_hidden(self) -> Iterator[None]:
        """Let ECR's API give no manifests of archived images in the block: which it does is not documented."""
        self._proxy.state.are_archived_manifests_hidden = True
        try:
            yield
        finally:
            self._proxy.state.are_archived_manifests_hidden = False

    @contextmanager
    def updates_taking(self, seconds: float) -> Iterator[None]:
        """Let what takes time in Lambda, such as an update, take this many seconds if it begins in the block."""
        usual, self._proxy.state.update_seconds = self._proxy.state.update_seconds, seconds
        try:
            yield
        finally:
            self._proxy.state.update_seconds = usual

    @contextmanager
    def calls_taking(self, seconds: float) -> Iterator[None]:
        """Let each call in the block take this many seconds more, as over a network."""
        self._proxy.call_seconds = seconds
        try:
            yield
        finally:
            self._proxy.call_seconds = 0.0

    def put_log_alarm(self, name: str, state: str) -> None:
        """Have a CloudWatch alarm of the kind LogAlarm in a state, such as OK."""
        self._proxy.state.log_alarms[Scope(self.account, self.region), name] = state

    def set_metrics(
        self,
        function: str,
        *,
        qualifier: str,
        executed_version: str = "",
        invocations: int,
        errors: int,
        minutes_ago: int = 0,
        shown_in: float = 0.0,
    ) -> None:
        """Have Lambda tell CloudWatch of invocations that never were; see `count_invocations`."""
        count_invocations(
            self._proxy.state,
            Scope(self.account, self.region),
            function,
            qualifier=qualifier,
            executed_version=executed_version,
            invocations=invocations,
            errors=errors,
            minutes_ago=minutes_ago,
            shown_in=shown_in,
        )

    @contextmanager
    def metrics_taking(self, seconds: float) -> Iterator[None]:
        """Let CloudWatch show an invocation in the block so many seconds late; usually it does so at once."""
        usual, self._proxy.state.metric_seconds = self._proxy.state.metric_seconds, seconds
        try:
            yield
        finally:
            self._proxy.state.metric_seconds = usual

    @contextmanager
    def versions_limited_to(self, most: int) -> Iterator[None]:
        """Let a capacity provider of managed instances have no more than so many versions in the block."""
        usual, self._proxy.state.most_versions = self._proxy.state.most_versions, most
        try:
            yield
        finally:
            self._proxy.state.most_versions = usual

    def create_functions(self, names: Sequence[str], image_uri: str, *, alias: str = "") -> None:
        """Create active image functions with a version 1: faster than by API calls, and not in the call log.

        Args:
            names: Their names.
            image_uri: The image of all of them, of this account.
            alias: An alias that points to that version; empty for none.

        Raises:
            ApiError: Lambda refuses the image.
            ValueError: A function of that name exists.
        """
        self._run(create_functions(self._proxy.state, Scope(self.account, self.region), names, image_uri, alias=alias))

    def set_state(
        self, function: str, state: str, reason: tuple[str, str] | None = None, version: str = "$LATEST"
    ) -> None:
        """Put a version of a function into a state, such as Inactive, with a reason code and text."""
        found = self._proxy.state.functions[Scope(self.account, self.region), function].versions[version]
        found.state, found.state_reason = state, reason

    def snapshot(self, account: str | None = None) -> Snapshot:
        """Return the account's functions, versions and aliases; equal snapshots mean that nothing changed."""
        scope = Scope(account or self.account, self.region)
        taken: Snapshot = self._run(take_snapshot(self._proxy.state, scope))
        return taken


@contextmanager
def running_aws(
    *,
    docker_host: str | None,
    account: str = "123456789012",
    region: str = "ap-northeast-2",
    update_seconds: float = 0.3,
) -> Iterator[Aws]:
    """Run an empty AWS until the block ends, on loopback ports that the system chooses.

    Args:
        docker_host: The engine that runs functions, as in DOCKER_HOST; None if no function is invoked.
        account: The account.
        region: The Region.
        update_seconds: Seconds that Lambda takes for a creation, an update, a version with SnapStart, or a move of
            provisioned concurrency.

    Raises:
        SandboxError: ministack cannot be installed or started.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        registry = f"localhost:{listener.getsockname()[1]}"
        identities = Identities()
        puller = f"AWS:{identities.puller_password}"
        with (
            running_ministack(
                docker_host=docker_host, registry=registry, puller=puller, account=account, region=region
            ) as ministack,
            running_proxy(
                listener,
                ministack=ministack,
                identities=identities,
                account=account,
                region=region,
                update_seconds=update_seconds,
            ) as (proxy, run),
        ):
            yield Aws(
                endpoint=f"http://{registry}",
                registry=registry,
                account=account,
                region=region,
                _proxy=proxy,
                _run=run,
            )
