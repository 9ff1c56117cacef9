# What a repository needs to deploy from GitHub: see docs/start/aws-set-up.md. The policies are made of the product's own
# table of permissions, by setup/generate.py.

terraform {
  required_version = ">= 1.9" # a validation names another variable
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.8" } # the exclusion filter of a repository
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  admitted = var.environment == null ? "ref:refs/heads/${var.branch}" : "environment:${var.environment}"
  subject  = coalesce(var.subject, "repo:${var.github_owner}/${var.github_repository}:${local.admitted}")

  policies = jsondecode(templatefile("${path.module}/policies.json.tftpl", {
    partition        = data.aws_partition.current.partition
    region           = data.aws_region.current.region
    account          = data.aws_caller_identity.current.account_id
    function_names   = var.function_names
    repository_names = var.repository_names
    execution_role   = coalesce(var.new_execution_role, "none")
    ssm_parameters   = coalesce(var.ssm_parameters, "none")
  }))
  wanted = {
    Deploy           = true
    Alias            = var.alias
    SmokeTest        = var.smoke_test
    Traffic          = var.traffic
    CreateFunction   = var.create_function
    CreateRepository = var.create_repository
    SsmParameters    = var.ssm_parameters != null
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_provider_arn == null ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [coalesce(var.oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn))]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [local.subject]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name               = var.role_name
  description        = "For the jobs of a GitHub repository that deploy with ecr-lambda-deploy"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "deploy" {
  for_each = { for name, policy in local.policies : name => policy if local.wanted[name] }
  name     = each.key
  role     = aws_iam_role.deploy.id
  policy   = jsonencode(each.value)
}

resource "aws_iam_role" "execution" {
  count = var.new_execution_role == null ? 0 : 1
  name  = var.new_execution_role
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "execution" {
  count      = var.new_execution_role == null ? 0 : 1
  role       = one(aws_iam_role.execution[*].name)
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_ecr_repository" "images" {
  count                = var.new_repository == null ? 0 : 1
  name                 = var.new_repository
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"
  image_tag_mutability_exclusion_filter {
    filter_type = "WILDCARD"
    filter      = "cache-*"
  }
  image_scanning_configuration { scan_on_push = true }
}

resource "aws_ecr_lifecycle_policy" "images" {
  count      = var.new_repository == null ? 0 : 1
  repository = one(aws_ecr_repository.images[*].name)
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Remove images without a tag 14 days after their push"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_policy" "images" {
  count      = var.new_repository == null ? 0 : 1
  repository = one(aws_ecr_repository.images[*].name)
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaECRImageRetrievalPolicy"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Condition = { StringLike = { "aws:sourceArn" = join(":", [
        "arn", data.aws_partition.current.partition, "lambda", data.aws_region.current.region,
        data.aws_caller_identity.current.account_id, "function", "*",
      ]) } }
    }]
  })
}
