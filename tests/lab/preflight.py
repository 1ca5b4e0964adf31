"""Look whether this machine can run the lab, before anything is built.

Every miss is one line that says what to do. Missing Debian packages are
installed right away, without their services being started.
"""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import apt
from lab.errors import LabError
from lab.place import cache_folder
from lab.report import Reporter
from lab.toolchain import build

GIB = 1024**3
# Go's module and build caches, the programs, and later the images of the models.
_DISK_FOR_BUILD_GIB = 30
_DISK_GIB = 15
_MEMORY_GIB = 5
_ARCHITECTURES = ("x86_64",)
# The package in which Debian ships each file that the lab needs.
PACKAGES = {
    "buildah": "buildah",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ctr": "containerd",
    "etcd": "etcd-server",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "runc": "runc",
    "/bin/busybox": "busybox-static",
    # Go's module proxy, pip in images: all speak TLS.
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of this machine; sizes in bytes."""

    is_root: bool
    architecture: str
    disk_free: int
    memory_available: int
    filesystem: str
    missing: tuple[str, ...]
    has_apt: bool
    must_build: bool


def look() -> Machine:
    """Gather everything that the checks need."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    return Machine(
        is_root=os.geteuid() == 0,
        architecture=platform.machine(),
        disk_free=shutil.disk_usage(cache).free,
        memory_available=memory_available(Path("/proc/meminfo").read_text()),
        filesystem=filesystem_of(cache, Path("/proc/self/mounts").read_text()),
        missing=missing_packages(),
        has_apt=shutil.which("apt-get") is not None,
        must_build=bool(build.missing_batches()),
    )


def misses(machine: Machine) -> list[str]:
    """Return one line for each thing that a person has to mend; pure."""
    disk_gib = _DISK_FOR_BUILD_GIB if machine.must_build else _DISK_GIB
    lines = []
    if not machine.is_root:
        lines.append("not root: namespaces and mounts need it. Run the same by sudo")
    if machine.architecture not in _ARCHITECTURES:
        lines.append(f"architecture {machine.architecture}: only x86_64 was tried. Use such one")
    if machine.disk_free < disk_gib * GIB:
        lines.append(
            f"disk: {machine.disk_free / GIB:.0f} GiB free for {cache_folder()}, {disk_gib} needed."
            " Free some, or set XDG_CACHE_HOME to a larger disk"
        )
    if machine.memory_available < _MEMORY_GIB * GIB:
        lines.append(
            f"memory: {machine.memory_available / GIB:.1f} GiB available, {_MEMORY_GIB} needed."
            " End other programs"
        )
    if machine.filesystem == "overlay":
        lines.append(
            f"{cache_folder()}: lies on an overlay file system, on which containerd cannot stack"
            " another. Set XDG_CACHE_HOME to a folder on a volume"
        )
    if machine.missing and not machine.has_apt:
        lines.append(f"missing, and no apt-get here. Install: {' '.join(machine.missing)}")
    return lines


def check_and_install(report: Reporter) -> None:
    """Check this machine and install missing packages. Raises: LabError with all misses."""
    machine = look()
    if found := misses(machine):
        raise LabError("this machine cannot run the lab yet:\n  " + "\n  ".join(found))
    if machine.missing:
        report.say(f"installing: {' '.join(machine.missing)}")
        apt.install(machine.missing)
        if still := missing_packages():
            raise LabError(f"still missing after apt-get: {' '.join(still)}. Install them by hand")
        report.milestone("packages", "packages installed")


def missing_packages() -> tuple[str, ...]:
    """Return the Debian packages of the files that are not there."""
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = {
        package
        for file, package in PACKAGES.items()
        if not (Path(file).exists() if file.startswith("/") else shutil.which(file, path=search))
    }
    return tuple(sorted(missing))


def memory_available(meminfo: str) -> int:
    """Return the bytes that programs can still get, from the text of /proc/meminfo."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def filesystem_of(folder: Path, mounts: str) -> str:
    """Return the type of file system on which a folder lies, from the text of /proc/mounts."""
    found = [
        (len(fields[1]), fields[2])
        for line in mounts.splitlines()
        if len(fields := line.split()) > 2 and folder.is_relative_to(fields[1])
    ]
    return max(found)[1] if found else "unknown"
