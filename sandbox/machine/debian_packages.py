"""Packages from Debian: installed on this machine, unpacked for their programs, or made into root filesystems."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.errors import SandboxError
from sandbox.machine.cache import cached, folder, locked

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_UNREAD = ("doc", "info", "lintian", "locale", "man")


def install(*packages: str, recommended: bool = False) -> None:
    """Install packages on this machine with apt.

    Args:
        packages: Names that Debian and Ubuntu share.
        recommended: Whether to install what they recommend as well.

    Raises:
        SandboxError: This is neither Debian nor Ubuntu, the user is not root, or apt failed.
    """
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SandboxError(
            f"this needs {names}: install it, or run this as root on Debian or Ubuntu to have it installed"
        )
    print(f"installing {names} with apt-get", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with locked(folder() / "locks" / "apt"):
        _run(["apt-get", "update", "--quiet"], environment)
        option = "--install-recommends" if recommended else "--no-install-recommends"
        _run(["apt-get", "install", "--quiet", "--yes", option, *packages], environment)


def programs(suite: str, packages: Sequence[str], paths: Sequence[str]) -> Path:
    """Return a cached folder with programs of Debian packages, which are fetched but not installed.

    Args:
        suite: The Debian release, such as `bookworm`.
        packages: The packages that contain the programs.
        paths: The programs' paths in a Debian system; the libraries that they need are the host's.

    Raises:
        SandboxError: A package cannot be fetched, or does not contain the program.
    """

    def unpack(target: Path) -> None:
        with TemporaryDirectory(dir=folder()) as scratch:
            archive = Path(scratch) / "packages.tar"
            _mmdebstrap("extract", suite, packages, archive)
            target.mkdir()
            with tarfile.open(archive) as tar:
                for member in tar:
                    if member.name.removeprefix("./") in paths:
                        member.name = Path(member.name).name
                        tar.extract(member, target, filter="tar")
        if missing := {Path(path).name for path in paths} - {path.name for path in target.iterdir()}:
            raise SandboxError(f"no {', '.join(sorted(missing))} in {', '.join(packages)} of Debian {suite}")

    return cached(f"programs/{'-'.join([suite, *packages])}", unpack)


def root_filesystem(suite: str, packages: Sequence[str]) -> Path:
    """Return a cached tar of a small Debian root filesystem that trusts the same certificates as this machine.

    Args:
        suite: The Debian release, such as `trixie`.
        packages: The packages besides the essential ones; `ca-certificates` among them.

    Raises:
        SandboxError: It cannot be made.
    """

    def bootstrap(target: Path) -> None:
        _mmdebstrap("essential", suite, packages, target)

    return cached(f"root-filesystems/{'-'.join([suite, *packages, certificates_digest()])}.tar", bootstrap)


def certificates_digest() -> str:
    """Return a digest of the certificates that this machine trusts."""
    return hashlib.sha256(_CERTIFICATES.read_bytes() if _CERTIFICATES.exists() else b"").hexdigest()[:8]


def _mmdebstrap(variant: str, suite: str, packages: Sequence[str], target: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        install("mmdebstrap", "debian-archive-keyring")
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={','.join(packages)}"]
    # The index of an unstable suite that a mirror serves may be older than the week it is valid for.
    command.append('--aptopt=Acquire::Check-Valid-Until "false"')
    if variant != "extract":
        command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _UNREAD]
        if _CERTIFICATES.exists():  # a proxy that inspects TLS is trusted through the host's certificates
            command.append(f"--customize-hook=copy-in {_CERTIFICATES} {_CERTIFICATES.parent}")
    print(f"fetching {', '.join(packages)} of Debian {suite}", flush=True)
    _run([*command, suite, str(target)], dict(os.environ))


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
