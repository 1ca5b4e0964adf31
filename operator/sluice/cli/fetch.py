"""Read one ModelDeployment and its revisions for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from kubernetes.aio import config

from sluice.adapters.cluster import DEPLOYMENTS, REVISIONS, connect
from sluice.api.names import OWNER_LABEL
from sluice.api.parse import parse_revision, parse_status
from sluice.api.reasons import StageKind
from sluice.api.status import ModelDeploymentStatus
from sluice.core.observation import Revision
from sluice.errors import ClusterRefused


@dataclass(frozen=True, slots=True)
class View:
    """What a person wants to know about one ModelDeployment."""

    name: str
    namespace: str
    status: ModelDeploymentStatus
    revisions: dict[str, Revision]
    """By name, oldest first."""

    @property
    def rolled_back(self) -> bool:
        """Whether the wanted revision was refused."""
        stage = self.status.stage
        return stage is not None and stage.kind in {
            StageKind.ROLLING_BACK,
            StageKind.ROLLED_BACK,
        }


async def view(name: str, namespace: str | None, context: str | None) -> View:
    """Return the view of `name`.

    Raises: ClusterRefused if there is no such ModelDeployment or no right to read it.
    """
    async with connect(context) as cluster:
        namespace = namespace or _default_namespace(context)
        raw = await cluster.get(DEPLOYMENTS, namespace, name)
        if raw is None:
            raise ClusterRefused(
                f"there is no ModelDeployment {name} in namespace {namespace}."
                " See: kubectl get modeldeployments -A"
            )
        items = await cluster.list(REVISIONS, namespace, f"{OWNER_LABEL}={name}")
    revisions = {i["metadata"]["name"]: Revision(*parse_revision(i)) for i in items}
    ordered = dict(sorted(revisions.items(), key=lambda pair: pair[1].spec.number))
    return View(name, namespace, parse_status(raw.get("status")), ordered)


def _default_namespace(context: str | None) -> str:
    try:
        contexts, current = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError, yaml.YAMLError):
        return "default"
    chosen: Any = next((c for c in contexts if c["name"] == context), current)
    return str((chosen or {}).get("context", {}).get("namespace", "default"))
