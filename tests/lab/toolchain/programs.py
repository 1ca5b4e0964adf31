"""The programs of the lab: from which Go package, in which order, how long cold.

Versions live in the go.mod files of tests/lab/go and nowhere else, except the
text that Kubernetes wants linked in.
"""

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from lab.place import cache_folder

GO_FOLDER = Path(__file__).resolve().parents[1] / "go"
# Raise this when flags or the names of the outputs change: it is part of every cache key.
RECIPE = "1"


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its name here, and the Go package that it is built from."""

    name: str
    package: str

    @property
    def output(self) -> str:
        """The name that `go build` gives it."""
        return self.package.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Batch:
    """Programs that one `go build` makes, out of one go.mod.

    `cold_seconds` is what two idle cores took with an empty build cache, after
    the batches before it; it only feeds the estimate.
    """

    module: str
    programs: tuple[Program, ...]
    cold_seconds: float

    @property
    def folder(self) -> Path:
        """The folder of go.mod and go.sum."""
        return GO_FOLDER / self.module


def _kubernetes(*names: str) -> tuple[Program, ...]:
    return tuple(Program(name, f"k8s.io/kubernetes/cmd/{name}") for name in names)


# The cluster comes up while the later ones still compile.
BATCHES = (
    Batch("cluster", _kubernetes("kube-apiserver"), 259),
    Batch("cluster", _kubernetes("kube-controller-manager"), 60),
    Batch("cluster", _kubernetes("kube-scheduler", "kubelet", "kube-proxy", "kubectl"), 49),
    Batch("kserve", (Program("kserve-manager", "github.com/kserve/kserve/cmd/manager"),), 147),
    Batch(
        "cluster",
        (Program("envoy-gateway", "github.com/envoyproxy/gateway/cmd/envoy-gateway"),),
        116,
    ),
    Batch(
        "cluster",
        (
            Program("coredns", "github.com/coredns/coredns"),
            Program("helm", "helm.sh/helm/v4/cmd/helm"),
        ),
        78,
    ),
    # Not Debian's: that one is built without kubernetes_sd.
    Batch(
        "cluster",
        (Program("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),),
        60,
    ),
)
# Of Prometheus's many service discoveries only this one; other programs do not know these tags.
TAGS = "remove_all_sd,enable_kubernetes_sd"


def version_of(module: str, go_module: str) -> str:
    """Return the version of a Go module that tests/lab/go/`module`/go.mod asks for."""
    text = (GO_FOLDER / module / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require )?{re.escape(go_module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise KeyError(go_module)
    return found[1]


def go_version() -> tuple[int, ...]:
    """Return the least Go version that every go.mod here is content with."""
    texts = [(GO_FOLDER / module / "go.mod").read_text() for module in ("cluster", "kserve")]
    found = [re.search(r"^go (\S+)$", text, re.MULTILINE) for text in texts]
    return max(tuple(int(n) for n in match[1].split(".")) for match in found if match)


def link_flags() -> str:
    """Return the linker flags; the same for all, so that compiled packages are shared."""
    version = version_of("cluster", "k8s.io/kubernetes")
    _, minor, _ = version.split(".")
    package = "k8s.io/component-base/version"
    return (
        f"-s -w -X {package}.gitVersion={version}"
        f" -X {package}.gitMajor=1 -X {package}.gitMinor={minor}"
    )


def cache_key(go_mod: str, go_sum: str, flags: str, machine: str) -> str:
    """Return the name of the folder for what is built out of exactly this."""
    parts = f"{RECIPE}\0{TAGS}\0{go_mod}\0{go_sum}\0{flags}\0{machine}"
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def output_folder(module: str) -> Path:
    """Return the per-user folder for the programs and manifests of one go.mod."""
    folder = GO_FOLDER / module
    key = cache_key(
        (folder / "go.mod").read_text(),
        (folder / "go.sum").read_text(),
        link_flags(),
        platform.machine(),
    )
    return cache_folder() / "bin" / f"{module}-{key}"
