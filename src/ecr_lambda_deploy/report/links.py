"""Addresses: of the AWS console, in each partition, and of GitHub's pages."""

import json
from urllib.parse import quote

from ecr_lambda_deploy.functions.history import run_named
from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.model.run import WorkflowRun, is_commit
from ecr_lambda_deploy.report.markdown import code, escaped

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def _console(function: ServingFunction, service: str) -> str:
    """Return a page of the console in the function's Region; empty if its ARN is not known."""
    if function.latest is None:
        return ""
    _, partition, _, region, *_ = f"{function.latest.arn}::::".split(":")
    host = _CONSOLES.get(partition, _CONSOLES["aws"])
    # The console is in each Region; in China and GovCloud that is part of the host's name too.
    return f"https://{quote(region)}.{host}/{service}/home?region={quote(region)}"


def function_page(function: ServingFunction) -> str:
    """Return the function's page in the console; empty if its ARN is not known."""
    page = _console(function, "lambda")
    return f"{page}#/functions/{quote(function.name)}" if page else ""


def logs_page(function: ServingFunction) -> str:
    """Return the page of the function's log group, as it is configured; empty if its ARN is not known."""
    page, serving = _console(function, "cloudwatch"), function.serving
    group = _text(serving.settings.get("LoggingConfig.LogGroup", "") if serving else "")
    # The console wants it encoded twice, with a dollar for the second percent sign.
    encoded = quote(quote(group or f"/aws/lambda/{function.name}", safe=""), safe="").replace("%", "$")
    return f"{page}#logsV2:log-groups/log-group/{encoded}" if page else ""


def alarm_page(function: ServingFunction, alarm: str) -> str:
    """Return the page of a CloudWatch alarm in the function's Region; empty if its ARN is not known."""
    page = _console(function, "cloudwatch")
    return f"{page}#alarmsV2:alarm/{quote(alarm, safe='')}" if page else ""


def _text(setting: str) -> str:
    try:
        value = json.loads(setting) if setting else ""
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _repository(run: WorkflowRun) -> str:
    return f"{run.server_url}/{quote(run.repository)}" if run.server_url and run.repository else ""


def linked(text: str, address: str) -> str:
    """Return Markdown as a link; without an address as it is."""
    return f"[{text}]({address})" if address else text


def commit_link(run: WorkflowRun, commit: str) -> str:
    """Return a commit's first digits, with a link where it is one of GitHub's; empty for none."""
    if not commit:
        return ""
    page = _repository(run)
    return linked(code(commit[:7]), f"{page}/commit/{commit}" if page and is_commit(commit) else "")


def comparison(run: WorkflowRun, before: str, after: str) -> str:
    """Return a link to what two commits differ in; to the later one alone if the earlier is not known."""
    page = comparison_page(run, before, after)
    return linked(f"{code(before[:7])} → {code(after[:7])}", page) if page else commit_link(run, after)


def comparison_page(run: WorkflowRun, before: str, after: str) -> str:
    """Return the page of what two commits differ in; empty if they are the same, or not both known."""
    page = _repository(run)
    is_known = page and is_commit(before) and is_commit(after) and before != after
    return f"{page}/compare/{before}...{after}" if is_known else ""


def run_link(run: WorkflowRun, number: str) -> str:
    """Return a link to another run of the repository."""
    page = _repository(run)
    return linked(escaped(run_named(number)), f"{page}/actions/runs/{number}" if page and number.isdigit() else "")


def workflow_page(run: WorkflowRun, file: str) -> str:
    """Return the page from which a workflow is run; empty outside GitHub."""
    page = _repository(run)
    return f"{page}/actions/workflows/{quote(file, safe='')}" if page else ""
