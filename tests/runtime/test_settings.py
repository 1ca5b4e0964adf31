"""Settings: every mistake at once, by the name of the variable."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidSpec
from sluice.runtime.settings import read_settings


def test_the_url_of_prometheus_is_all_that_is_needed() -> None:
    settings = read_settings({"SLUICE_PROMETHEUS_URL": "http://p:9090"})

    assert ("http://p:9090", (), 8080) == (
        settings.prometheus_url,
        settings.namespaces,
        settings.health_port,
    )


def test_namespaces_are_a_comma_list() -> None:
    environment = {"SLUICE_PROMETHEUS_URL": "http://p", "SLUICE_NAMESPACES": "a,b"}

    assert ("a", "b") == read_settings(environment).namespaces


def test_every_mistake_is_named() -> None:
    with pytest.raises(InvalidSpec) as raised:
        read_settings({"SLUICE_HEALTH_PORT": "many", "SLUICE_LOG_FORMAT": "xml"})

    assert {"SLUICE_PROMETHEUS_URL", "SLUICE_HEALTH_PORT", "SLUICE_LOG_FORMAT"} == {
        error.path for error in raised.value.errors
    }
