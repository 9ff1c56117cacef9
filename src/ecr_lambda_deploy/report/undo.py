"""How to undo the releases of a run: the repository's own workflow, steps with this action, the AWS CLI's commands."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from shlex import quote

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.functions import AliasState, ObservedFunction, ServingFunction, is_number, name_of
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import RollbackWorkflow
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.plan import PointAlias, PublishLatest, UpdateCode
from ecr_lambda_deploy.report.links import linked, workflow_page
from ecr_lambda_deploy.report.markdown import code, code_block, shell_block
from ecr_lambda_deploy.report.results import is_forward, revision_of

_MOST_UNDONE = 1_000  # functions in the steps
_ADD_STEP = "in a workflow that is started by hand, add a step"
_MOST_LINES = 8  # of a step that is shown without being unfolded
_EXPRESSION = re.compile(r"\$\{\{\s*(?:github\.event\.)?inputs\.(?P<input>[\w-]+)\s*\}\}")
_PLAIN = re.compile(r"[\w./-]+")  # needs no quotes in YAML


def undo(journal: Journal) -> tuple[list[str], list[str]]:
    """Return how to undo the run, as paragraphs of Markdown; none if nothing changed.

    Returns:
        what is shown: the repository's own rollback workflow, or else a step with this action; and what is folded:
        the step, where it is not shown, and commands of the AWS CLI.
    """
    outcomes = [outcome for outcome in journal.outcomes if _can_go_back(outcome)]
    commands = [line for outcome in outcomes for line in _undo_commands(outcome)]
    by_hand = ["With the AWS CLI:", shell_block(commands)] if commands else []
    step = _steps(outcomes, journal)
    ways = (way for workflow in journal.rollback_workflows if (way := _by_workflow(workflow, outcomes, journal)))
    if way := next(ways, ""):
        return [way], [*step, *by_hand]
    if sum(part.count("\n") for part in step) > _MOST_LINES:
        return [f"{_title(outcomes, journal)} the step and the commands for it are folded below."], [*step, *by_hand]
    return step, by_hand


def goals(journal: Journal) -> Mapping[tuple[str, str], Sequence[str]]:
    """Return the functions that can go back, by the alias and the input `rollback-to` that take them there."""
    return _goals([outcome for outcome in journal.outcomes if _can_go_back(outcome)])


def _steps(outcomes: Sequence[Outcome], journal: Journal) -> list[str]:
    """Return the step that undoes releases, with the words that introduce it."""
    # A rollback with the manifest undoes its last deployment. After a rollback it would go further back, not forward.
    by_manifest = {ReleaseStatus.DEPLOYED} if journal.manifest else set()
    of_manifest = [outcome for outcome in outcomes if outcome.status in by_manifest]
    single = [outcome for outcome in outcomes if outcome.status not in by_manifest]
    parts = []
    if of_manifest:
        number = journal.run.run_id
        note = [f"# rolls back run {number}, unless another run has released since"] if number else []
        parts += _step_of_manifest("**Undo** the releases of this run:", journal, note=note)
    title = _title(single, journal)
    if commit := _common_commit(journal):
        parts += _step_of_manifest(title, journal, commit=commit)
    elif single:
        goals = _goals(single[:_MOST_UNDONE]).items()
        steps = [line for goal, names in goals for line in _step(journal.run.action, goal, names)]
        parts += [f"{title} {_ADD_STEP} with the same Region and role", code_block("yaml", steps)]
        if len(single) > _MOST_UNDONE:
            parts.append(f"and {len(single) - _MOST_UNDONE} more functions")
    return parts


def _step_of_manifest(title: str, journal: Journal, *, note: Sequence[str] = (), commit: str = "") -> list[str]:
    path = journal.manifest if _PLAIN.fullmatch(journal.manifest) else json.dumps(journal.manifest)
    to = f', rollback-to: "{commit}"' if commit else ""  # in quotes: YAML takes some for numbers
    lines = [*note, f"- uses: {journal.run.action}", f"  with: {{ mode: rollback, manifest: {path}{to} }}"]
    same = "Region, role and `vars`" if "vars" in journal.manifest_inputs else "Region and role"
    return [f"{title} {_ADD_STEP} after `actions/checkout`, with the same {same}", code_block("yaml", lines)]


def _common_commit(journal: Journal) -> str:
    """Return the commit to which a rollback with the manifest leads from here; empty where it may lead elsewhere.

    Such a rollback takes all functions of the manifest to the commit. So each must have been rolled back now, and have
    exactly one version of the commit: the one that it served. Functions that `only` has left out would go there too.
    """
    commits = {revision_of(outcome.before) for outcome in journal.outcomes}
    commit = commits.pop() if len(commits) == 1 else ""
    is_sure = journal.manifest and commit and "only" not in journal.manifest_inputs
    return commit if is_sure and all(_is_only_at(commit, outcome) for outcome in journal.outcomes) else ""


def _is_only_at(commit: str, outcome: Outcome) -> bool:
    """Whether what was rolled back had one version of a commit, which served, and serves another commit now."""
    before = outcome.before
    versions = before.versions if isinstance(before, ObservedFunction) else ()
    of_commit = [one.number for one in versions if Record.parse(one.description).commit == commit]
    is_back = outcome.status is ReleaseStatus.ROLLED_BACK and revision_of(outcome.after) != commit
    return is_back and of_commit == [before.version]


def _by_workflow(workflow: RollbackWorkflow, outcomes: Sequence[Outcome], journal: Journal) -> str:
    """Return how to undo releases with a workflow of the repository; empty if it does not undo just these."""
    values = _values_for(workflow, outcomes, journal)
    if values is None or not outcomes:
        return ""
    missing = {name: name.upper() for name in workflow.required if name not in values}
    arguments = [f"-f {quote(f'{name}={value}')}" for name, value in {**values, **missing}.items()]
    repository = ["--repo", quote(journal.run.repository)] if journal.run.repository else []
    command = " ".join(["gh workflow run", quote(workflow.file), *repository, *arguments])
    by_hand = linked(f"Run {code(workflow.file)}", workflow_page(journal.run, workflow.file))
    return f"{_title(outcomes, journal)} {by_hand} or {code(command)}"


def _title(outcomes: Sequence[Outcome], journal: Journal) -> str:
    """Return what undoing is called; after a rollback it releases again what somebody wanted gone."""
    is_back = all(one.status is ReleaseStatus.ROLLED_BACK and not is_forward(one, journal.run) for one in outcomes)
    return "**To release again what was rolled back:**" if is_back else "**Undo:**"


def _values_for(workflow: RollbackWorkflow, outcomes: Sequence[Outcome], journal: Journal) -> Mapping[str, str] | None:
    """Return the values of a workflow's own inputs, as far as they can be told; None if it is for something else."""
    is_of_manifest = bool(journal.manifest) and all(one.status is ReleaseStatus.DEPLOYED for one in outcomes)
    commit = _common_commit(journal)
    single = outcomes[0] if len(outcomes) == 1 else None
    version = single.before.version if single and not is_of_manifest else ""
    wanted = {
        "manifest": journal.manifest if is_of_manifest or commit else "",
        "function-name": single.function if single else "",
        "rollback-to": commit if commit and "manifest" in workflow.given else version,
        "alias": single.after.alias.name if single and single.after.alias else "",
    }
    values: dict[str, str] = {}
    told = set[str]()
    for name, given in workflow.given.items():
        own, known = _EXPRESSION.fullmatch(given.strip()), wanted.get(name, "")
        if own and known and own["input"] in workflow.inputs:
            values[own["input"]] = known
            told.add(name)
        elif own and name == "function-name":
            return None  # it takes one, and there are several
        elif not own and not _is_for(name, given, outcomes, wanted):
            return None
    if "rollback-to" not in told and any(one.status is ReleaseStatus.ROLLED_BACK for one in outcomes):
        return None  # to what was previous it would go further back
    names_them = "function-name" in workflow.given or (wanted["manifest"] != "" and "manifest" in workflow.given)
    return values if names_them else None


def _is_for(name: str, given: str, outcomes: Sequence[Outcome], wanted: Mapping[str, str]) -> bool:
    """Whether what a workflow gives an input is what undoes these releases; other inputs do not matter."""
    match name:
        case "function-name":
            return {outcome.function for outcome in outcomes} == set(map(name_of, given.split()))
        case "manifest":
            return given.strip().removeprefix("./") == wanted["manifest"].removeprefix("./")
        case "rollback-to":
            return given.strip() == "previous"
        case "alias":
            return {outcome.after.alias.name if outcome.after.alias else "" for outcome in outcomes} == {given.strip()}
        case _:
            return True


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
