"""Every error that Sluice raises on purpose, split by whose move it is.

The message says where, what is so, and what to do. Nothing else is caught
outside the one loop boundary in `sluice.runtime.reconcile`.

    SluiceError
      InvalidSpec          the author of the manifest edits it
      ClusterRefused       the cluster's administrator grants or installs something
      SourceUnavailable    nobody: it is tried again
      ForeignChange        somebody else wrote first: look again, then decide
"""

from __future__ import annotations

from dataclasses import dataclass


class SluiceError(Exception):
    """Base of all deliberate errors."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One mistake in a manifest.

    `path` is the field as a person writes it (`spec.gates[2].max`); `problem`
    says what is so and what to do instead.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        """Return `path: problem`."""
        return f"{self.path}: {self.problem}"


class InvalidSpec(SluiceError):  # noqa: N818 - named for what is so, like the condition reason
    """The manifest cannot be carried out; `errors` holds every mistake, never empty."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class ClusterRefused(SluiceError):  # noqa: N818
    """The API server said no (401, 403, 404 of a kind, 422): trying again alone will not help."""


class SourceUnavailable(SluiceError):  # noqa: N818
    """The API server or another source did not answer in time; it is tried again."""


class ForeignChange(SluiceError):  # noqa: N818
    """The object changed since it was read (409): look again before deciding."""
