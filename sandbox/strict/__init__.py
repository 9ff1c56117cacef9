"""The strict layer: an HTTP reverse proxy in front of ministack that refuses what AWS refuses.

ministack accepts much that Lambda and ECR do not. Each difference that matters to the action is one `Rule`, with the
source of the fact beside it; they stand in the tables `RULES` of the modules, which `server.RULES` puts in order. A
request that no rule answers goes to ministack as it came.
"""
