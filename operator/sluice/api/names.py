"""Names that Sluice writes into a cluster, each in one place."""

from __future__ import annotations

GROUP = "sluice.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

OWNER_LABEL = f"{GROUP}/owner"
"""On every child: the name of its ModelDeployment. Never changes, so it restarts no pod."""

REVISION_LABEL = f"{GROUP}/revision"
"""On an InferenceService and its pods: the ModelRevision that they run. Never changes."""

FIELD_MANAGER = "sluice"
STATUS_FIELD_MANAGER = "sluice-status"

MIRROR_HEADER = "x-sluice-mirrored-to"
"""On every request of a shadow stage, the copies included: the revision that gets the copies. A
server whose own revision it is knows that nobody waits for its answer."""

MODE_HEADER = "x-sluice-mode"
"""On requests that no user sent: `probe` for warm-up."""
