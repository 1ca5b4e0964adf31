"""What the server logs: its own life and one line for each failure, never a payload."""

import copy
import logging
from typing import Any

from kserve import logging as kserve_logging

from sluice_models.counting import where


class OneLine(logging.Filter):
    """Turns kserve's traceback of each failed request into its type and place.

    An exception's message may quote what the client sent.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record; take traceback and exception message out of kserve's."""
        kserves = record.name.startswith(kserve_logging.KSERVE_LOGGER_NAME)
        if kserves and record.exc_info and record.exc_info[1] is not None:
            record.msg, record.args = "answered with an error: %s", (where(record.exc_info[1]),)
            record.exc_info = record.exc_text = None
        return True


def configure(config_file: str | None) -> None:
    """Set up logging for this process, by the user's file if there is one."""
    if config_file is not None:
        kserve_logging.configure_logging(config_file)
        return
    config: dict[str, Any] = copy.deepcopy(kserve_logging.KSERVE_LOG_CONFIG)
    # A line for each request says less than the metrics and costs more than the request.
    config["loggers"]["kserve.trace"]["level"] = "WARNING"
    config["loggers"]["uvicorn.access"]["level"] = "WARNING"
    config["loggers"]["sluice_models"] = config["loggers"]["kserve"]
    config["filters"] = {"one_line": {"()": "sluice_models.logs.OneLine"}}
    config["handlers"]["kserve"]["filters"] = ["one_line"]
    kserve_logging.configure_logging(config)
