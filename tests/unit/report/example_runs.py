"""Runs as people meet them, of which `test_pages.py` compares the summaries with the files in `pages/`."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ecr_lambda_deploy.model.errors import BuildError, CancelledError, ConsequenceError, DeployError
from ecr_lambda_deploy.model.functions import FunctionState, ObservedFunction, Status
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, Phase, ReleaseStatus
from ecr_lambda_deploy.model.run import RollbackWorkflow, WorkflowRun
from ecr_lambda_deploy.model.targets import Mode, TrafficStep
from tests.unit.fakes.examples import REGISTRY, alias_state, function_state, image, observed_function, version_state

_BEFORE, _NOW = "cba06b5736fa29e2e1d6dbe8af0d1de8f59cd1e0", "11507a0e2f5eb1a2c3d4e5f60718293a4b5c6d7e"
_RUN = WorkflowRun(
    commit=_NOW,
    repository="acme/shop",
    run_id="12345678901",
    attempt="1",
    workflow="deploy.yml",
    server_url="https://github.com",
    actor="alice",
)
_OLD_IMAGE = replace(image("9"), digest="sha256:905aee03ffd9" + 52 * "9")
_NEW_IMAGE = replace(image("2"), digest="sha256:21618eeb001d" + 52 * "2")
_ROLLBACK = RollbackWorkflow(
    file="rollback.yml",
    given={"function-name": "${{ inputs.function }}", "alias": "live", "rollback-to": "${{ inputs.rollback-to }}"},
    inputs=("function", "rollback-to"),
    required=("function",),
)


def _record(commit: str, run: str = "12345678900") -> str:
    return f"run={run}/1 previous=40 repository=acme/shop commit={commit} workflow=deploy.yml"


def _at(name: str, number: str, *, latest: FunctionState | None = None) -> ObservedFunction:
    """Return a function whose alias points to version 41 or 42."""
    old = replace(version_state("41", _OLD_IMAGE, _record(_BEFORE)), name=name)
    new = replace(version_state("42", _NEW_IMAGE, _record(_NOW, "12345678901")), name=name)
    latest = latest or function_state(name=name, image=_OLD_IMAGE if number == "41" else _NEW_IMAGE)
    alias = alias_state(number, description=_record(_BEFORE if number == "41" else _NOW))
    return observed_function(latest, old, new, alias=alias)


def _outcome(
    name: str,
    status: ReleaseStatus = ReleaseStatus.DEPLOYED,
    *,
    error: DeployError | None = None,
    reason: str = "",
    started: float = 8.0,
    seconds: float = 19.0,
) -> Outcome:
    """Return a function that served version 41; what was released to it serves version 42."""
    is_released = status is ReleaseStatus.DEPLOYED
    before, after = _at(name, "41"), _at(name, "42" if is_released else "41")
    return Outcome(
        before=before, after=after, status=status, error=error, reason=reason, started=started, seconds=seconds
    )


def _image(
    name: str = "",
    status: ImageStatus = ImageStatus.BUILT,
    functions: tuple[str, ...] = ("orders-api",),
    *,
    seconds: float = 21.4,
) -> ImageOutcome:
    is_there = status in {ImageStatus.BUILT, ImageStatus.FOUND}
    reasons = {
        ImageStatus.FOUND: "it was built from the same inputs",
        ImageStatus.BUILT: "the repository has none of these inputs, src-4a6c0f1e…",
    }
    return ImageOutcome(
        name=name,
        functions=functions,
        status=status,
        repository_uri=f"{REGISTRY}/orders",
        reference=_NEW_IMAGE if is_there else None,
        tags=(_NOW, f"src-{'4a6c0f1e' * 8}") if is_there else (),
        commit=_NOW,
        reason=reasons.get(status, ""),
        started=2.0,
        seconds=seconds,
    )


def _phases(**seconds: float) -> list[Phase]:
    phases, at = list[Phase](), 0.0
    for title, lasted in seconds.items():
        phases.append(Phase(title=title.replace("_", " "), started=at, seconds=lasted))
        at += lasted
    return phases


def _journal(*outcomes: Outcome, images: tuple[ImageOutcome, ...] = (), **phases: float) -> Journal:
    return Journal(
        run=_RUN,
        images=images,
        outcomes=outcomes,
        phases=_phases(**(phases or {"Check": 1.1, "Image": 0.6, "Build": 21.4, "Deploy": 19.9})),
        rollback_workflows=(_ROLLBACK,),
    )


_SMOKE_TEST = DeployError(
    "The smoke test did not pass: team-39-api-prod failed with KeyError: 'ORDERS_TABLE'\nThe end of its log:\n"
    "START RequestId: 8f507c0a-5d0e-4a5e-9a4e-c1bb1c3f5f0e Version: $LATEST\n"
    "[ERROR] KeyError: 'ORDERS_TABLE'\nTraceback (most recent call last):\n"
    '  File "/var/task/app.py", line 14, in handler\n    table = os.environ["ORDERS_TABLE"]\n'
    "REPORT RequestId: 8f507c0a-5d0e-4a5e-9a4e-c1bb1c3f5f0e Duration: 3.02 ms Billed Duration: 4 ms "
    "Memory Size: 128 MB Max Memory Used: 40 MB Init Duration: 254.11 ms",
    "Fix the function, or the inputs `smoke-event` and `smoke-expect`.",
    topic="smoke-test-failed",
    cause="the smoke test of team-39-api-prod failed: KeyError: 'ORDERS_TABLE'",
).extended([f"$LATEST runs {_OLD_IMAGE} again."])

_STEPS = (TrafficStep(weight=0.1, seconds=300.0), TrafficStep(weight=0.5, seconds=600.0))
_FINE = {"orders-api-5xx": Status(value="OK"), "orders-api-latency": Status(value="OK")}
_RINGING = {
    "orders-api-5xx": Status(value="ALARM", reason="Threshold Crossed"),
    "orders-api-latency": Status(value="OK"),
}


def _deployed() -> Journal:
    outcome = replace(
        _outcome("orders-api"),
        smoke_test='answered after 0.4 s: {"ok": true}',
        traffic=_STEPS,
        alarms=_FINE,
        seconds=919.9,
    )
    return _journal(outcome, images=(_image(),), Check=1.1, Image=0.6, Build=21.4, Deploy=919.9)


def _released() -> Journal:
    return _journal(_outcome("orders-api"), images=(_image(),))


def _nothing_to_do() -> Journal:
    function = _at("orders-api", "42")
    outcome = Outcome.untouched(function, ReleaseStatus.UNCHANGED)
    return _journal(outcome, images=(_image(status=ImageStatus.FOUND),), Check=0.4, Image=0.2)


def _failed_build() -> Journal:
    error = BuildError(
        'The image could not be built: process "/bin/sh -c npm ci --omit=dev" did not complete successfully: exit '
        "code: 1\nservices/orders/Dockerfile:7: RUN npm ci --omit=dev",
        "Look at what the build printed last: the job's log has all of it.",
        cause="npm ci --omit=dev: exit code: 1",
        log="npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when your package.json and "
        "package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with `npm install` before "
        "continuing.\nnpm error\nnpm error Missing: left-pad@1.3.0 from lock file",
    )
    failed = replace(_image("orders", ImageStatus.FAILED), error=error, reference=None)
    others = tuple(_image(name, ImageStatus.WANTED, (f"{name}-api",), seconds=0) for name in ("mail", "stock"))
    reason = "the image orders failed, so nothing was changed"
    return _journal(
        _outcome("orders-api", ReleaseStatus.FAILED, seconds=0),
        *(_outcome(f"{name}-api", ReleaseStatus.SKIPPED, reason=reason, seconds=0) for name in ("mail", "stock")),
        images=(failed, *others),
        Check=1.2,
        Image=0.9,
        Build=14.2,
    )


def _one_of_sixty() -> Journal:
    culprit = "team-39-api-prod"
    names = [f"team-{number:02}-api-prod" for number in range(1, 61)]
    outcomes = []
    for place, name in enumerate(names):
        if name == culprit:
            outcomes.append(_outcome(name, ReleaseStatus.REVERTED, error=_SMOKE_TEST))
        elif place < 49:
            outcomes.append(_outcome(name, ReleaseStatus.REVERTED, error=ConsequenceError(culprit), seconds=21.0))
        else:
            reason = f"the release to {culprit} failed before this one had begun"
            outcomes.append(_outcome(name, ReleaseStatus.SKIPPED, reason=reason, seconds=0))
    images = tuple(_image(name.removesuffix("-prod"), functions=(name,), seconds=9.0) for name in names)
    return replace(_journal(*outcomes, images=images), manifest="deploy.yaml")


def _alarm() -> Journal:
    error = DeployError(
        "The CloudWatch alarm orders-api-5xx is in ALARM: Threshold Crossed: 1 datapoint [7.0 (29/11/26 01:12:00)] was "
        "greater than the threshold (1.0).",
        "Open the alarm, and the function's log of these minutes. If it rang before this release, wait until it is "
        "OK, and run this job again. To release in spite of it, leave out the input 'alarms'.",
        topic="alarm",
        cause="the alarm orders-api-5xx is in ALARM",
    ).extended(
        [
            "The alias live points to version 41 again, with all its traffic.",
            f"$LATEST runs {_OLD_IMAGE} again.",
        ]
    )
    outcome = replace(
        _outcome("orders-api", ReleaseStatus.REVERTED, error=error),
        smoke_test='answered after 0.4 s: {"ok": true}',
        traffic=(replace(_STEPS[0], seconds=184.0),),
        alarms=_RINGING,
        has_moved_alias=True,
        seconds=201.0,
    )
    return _journal(outcome, images=(_image(),), Check=1.1, Image=0.6, Build=21.4, Deploy=201.2)


def _rolled_back() -> Journal:
    outcome = Outcome(
        before=_at("orders-api", "42"),
        after=_at("orders-api", "41"),
        status=ReleaseStatus.ROLLED_BACK,
        reason="rollback",
        seconds=3.1,
    )
    return replace(_journal(outcome, Check=1.2, Roll_back=3.4), mode=Mode.ROLLBACK)


def _all_rolled_back() -> Journal:
    """All functions of a manifest."""
    outcomes = [
        Outcome(before=_at(name, "42"), after=_at(name, "41"), status=ReleaseStatus.ROLLED_BACK, seconds=3.1)
        for name in ("orders-api", "stock-api", "mail-api")
    ]
    journal = replace(_journal(*outcomes, Check=1.2, Roll_back=3.4), mode=Mode.ROLLBACK, rollback_workflows=())
    return replace(journal, manifest="deploy.yaml", manifest_inputs=frozenset({"vars"}))


def _released_again() -> Journal:
    outcome = replace(_rolled_back().outcomes[0], before=_at("orders-api", "41"), after=_at("orders-api", "42"))
    return replace(_journal(outcome, Check=1.2, Roll_back=3.4), mode=Mode.ROLLBACK)


def _plan() -> Journal:
    steps = ("code", "smoke test", "version", "alias live")
    images = (
        replace(
            _image("orders", ImageStatus.PLANNED, ("orders-api-prod",)),
            reason="the repository has none of these inputs, src-4a6c0f1e…",
        ),
        replace(
            _image("orders-worker", ImageStatus.PLANNED, ("orders-placed-prod", "orders-cancelled-prod")),
            reason="the repository has none of these inputs, src-77ab0c11…",
        ),
        *(
            _image(f"team-{number}", ImageStatus.FOUND, (f"team-{number}-a-prod", f"team-{number}-b-prod"))
            for number in range(1, 5)
        ),
        _image("mail", ImageStatus.FOUND, ("mail-prod",)),
        _image("base", ImageStatus.FOUND, ()),
    )
    planned = ("orders-api-prod", "orders-placed-prod", "orders-cancelled-prod")
    same = [f"team-{number}-{letter}-prod" for number in range(1, 5) for letter in "ab"] + ["mail-prod"]
    outcomes = [
        *(
            replace(_outcome(name, ReleaseStatus.PLANNED, reason="its image is built anew", seconds=0), follows=steps)
            for name in planned
        ),
        *(_outcome(name, ReleaseStatus.UNCHANGED, seconds=0) for name in same),
    ]
    return replace(_journal(*outcomes, images=images, Check=1.2, Image=2.1), mode=Mode.PLAN, manifest="deploy.yaml")


def _cancelled() -> Journal:
    error = CancelledError().extended(["The alias live points to version 41 again, with all its traffic."])
    outcome = replace(
        _outcome("orders-api", ReleaseStatus.REVERTED, error=error),
        traffic=(replace(_STEPS[0], seconds=41),),
        has_moved_alias=True,
    )
    return replace(_journal(outcome, images=(_image(),)), error=CancelledError())


def _stale() -> Journal:
    before = _at("orders-api", "42")
    alias = alias_state("42", description="run=12345678999/1 repository=acme/shop workflow=deploy.yml")
    outcome = Outcome.untouched(replace(before, alias=alias), ReleaseStatus.SKIPPED)
    older = replace(_image(status=ImageStatus.FOUND), commit=_BEFORE)
    return _journal(outcome, images=(older,), Check=1.0, Image=0.7)


def _three_hundred() -> Journal:
    names = [f"team-{number:03}-api-prod" for number in range(300)]
    outcomes = [
        _outcome(
            name, ReleaseStatus.UNCHANGED if number % 10 == 0 else ReleaseStatus.DEPLOYED, seconds=12.0 + number / 10
        )
        for number, name in enumerate(names)
    ]
    images = tuple(
        _image(
            f"team-{start // 10:02}",
            ImageStatus.FOUND if start % 50 else ImageStatus.BUILT,
            tuple(names[start : start + 10]),
        )
        for start in range(0, 300, 10)
    )
    return replace(
        _journal(*outcomes, images=images, Check=3.2, Image=4.4, Build=61.0, Deploy=57.1), manifest="deploy.yaml"
    )


def _denied() -> Journal:
    def denied(name: str) -> DeployError:
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
        return DeployError(
            f"lambda:UpdateFunctionCode on {name} failed: AccessDeniedException: User: "
            "arn:aws:sts::123456789012:assumed-role/deploy/ecr-lambda-deploy is not authorized to perform: "
            f"lambda:UpdateFunctionCode on resource: {arn} because no identity-based policy allows the "
            "lambda:UpdateFunctionCode action",
            "Allow it in a policy of the role deploy:\n"
            f'{{"Effect": "Allow", "Action": "lambda:UpdateFunctionCode", "Resource": "{arn}"}}',
            topic="access-denied",
            cause=f"lambda:UpdateFunctionCode on {name} is denied",
        )

    names = [f"team-{number:02}-api-prod" for number in range(1, 61)]
    outcomes = [_outcome(name, ReleaseStatus.FAILED, error=denied(name), seconds=1.2) for name in names]
    images = (_image("team", functions=tuple(names)),)
    return replace(_journal(*outcomes, images=images), manifest="deploy.yaml")


def _stuck() -> Journal:
    error = DeployError(
        "The smoke test did not pass: the response is not JSON: <html>",
        "Fix the function, or the inputs 'smoke-event' and 'smoke-expect'.",
        topic="smoke-test-failed",
        cause="the smoke test of orders-api failed: its response is not JSON",
    ).extended(["Reverting it failed too: lambda:UpdateFunctionCode on orders-api failed: AccessDeniedException"])
    outcome = _outcome("orders-api", ReleaseStatus.FAILED, error=error)
    latest = function_state(name="orders-api", image=_NEW_IMAGE)
    command = (
        "aws lambda update-function-code --region eu-west-1 --function-name orders-api --architectures x86_64 "
        f"--image-uri {_OLD_IMAGE}"
    )
    stuck = replace(outcome, after=_at("orders-api", "41", latest=latest), recovery=(command,))
    return _journal(stuck, images=(_image(),))


EXAMPLES: Mapping[str, Journal] = MappingProxyType(
    {
        "released": _released(),
        "canary": _deployed(),
        "nothing-to-do": _nothing_to_do(),
        "failed-build": _failed_build(),
        "one-of-sixty": _one_of_sixty(),
        "denied": _denied(),
        "alarm": _alarm(),
        "stuck": _stuck(),
        "rolled-back": _rolled_back(),
        "all-rolled-back": _all_rolled_back(),
        "released-again": _released_again(),
        "plan": _plan(),
        "cancelled": _cancelled(),
        "stale": _stale(),
        "three-hundred": _three_hundred(),
    }
)
"""Runs by the name of their page."""
