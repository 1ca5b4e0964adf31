"""The CRDs and manifests of KServe, Gateway API and Envoy Gateway, out of their Go modules.

They are copied once into the cache beside the programs, as JSON: reading two
megabytes of YAML at every start would cost seconds.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from lab.toolchain import go, programs

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_documents(text: str) -> list[dict[str, Any]]:
    """Return the YAML documents of a manifest; lines of a Helm template are left out.

    Envoy Gateway's CRD templates hold only `{{ if }}` and `{{ end }}` lines.
    """
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("{{"))
    return [document for document in yaml.load_all(plain, _Loader) if document]


def kserve() -> Path:
    """Return the folder with crds.json, configmap.json and webhooks.json of KServe."""
    return _prepared("kserve", "kserve-manifests", _read_kserve)


def gateway() -> Path:
    """Return the folder with crds.json of Gateway API and Envoy Gateway."""
    return _prepared("cluster", "gateway-manifests", _read_gateway)


def load(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the documents of one file of a prepared folder."""
    documents: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text())
    return documents


def _read_kserve() -> dict[str, list[Path]]:
    source = go.module_folder("kserve", "github.com/kserve/kserve") / "config"
    crds = source / "crd" / "full"
    return {
        "crds": [
            *sorted(crds.glob("serving.kserve.io_*.yaml")),
            *sorted((crds / "clusterstoragecontainer").glob("serving*.yaml")),
        ],
        "configmap": [source / "configmap" / "inferenceservice.yaml"],
        "webhooks": [source / "webhook" / "manifests.yaml"],
    }


def _read_gateway() -> dict[str, list[Path]]:
    standard = go.module_folder("cluster", "sigs.k8s.io/gateway-api") / "config/crd/standard"
    envoy = go.module_folder("cluster", "github.com/envoyproxy/gateway")
    templates = envoy / "charts/gateway-crds-helm/templates/generated"
    return {
        "crds": [
            *sorted(standard.glob("gateway.networking.k8s.io_*.yaml")),
            *sorted(templates.glob("gateway.envoyproxy.io_*.yaml")),
        ],
    }


def _prepared(module: str, name: str, read: Any) -> Path:  # noqa: ANN401
    folder = programs.output_folder(module) / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / "target"
        target.mkdir()
        for part, files in read().items():
            documents = [doc for file in files for doc in read_documents(file.read_text())]
            (target / f"{part}.json").write_text(json.dumps(documents))
        try:
            target.rename(folder)
        except OSError:
            # Another checkout was quicker; what it wrote is the same.
            if not folder.is_dir():
                raise
    return folder
