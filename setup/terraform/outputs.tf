output "role_to_assume" {
  description = "For the input 'role-to-assume'."
  value       = aws_iam_role.deploy.arn
}

output "execution_role_arn" {
  description = "For Role in the input 'create-function'."
  value       = one(aws_iam_role.execution[*].arn)
}
