"""Ships a container image to AWS Lambda, pinned by digest: a GitHub Action."""
