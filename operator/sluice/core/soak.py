"""The clock of a stage: it runs only while there is data, health and nobody paused it.

It lives in status, is written sparsely, and never counts a time in which nobody looked.
"""

from __future__ import annotations

from datetime import datetime

from sluice.api.spec import Rollout, StageSpec
from sluice.api.status import Stage

_SLACK_SECONDS = 5.0


def write_period_seconds(rollout: Rollout, min_seconds: int) -> float:
    """Return how often the clock is written down: about ten times a stage, at most each 30 s."""
    return max(rollout.interval_seconds, min(30.0, min_seconds / 10))


def soaked_seconds(stage: Stage, now: datetime, period: float, interval: float) -> float:
    """Return the seconds soaked until `now`.

    The time since the last record counts only if the clock ran then and the gap is one that a
    living operator leaves; a longer one means that nobody looked.
    """
    gap = (now - stage.soak_time).total_seconds()
    watched = stage.soaking and 0 <= gap <= period + 2 * interval + _SLACK_SECONDS
    return stage.soak_seconds + (gap if watched else 0.0)


def min_seconds(rollout: Rollout, stage: Stage) -> int:
    """Return how long `stage` must soak, by the present spec."""
    spec = stage_spec(rollout, stage.name)
    return spec.min_seconds if spec else rollout.bake.seconds


def stage_spec(rollout: Rollout, name: str) -> StageSpec | None:
    """Return the rung called `name`, None if the ladder has none."""
    return next((s for s in rollout.stages if s.name == name), None)
