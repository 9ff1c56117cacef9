"""Ships a container image to AWS Lambda, pinned by digest: a GitHub Action."""

__version__ = "0.1.0"
"""As in pyproject.toml, which the action's image does not have."""
