"""How to undo the releases of a run: steps with this action, and commands of the AWS CLI."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecr_lambda_deploy.model.functions import AliasState, ObservedFunction, ServingFunction, is_number
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.plan import PointAlias, PublishLatest, UpdateCode
from ecr_lambda_deploy.report.markdown import code_block, shell_block

_MOST_UNDONE = 1_000  # functions in the steps
_PLAIN = re.compile(r"[\w./-]+")  # needs no quotes in YAML


def undo(journal: Journal) -> list[str]:
    """Return paragraphs of Markdown: steps with this action, then commands of the AWS CLI; none if nothing changed."""
    outcomes = [outcome for outcome in journal.outcomes if _can_go_back(outcome)]
    # A rollback with the manifest undoes its last deployment. After a rollback it would go further back, not forward.
    by_manifest = {ReleaseStatus.DEPLOYED} if journal.manifest else set()
    of_manifest = [outcome for outcome in outcomes if outcome.status in by_manifest]
    single = [outcome for outcome in outcomes if outcome.status not in by_manifest]
    parts = []
    if of_manifest:
        path = journal.manifest if _PLAIN.fullmatch(journal.manifest) else json.dumps(journal.manifest)
        number = journal.run.run_id
        note = f"  # rolls back run {number}, unless another run has released since" if number else ""
        lines = [f"- uses: {journal.run.action}", f"  with: {{ mode: rollback, manifest: {path} }}{note}"]
        parts += ["**To undo** the releases of this run, add a step with the same Region, role and `vars`:"]
        parts += [code_block("yaml", lines)]
    if single:
        goals = _goals(single[:_MOST_UNDONE]).items()
        steps = [line for goal, names in goals for line in _step(journal.run.action, goal, names)]
        parts += ["**To undo**, add a step with the same Region and role:", code_block("yaml", steps)]
    if len(single) > _MOST_UNDONE:
        parts.append(f"and {len(single) - _MOST_UNDONE} more functions")
    commands = [line for outcome in outcomes for line in _undo_commands(outcome)]
    return [*parts, "or, in a terminal:", shell_block(commands)] if commands else parts


def _can_go_back(outcome: Outcome) -> bool:
    before, after = outcome.before, outcome.after
    is_same = (before.version, before.image) == (after.version, after.image)
    return not is_same and before.image is not None and before.serving is not None


def _goals(outcomes: Sequence[Outcome]) -> Mapping[tuple[str, str], Sequence[str]]:
    """Return the functions of each step, by the alias and the input `rollback-to`.

    One function goes back to its version. Several share no version: they go back to `previous`, the default, if their
    new version records it, or else to an image.
    """
    goals: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        before, after = outcome.before, outcome.after
        to = before.image.digest if before.image else ""
        if len(outcomes) == 1:
            to = f'"{before.version}"' if before.version else to
        elif outcome.status is ReleaseStatus.DEPLOYED and before.version and not _has_version(before, after.version):
            to = ""
        goals.setdefault((after.alias.name if after.alias else "", to), []).append(outcome.function)
    return goals


def _has_version(before: ServingFunction, number: str) -> bool:
    return isinstance(before, ObservedFunction) and before.version_numbered(number) is not None


def _step(action: str, goal: tuple[str, str], names: Sequence[str]) -> list[str]:
    alias, to = goal
    if len(names) == 1:
        inputs = {"mode": "rollback", "function-name": names[0], "alias": alias, "rollback-to": to}
        step = ", ".join(f"{name}: {value}" for name, value in inputs.items() if value)
        return [f"- uses: {action}", f"  with: {{ {step} }}"]
    given = {"mode": "rollback", "alias": alias, "rollback-to": to}
    lines = [f"    {name}: {value}" for name, value in given.items() if value]
    return [f"- uses: {action}", "  with:", *lines, "    function-name: |", *(f"      {name}" for name in names)]


def _undo_commands(outcome: Outcome) -> list[str]:
    before, after = outcome.before, outcome.after
    back: list[PointAlias | UpdateCode | PublishLatest] = []
    if before.image is None or before.serving is None:
        return []
    if not is_number(before.serving.version) and (after.alias is None or before.alias is not None):
        back.append(UpdateCode(image=before.image, architecture=before.serving.architecture))
    if before.latest_published is not None:
        back.append(PublishLatest(description=""))
    if after.alias is not None and (before.alias is not None or before.version):
        number = before.alias.version if before.alias else before.version
        record = before.alias.description if isinstance(before.alias, AliasState) else ""
        back.append(PointAlias(version=replace(before.serving, version=number), description=record))
    return [command(step, after) for step in back]
