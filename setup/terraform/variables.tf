variable "github_owner" {
  type        = string
  description = "The user or organization that owns the repository on GitHub."
}

variable "github_repository" {
  type        = string
  description = "The repository's name, without its owner."
}

variable "branch" {
  type        = string
  default     = "main"
  description = "The branch whose workflows may deploy. Not used with environment."
}

variable "environment" {
  type        = string
  default     = null
  description = "The GitHub environment whose jobs may deploy, instead of a branch. Its protection rules decide."
}

variable "subject" {
  type        = string
  default     = null
  description = "The whole subject of the job's token, where it is another: a refused run shows the one that it has."
}

variable "oidc_provider_arn" {
  type        = string
  default     = null
  description = "ARN of GitHub's OIDC provider in this account; null creates it. An account can have one only."
}

variable "role_name" {
  type        = string
  default     = "deploy"
  description = "Name of the role that the jobs assume."
}

variable "function_names" {
  type        = string
  description = "The function's name, or a pattern with * for several, such as shop-*-prod."
}

variable "repository_names" {
  type        = string
  description = "The name of the ECR repository, or a pattern with * for several, such as shop/*."
}

variable "new_repository" {
  type        = string
  default     = null
  description = "The name of an ECR repository to create here."
}

variable "new_execution_role" {
  type        = string
  default     = null
  description = "The name of a role to create here that functions run with; it may write logs, and nothing else."
}

variable "alias" {
  type        = bool
  default     = true
  description = "The workflow gives an 'alias'."
}

variable "smoke_test" {
  type        = bool
  default     = true
  description = "The workflow gives a 'smoke-event'."
}

variable "traffic" {
  type        = bool
  default     = false
  description = "The workflow gives 'traffic', with 'alarms' or 'max-error-rate'."
}

variable "create_function" {
  type        = bool
  default     = false
  description = "The workflow gives 'create-function', with the role new_execution_role."
  validation {
    condition     = !var.create_function || var.new_execution_role != null
    error_message = "create_function needs new_execution_role, the role that functions are created with."
  }
}

variable "create_repository" {
  type        = bool
  default     = false
  description = "The workflow gives 'create-repository'."
}

variable "ssm_parameters" {
  type        = string
  default     = null
  description = "The Systems Manager parameter of 'ssm-parameter', or a pattern, without a slash at the beginning."
}
