"""containerd with runc, the pod network, and the image that holds a pod's namespaces."""

import json
import time
from pathlib import Path

from lab import api, commands, processes
from lab.errors import LabError
from lab.images import pause
from lab.place import Place

_POD_SUBNET = "10.244.0.0/24"


def start(place: Place) -> None:
    """Start containerd, clear what a crash may have left in it, and import the pause image."""
    _write_network(place)
    config = place.state / "containerd.toml"
    config.write_text(config_text(place))
    archive = pause.archive()
    processes.start(place, "containerd", ["containerd", "-c", config])
    api.until(lambda: _answers(place), what="containerd answers", seconds=30)
    if _containers(place):
        # It read them at its start, so it has to start once more without them.
        remove_containers(place)
        stop_and_start(place)
    ctr(place, "images", "import", archive)


def ctr(place: Place, *words: str | Path, check: bool = True) -> str:
    """Run containerd's own client on this lab's pods and images."""
    socket = str(place.containerd_socket)
    argv = ["ctr", "-a", socket, "-n", "k8s.io", *words]
    return commands.run(argv, check=check)


def remove_containers(place: Place) -> None:
    """Remove every container; their processes must have ended."""
    for attempt in range(20):
        for task in ctr(place, "task", "ls", "-q", check=False).split():
            ctr(place, "task", "rm", "-f", task, check=False)
        left = _containers(place)
        if not left:
            return
        ctr(place, "containers", "rm", *left, check=False)
        time.sleep(0.1 * attempt)
    raise LabError(f"containerd of {place.name}: containers {left} cannot be removed")


def stop_and_start(place: Place) -> None:
    """Restart containerd and wait until it answers."""
    record = processes.read_record(place, "containerd")
    if record is None:
        raise LabError("containerd: was never started")
    processes.stop(record)
    processes.restart(place, "containerd")
    api.until(lambda: _answers(place), what="containerd answers again", seconds=30)


def config_text(place: Place) -> str:
    """Return containerd's settings.

    Without CAP_SYS_RESOURCE (as in most containers) a sandbox can only start
    with `restrict_oom_score_adj`.
    """
    return f"""version = 2
root = "{place.containerd_root}"
state = "{place.run}/containerd"
[grpc]
  address = "{place.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause.NAME}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_programs()}"
    conf_dir = "{place.state}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
"""


def cni_programs() -> Path:
    """Return the folder of the CNI plugins: Debian's, or the customary one."""
    for folder in (Path("/usr/lib/cni"), Path("/opt/cni/bin")):
        if (folder / "ptp").exists():
            return folder
    raise LabError("CNI plugins: not found. apt-get install containernetworking-plugins")


def _write_network(place: Place) -> None:
    """Give every pod a point-to-point link.

    Not a bridge: between two pods on one bridge, answers of a Service would
    bypass the node's address translation unless the kernel filters bridges.
    """
    folder = place.state / "cni"
    folder.mkdir(parents=True, exist_ok=True)
    ipam = {
        "type": "host-local",
        "dataDir": str(place.state / "cni-addresses"),
        "ranges": [[{"subnet": _POD_SUBNET}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    document = {"cniVersion": "0.4.0", "name": "lab", "plugins": plugins}
    (folder / "10-lab.conflist").write_text(json.dumps(document))


def _answers(place: Place) -> bool:
    answer = commands.run(["ctr", "-a", place.containerd_socket, "version"], check=False)
    return "Server" in answer and "failed" not in answer


def _containers(place: Place) -> list[str]:
    return ctr(place, "containers", "ls", "-q").split()
