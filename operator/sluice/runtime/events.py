"""Events: one thing that happened, told once, by a name made of what it says."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sluice.api.names import API_VERSION
from sluice.core.actions import Event
from sluice.core.observation import Observation

_CONTROLLER = "sluice.dev/operator"
_LONGEST_NOTE = 1024


def render(o: Observation, event: Event, identity: str, now: datetime) -> dict[str, Any]:
    """Return the events.k8s.io/v1 object; the same news in one second has the same name."""
    told = f"{o.uid}/{event.reason}/{event.note}/{now:%Y%m%d%H%M%S}"
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{o.name}.{digest}", "namespace": o.namespace},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": event.type,
        "reason": event.reason,
        "note": event.note[:_LONGEST_NOTE],
        "action": event.reason,
        "reportingController": _CONTROLLER,
        "reportingInstance": identity[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "name": o.name,
            "namespace": o.namespace,
            "uid": o.uid,
        },
    }
