import json
import re
from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, Phase, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.outputs import OUTPUTS, outputs
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import ARN, NEW, OLD, REGISTRY, RUN, function_state, observed_function, version_state

_BEFORE = observed_function(None, version_state("7"))
_AFTER = observed_function(function_state(image=NEW), version_state("7"), version_state("8", NEW))
_UNPUBLISHED_AFTER = observed_function(function_state(image=NEW), version_state("7"))


def _outcome(
    status: ReleaseStatus,
    *,
    before: ObservedFunction = _BEFORE,
    after: ObservedFunction = _AFTER,
    error: DeployError | None = None,
    recovery: tuple[str, ...] = (),
) -> Outcome:
    return Outcome(before=before, after=after, status=status, seconds=1.23456, error=error, recovery=recovery)


_DEPLOYED = _outcome(ReleaseStatus.DEPLOYED)
_UNCHANGED = _outcome(ReleaseStatus.UNCHANGED, after=_BEFORE)
_UNTOUCHED = _outcome(ReleaseStatus.FAILED, after=_BEFORE)
_REFUSED = replace(_UNTOUCHED, error=DeployError("refused", "allow it"))
_UNPUBLISHED = _outcome(ReleaseStatus.FAILED, after=_UNPUBLISHED_AFTER, error=DeployError("no version"))


def _journal(
    *outcomes: Outcome,
    reference: ImageReference | None = NEW,
    tags: tuple[str, ...] = ("v1", "src-1"),
    error: DeployError | None = None,
    mode: Mode = Mode.DEPLOY,
    run: WorkflowRun = RUN,
    status: ImageStatus = ImageStatus.BUILT,
) -> Journal:
    return Journal(
        run=run,
        mode=mode,
        images=(
            ImageOutcome(
                name="",
                functions=("orders-api",),
                status=status,
                repository_uri=f"{REGISTRY}/orders",
                reference=reference,
                tags=tags,
                commit=run.commit,
            ),
        ),
        outcomes=outcomes,
        phases=[
            Phase(title="Check", started=0, seconds=0.44),
            Phase(title="Build and push", started=0.44, seconds=12.0),
        ],
        error=error,
    )


_SITUATIONS = {
    "wrong inputs": Journal(run=WorkflowRun(), error=DeployError("'mode' is one of …")),
    "checks failed": _journal(reference=None, tags=(), error=DeployError("no repository")),
    "build failed": _journal(_UNTOUCHED, reference=None, tags=(), error=DeployError("no image")),
    "built": _journal(mode=Mode.BUILD),
    "deployed": _journal(_DEPLOYED),
    "unchanged": _journal(_UNCHANGED, status=ImageStatus.FOUND),
    "refused": _journal(_REFUSED),
    "not published": _journal(_UNPUBLISHED),
    "first image": _journal(_outcome(ReleaseStatus.DEPLOYED, before=observed_function(function_state(image=None)))),
}


@pytest.mark.parametrize("situation", _SITUATIONS)
def test_every_output_is_set_in_every_situation(situation: str) -> None:
    written = outputs(_SITUATIONS[situation])

    assert tuple(written) == OUTPUTS
    assert written["changed"] in {"true", "false"}
    assert isinstance(json.loads(written["results"]), list)


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        ("wrong inputs", {"changed": "false", "results": "[]"}),
        ("checks failed", {"repository-uri": f"{REGISTRY}/orders", "changed": "false", "results": "[]"}),
        (
            "built",
            {
                "image-uri": str(NEW),
                "image-digest": NEW.digest,
                "image-tags": "v1\nsrc-1",
                "repository-uri": f"{REGISTRY}/orders",
                "changed": "false",
                "results": "[]",
            },
        ),
        (
            "deployed",
            {
                "image-uri": str(NEW),
                "image-digest": NEW.digest,
                "image-tags": "v1\nsrc-1",
                "repository-uri": f"{REGISTRY}/orders",
                "function-arn": f"{ARN}:8",
                "function-version": "8",
                "previous-image-uri": str(OLD),
                "previous-version": "7",
                "changed": "true",
            },
        ),
        (
            "not published",
            {
                "image-uri": str(NEW),
                "image-digest": NEW.digest,
                "image-tags": "v1\nsrc-1",
                "repository-uri": f"{REGISTRY}/orders",
                "function-arn": ARN,
                "previous-image-uri": str(OLD),
                "previous-version": "7",
                "changed": "true",
            },
        ),
        (
            "build failed",  # what serves is the image of before
            {
                "image-uri": str(OLD),
                "image-digest": OLD.digest,
                "repository-uri": f"{REGISTRY}/orders",
                "function-arn": f"{ARN}:7",
                "function-version": "7",
                "previous-image-uri": str(OLD),
                "previous-version": "7",
                "changed": "false",
            },
        ),
    ],
)
def test_the_outputs_show_the_image_and_version_that_serve(situation: str, expected: dict[str, str]) -> None:
    written = {name: value for name, value in outputs(_SITUATIONS[situation]).items() if value and name != "summary"}
    if "results" not in expected:
        del written["results"]

    assert written == expected


def test_results_is_one_object_for_each_function() -> None:
    (result,) = json.loads(outputs(_journal(_DEPLOYED))["results"])

    assert result == {
        "function": "orders-api",
        "arn": f"{ARN}:8",
        "version": "8",
        "image_uri": str(NEW),
        "previous_version": "7",
        "previous_image_uri": str(OLD),
        "status": "deployed",
        "seconds": 1.235,
        "error": "",
    }


def test_a_failed_result_says_why() -> None:
    (result,) = json.loads(outputs(_journal(_REFUSED))["results"])

    assert (result["status"], result["error"]) == ("failed", "refused\nallow it")


def test_a_failed_result_without_an_error_has_that_of_the_run() -> None:
    (result,) = json.loads(outputs(_SITUATIONS["build failed"])["results"])

    assert (result["status"], result["error"]) == ("failed", "no image")


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        ("wrong inputs", "Not released: 'mode' is one of …"),
        ("build failed", "Not released: no image"),
        ("built", "Built orders@sha256:bbbbbbbbbbbb, in 12 s"),
        ("deployed", "orders-api serves c0ffee0, version 8, in 12 s"),
        ("unchanged", "Nothing to do: orders-api serves sha256:aaaaaaaaaaaa already, version 7"),
        ("refused", "Not released: orders-api: refused"),
        ("not published", "Release failed: orders-api: no version"),
        ("first image", "orders-api serves c0ffee0, version 8, in 12 s"),
    ],
)
def test_headline(situation: str, expected: str) -> None:
    assert headline(_SITUATIONS[situation]) == expected


@pytest.mark.parametrize("situation", _SITUATIONS)
def test_the_summary_begins_with_the_headline_and_has_the_errors(situation: str) -> None:
    journal = _SITUATIONS[situation]
    text = summary(journal)

    assert re.match(r"### (✅|❌) (.+)\n", text)
    assert re.sub(r"[`\\]", "", text.splitlines()[0]).endswith(headline(journal))
    assert text.count("[!CAUTION]") == len(journal.errors)
    assert all(error.message in text for error in journal.errors)


def test_the_summary_of_a_deploy() -> None:
    text = summary(_journal(_DEPLOYED))

    assert "| Version | 7 | **8** |" in text
    assert f"| Commit |  | [`c0ffee0`](https://github.com/acme/shop/commit/{RUN.commit}) |" in text
    assert "| Image | `sha256:aaaaaaaaaaaa` | `sha256:bbbbbbbbbbbb` |" in text
    shown, _, folded = text.partition("<details><summary>image and tags · steps and times · undo by hand</summary>")
    assert NEW.digest not in shown
    assert f"| Image | `{NEW}` |\n| Tags | `v1`<br>`src-1` |\n| Status | built |" in folded
    assert "| Check | 0.4 s |\n| Build and push | 12 s |" in folded


def test_the_summary_ends_with_a_step_and_a_command_to_undo_the_release() -> None:
    text = summary(_journal(_DEPLOYED))

    assert (
        "**Undo:** in a workflow that is started by hand, add a step with the same Region and role\n\n"
        "```yaml\n- uses: org/ecr-lambda-deploy@v1\n"
        '  with: { mode: rollback, function-name: orders-api, rollback-to: "7" }\n```\n\n<details>'
    ) in text
    assert text.endswith(
        "With the AWS CLI:\n\n```sh\naws lambda update-function-code --region eu-west-1 --function-name orders-api "
        f"--architectures x86_64 --image-uri {OLD}\n```\n\n</details>\n"
    )


@pytest.mark.parametrize("situation", ["wrong inputs", "build failed", "built", "unchanged", "refused", "first image"])
def test_without_a_change_there_is_nothing_to_undo(situation: str) -> None:
    assert "ndo" not in summary(_SITUATIONS[situation])


@pytest.mark.parametrize("known", [{}, {"server_url": "https://github.com"}, {"repository": "acme/shop"}])
def test_a_commit_outside_github_has_no_link(known: dict[str, str]) -> None:
    text = summary(_journal(_DEPLOYED, run=WorkflowRun(commit=RUN.commit, **known)))

    assert "| Commit |  | `c0ffee0` |" in text
    assert "\n\n`c0ffee0` · 123456789012 eu-west-1 · [Function](" in text


def test_without_an_image_the_summary_names_the_repository() -> None:
    assert f"| Repository | `{REGISTRY}/orders` |" in summary(_SITUATIONS["checks failed"])
    assert "<details>" not in summary(_SITUATIONS["wrong inputs"])


_ODD_TEXTS = [
    "`x` | y",
    "<!-- hidden",
    "</blockquote><img src=x>",
    "lambda:Get* and lambda:Put*",
    "__init__.py",
    "line one\n\n# a heading\n\n| a | table |\n```\nfence",
    "[link](https://example.com)",
    "````\nlonger fence",
]


@pytest.mark.parametrize("text", _ODD_TEXTS)
def test_an_error_is_shown_verbatim(text: str) -> None:
    journal = _journal(reference=None, error=DeployError(text))
    (block,) = re.findall(r"^> \[!CAUTION\]\n((?:>.*\n)+)", summary(journal), re.MULTILINE)
    lines = [line.removeprefix(">").removeprefix(" ") for line in block.splitlines()]
    fences = [number for number, line in enumerate(lines) if re.fullmatch(r"`{3,}\w*", line)]

    assert fences, "the words are not in a code block, so GitHub's Markdown changes them"
    longest = lines[fences[0]].rstrip("abcdefghijklmnopqrstuvwxyz")
    shown = lines[fences[0] + 1 : lines.index(longest, fences[0] + 1)]
    assert "\n".join(shown) == text
