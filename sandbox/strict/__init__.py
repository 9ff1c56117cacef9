"""The strict layer: an HTTP reverse proxy in front of ministack that refuses what AWS refuses.

ministack accepts much that Lambda and ECR do not. Each difference that matters to the action is one `Rule`, with the
source of the fact beside it; the rules stand in the tables `sts.RULES`, `repositories.RULES`, `ecr.RULES`,
`registry.RULES`, `refusals.RULES`, `aliases.RULES`, `invocations.RULES` and `updates.RULES`. A request that no rule
answers goes to ministack as it came.
"""
