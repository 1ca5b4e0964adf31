"""Install Debian packages without letting them start services now or at the next boot."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab import commands

_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBIDDEN = "#!/bin/sh\nexit 101\n"
_UNITS = ("containerd", "etcd")


def install(packages: Sequence[str]) -> None:
    """Install packages, asking nothing."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    had_units = {unit for unit in _UNITS if shutil.which(unit)}
    with _no_services():
        commands.run(["apt-get", "update", "-q"], env=quiet)
        argv = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        commands.run(argv, env=quiet)
    if shutil.which("systemctl"):
        for unit in set(_UNITS) - had_units:
            commands.run(["systemctl", "disable", unit], check=False)


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Have Debian's invoke-rc.d refuse to start anything, as image builders do."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text(_FORBIDDEN)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
