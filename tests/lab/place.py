"""Where one lab keeps its things, and what it is called.

Every checkout has a lab of its own: its name is a hash of the checkout's path,
and all folders, sockets, namespaces and cgroups carry that name. Nothing here
creates or deletes anything.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

NODE_IP = "10.111.0.1"
NODE_NAME = "node-1"
GATEWAY_URL = f"http://{NODE_IP}:8000"
PROMETHEUS_URL = f"http://{NODE_IP}:9090"
CHECKOUT = Path(__file__).resolve().parents[2]


def cache_folder() -> Path:
    """Return the per-user folder that every checkout shares."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sluice"


@dataclass(frozen=True, slots=True)
class Place:
    """The names and folders of one lab.

    `folder` survives `down` only as far as containerd's images; `run` is short
    because a socket's path may have 108 bytes at most.
    """

    name: str
    folder: Path
    run: Path

    @property
    def state(self) -> Path:
        """The folder that `down` deletes."""
        return self.folder / "state"

    @property
    def logs(self) -> Path:
        """One `PART.log` for each part."""
        return self.folder / "log"

    @property
    def records(self) -> Path:
        """One `PART.json` for each started process."""
        return self.folder / "pid"

    @property
    def containerd_root(self) -> Path:
        """The images and snapshots, kept over `down`."""
        return self.folder / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """The socket of this lab's own containerd."""
        return self.run / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        """The cluster administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def ready_marker(self) -> Path:
        """Written when everything answered; lists the seconds to each milestone."""
        return self.folder / "ready.json"

    @property
    def network_namespace(self) -> Path:
        """The file that holds the network namespace."""
        return Path("/run/netns") / self.name

    @property
    def mount_namespace(self) -> Path:
        """The file that holds the mount namespace."""
        return self.run / "ns" / "mnt"

    @property
    def pods_cgroup(self) -> str:
        """The cgroup below which kubelet puts pods, relative to each hierarchy."""
        return self.name

    @property
    def parts_cgroup(self) -> str:
        """The cgroup of the programs themselves and all their children."""
        return f"{self.name}-parts"


def place_of(checkout: Path) -> Place:
    """Return the place of the lab that belongs to `checkout`."""
    return place_named("sluice-" + hashlib.sha256(str(checkout).encode()).hexdigest()[:8])


def place_named(name: str) -> Place:
    """Return the place of the lab called `name`."""
    return Place(name=name, folder=cache_folder() / "labs" / name, run=Path("/run/sluice") / name)
