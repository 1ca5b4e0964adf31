"""The lab's own network and mount namespace.

The network namespace keeps every address, port and packet of the lab away from
the machine; the mount namespace gives it private copies of the folders whose
paths are fixed in kubelet, containerd, the CNI library and Envoy Gateway. When
its last process is gone, all mounts of the lab are gone with it.
"""

import concurrent.futures
import contextlib
import ctypes
import os
import shlex
from pathlib import Path

from lab import commands, mountpoints
from lab.errors import LabError
from lab.place import NODE_IP, Place

_CLONE_NEWNET = 0x40000000
_LINK = "node0"
# A gateway that does not exist: it only makes ClusterIPs routable from the host side.
_NOWHERE = "10.111.0.254"


def create(place: Place) -> None:
    """Create both namespaces; the folders bound inside must not exist for anybody else."""
    _create_network(place)
    _create_mounts(place)


def remove(place: Place) -> None:
    """Remove both; every process inside must have ended before."""
    if _mounted(place.mount_namespace):
        commands.run(["umount", place.mount_namespace], check=False)
    if _mounted(place.mount_namespace.parent):
        commands.run(["umount", "-l", place.mount_namespace.parent], check=False)
    if place.network_namespace.exists():
        commands.run(["ip", "netns", "del", place.name], check=False)


def executor(place: Place, threads: int) -> concurrent.futures.ThreadPoolExecutor:
    """Return threads that live in the lab's network namespace.

    What they connect to, and the programs that they start, are inside too; the
    rest of this Python process stays outside.
    """
    return concurrent.futures.ThreadPoolExecutor(
        threads, thread_name_prefix="inside", initializer=_enter_network, initargs=(place,)
    )


def inside(place: Place) -> list[str]:
    """Return the words to put before a command that shall run in the network namespace.

    Not `ip netns exec`: that mounts /sys anew and hides the cgroups.
    """
    return ["nsenter", f"--net={place.network_namespace}"]


def _enter_network(place: Place) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(place.network_namespace, os.O_RDONLY)
    try:
        if libc.setns(handle, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise LabError(f"{place.network_namespace}: {os.strerror(number)}. Run as root")
    finally:
        os.close(handle)


def _create_network(place: Place) -> None:
    commands.run(["ip", "netns", "add", place.name])
    # A bridge without members carries the node's address: `dummy` devices are not everywhere.
    lines = [
        "link set lo up",
        f"link add {_LINK} type bridge",
        f"addr add {NODE_IP}/24 dev {_LINK}",
        f"link set {_LINK} up",
        f"route add default via {_NOWHERE} dev {_LINK}",
    ]
    commands.run(["ip", "-n", place.name, "-batch", "-"], stdin="\n".join(lines) + "\n")


def _create_mounts(place: Place) -> None:
    folder = place.mount_namespace.parent
    folder.mkdir(parents=True, exist_ok=True)
    # The mount that holds a mount namespace must itself be private.
    commands.run(["mount", "--bind", folder, folder])
    commands.run(["mount", "--make-private", folder])
    place.mount_namespace.touch()
    script = " && ".join(_mount_commands(place))
    commands.run(["unshare", f"--mount={place.mount_namespace}", "/bin/sh", "-ec", script])


def _mount_commands(place: Place) -> list[str]:
    binds = {
        "/var/lib/kubelet": place.state / "kubelet",
        "/var/log/pods": place.logs / "pods",
        "/certs": place.state / "envoy-gateway" / "certs",
    }
    temporary = ["/run/containerd", "/run/netns", "/var/lib/cni", "/var/log/containers"]
    words = []
    mountpoints.make([Path(target) for target in (*binds, *temporary)])
    for target, source in binds.items():
        source.mkdir(parents=True, exist_ok=True)
        words.append(shlex.join(["mount", "--bind", str(source), target]))
    words += [shlex.join(["mount", "-t", "tmpfs", "tmpfs", target]) for target in temporary]
    return words


def _mounted(path: Path) -> bool:
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return any(line.split()[4] == str(path) for line in lines)
    return False
