"""Settings of the operator, from environment variables: the chart writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.errors import FieldError, InvalidSpec


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator needs to know about its surroundings."""

    prometheus_url: str
    namespaces: tuple[str, ...]
    """Namespaces to watch; empty means all."""
    lease_namespace: str
    identity: str
    """Name in the Lease: the pod's."""
    health_port: int
    json_logs: bool
    log_level: str
    workers: int


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in `environment`.

    Raises: InvalidSpec naming every variable that is missing or wrong.
    """
    errors: list[FieldError] = []

    def number(name: str, default: int) -> int:
        text = environment.get(name, str(default))
        if text.isdecimal() and int(text) > 0:
            return int(text)
        errors.append(FieldError(name, f"must be a positive whole number, got '{text}'"))
        return default

    def choice(name: str, default: str, *allowed: str) -> str:
        text = environment.get(name, default)
        if text not in allowed:
            errors.append(FieldError(name, f"must be one of {', '.join(allowed)}, got '{text}'"))
        return text

    url = environment.get("SLUICE_PROMETHEUS_URL", "")
    if not url.startswith(("http://", "https://")):
        errors.append(
            FieldError("SLUICE_PROMETHEUS_URL", f"must be an http:// or https:// URL, got '{url}'")
        )
    settings = Settings(
        prometheus_url=url,
        namespaces=tuple(filter(None, environment.get("SLUICE_NAMESPACES", "").split(","))),
        lease_namespace=environment.get("SLUICE_LEASE_NAMESPACE", "sluice-system"),
        identity=environment.get("HOSTNAME", "sluice"),
        health_port=number("SLUICE_HEALTH_PORT", 8080),
        json_logs=choice("SLUICE_LOG_FORMAT", "json", "json", "plain") == "json",
        log_level=choice("SLUICE_LOG_LEVEL", "INFO", "DEBUG", "INFO", "WARNING", "ERROR"),
        workers=number("SLUICE_WORKERS", 8),
    )
    if errors:
        raise InvalidSpec(tuple(errors))
    return settings
