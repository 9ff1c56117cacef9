# `terraform init && terraform test`, in the folder above.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "ap-northeast-2" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  github_owner      = "octo-org"
  github_repository = "orders"
  function_names    = "orders-api"
  repository_names  = "orders-api"
}

run "a_branch_may_deploy" {
  command = plan

  assert {
    condition     = local.subject == "repo:octo-org/orders:ref:refs/heads/main"
    error_message = "The role is for ${local.subject}."
  }
  assert {
    condition     = toset(keys(aws_iam_role_policy.deploy)) == toset(["Alias", "Deploy", "SmokeTest"])
    error_message = "The policies are ${join(", ", keys(aws_iam_role_policy.deploy))}."
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 1
    error_message = "There is no OIDC provider."
  }
  assert {
    condition     = length(aws_ecr_repository.images) + length(aws_iam_role.execution) == 0
    error_message = "What nobody asked for is created."
  }
}

run "an_environment_may_deploy" {
  command = plan
  variables {
    environment       = "prod"
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    smoke_test        = false
    traffic           = true
    ssm_parameters    = "shop/*"
    new_repository    = "orders-api"
  }

  assert {
    condition     = local.subject == "repo:octo-org/orders:environment:prod"
    error_message = "The role is for ${local.subject}."
  }
  assert {
    condition     = toset(keys(aws_iam_role_policy.deploy)) == toset(["Alias", "Deploy", "SsmParameters", "Traffic"])
    error_message = "The policies are ${join(", ", keys(aws_iam_role_policy.deploy))}."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.deploy["SsmParameters"].policy, ":123456789012:parameter/shop/*")
    error_message = "The policy is ${aws_iam_role_policy.deploy["SsmParameters"].policy}."
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "A second OIDC provider is created."
  }
  assert {
    condition     = one(aws_ecr_repository.images).image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    error_message = "The tags can be moved."
  }
}

run "the_job_s_own_subject_may_deploy" {
  command = plan
  variables {
    subject = "repo:octo-org@1/orders@2:ref:refs/heads/x"
  }

  assert {
    condition     = local.subject == "repo:octo-org@1/orders@2:ref:refs/heads/x"
    error_message = "The role is for ${local.subject}."
  }
}

run "functions_are_created_with_a_role" {
  command = plan
  variables {
    create_function = true
  }
  expect_failures = [var.create_function]
}

run "functions_are_created_with_the_new_role" {
  command = plan
  variables {
    create_function    = true
    new_execution_role = "orders-api"
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.deploy["CreateFunction"].policy, ":role/orders-api")
    error_message = "The policy is ${aws_iam_role_policy.deploy["CreateFunction"].policy}."
  }
}
