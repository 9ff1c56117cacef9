"""Which operations of AWS this action calls. The image has botocore's models of these alone: others are no methods."""

OPERATIONS = {
    "cloudwatch": ("DescribeAlarms", "GetMetricData"),
    "ecr": (
        "BatchGetImage",
        "CreateRepository",
        "DescribeImages",
        "DescribeRepositories",
        "GetAuthorizationToken",
        "GetDownloadUrlForLayer",
        "GetLifecyclePolicy",
        "GetRepositoryPolicy",
        "ListImages",
        "PutImage",
        "PutLifecyclePolicy",
        "SetRepositoryPolicy",
    ),
    "lambda": (
        "CreateAlias",
        "CreateFunction",
        "GetAlias",
        "GetFunction",
        "GetFunctionUrlConfig",
        "GetPolicy",
        "GetProvisionedConcurrencyConfig",
        "Invoke",
        "ListEventSourceMappings",
        "ListVersionsByFunction",
        "PublishVersion",
        "UpdateAlias",
        "UpdateFunctionCode",
    ),
    "ssm": ("GetParameter", "PutParameter"),
    "sts": ("AssumeRole", "AssumeRoleWithWebIdentity"),
}
"""By service, as botocore calls it."""
