"""The split: which revision answers which share, and which gets copies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """Weights of the live traffic, and at most one mirror.

    `weights` maps revision -> percent; they sum to 100 and none is 0. `mirror` is the
    revision that gets copies of `mirror_percent` of the requests.
    """

    weights: tuple[tuple[str, int], ...]
    mirror: str | None = None
    mirror_percent: int = 0

    def __post_init__(self) -> None:
        """Refuse a split that could lose requests."""
        if sum(weight for _, weight in self.weights) != 100:  # noqa: PLR2004 - percent
            raise ValueError(f"weights must sum to 100, got {self.weights}")
        if any(weight <= 0 for _, weight in self.weights):
            raise ValueError(f"a weight of 0 is left out, got {self.weights}")

    @classmethod
    def of(cls, stable: str, candidate: str | None = None, percent: int = 0) -> Split:
        """Return `percent` for the candidate and the rest for stable."""
        pairs = ((stable, 100 - percent), (candidate or stable, percent))
        return cls(tuple((name, weight) for name, weight in pairs if weight))

    def weight_of(self, revision: str) -> int:
        """Return the percent of live requests that `revision` answers."""
        return sum(weight for name, weight in self.weights if name == revision)

    @property
    def revisions(self) -> frozenset[str]:
        """Every revision that gets requests, mirrored ones included."""
        return frozenset(name for name, _ in self.weights) | ({self.mirror} - {None})  # type: ignore[operator]
