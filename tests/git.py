"""Git, as a person uses it."""

import subprocess
from pathlib import Path

_AUTHOR = ("-c", "user.name=Mona", "-c", "user.email=mona@example.com")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, and return what it prints."""
    done = subprocess.run(["git", *_AUTHOR, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()
