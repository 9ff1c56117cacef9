"""Pure: what the steps of a plan do, in the few words that a reader of the plan needs."""

from collections.abc import Mapping

from ecr_lambda_deploy.model.functions import LATEST_PUBLISHED
from ecr_lambda_deploy.model.targets import TrafficStep
from ecr_lambda_deploy.releases.plan import (
    CreateFunction,
    InvokeSmokeTest,
    PointAlias,
    PublishLatest,
    PublishVersion,
    ReleasePlan,
    ShiftTraffic,
    Step,
    UpdateCode,
    WaitUntilUpdated,
    WatchTraffic,
)

_WORDS: Mapping[type[Step], str] = {
    WaitUntilUpdated: "wait for another change",
    CreateFunction: "create",
    UpdateCode: "code",
    InvokeSmokeTest: "smoke test",
    PublishVersion: "version",
    PublishLatest: LATEST_PUBLISHED,
}


def in_few_words(plan: ReleasePlan) -> tuple[str, ...]:
    """Return what each step does, in order."""
    return tuple(_step(step, plan.target.alias) for step in plan.steps)


def _step(step: Step, alias: str) -> str:
    match step:
        case ShiftTraffic():
            return ", ".join(map(_share, step.steps))
        case WatchTraffic():
            return f"watch {_time(step.share)}"
        case PointAlias():
            return f"alias {alias}"
        case _:
            return _WORDS[type(step)]


def _share(share: TrafficStep) -> str:
    return f"{share.weight * 100:g} % for {_time(share)}"


def _time(share: TrafficStep) -> str:
    minutes, seconds = divmod(share.seconds, 60)
    return " ".join(filter(None, [f"{minutes:.0f} min" if minutes else "", f"{seconds:.0f} s" if seconds else ""]))
