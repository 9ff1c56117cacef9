"""Log alarms of Amazon CloudWatch, a kind that ministack does not have; in the JSON protocol, which boto3 speaks."""

from aiohttp import web

from sandbox.aws.rule import Request, Rule


async def _describe_alarms(request: Request) -> web.Response | None:
    asked = request.operation.parameters
    if "LogAlarm" not in asked.get("AlarmTypes", []):
        return None
    answer = await request.forward()
    found = [
        {"AlarmName": name, "StateValue": state}
        for (scope, name), state in request.state.log_alarms.items()
        if scope == request.scope and name in asked.get("AlarmNames", [name])
    ]
    return answer.response(answer.json() | {"LogAlarms": found} if answer.ok else None)


_SOURCE = "Amazon CloudWatch API Reference, DescribeAlarms, LogAlarms"

RULES = (Rule(("monitoring:DescribeAlarms",), _describe_alarms, _SOURCE),)
