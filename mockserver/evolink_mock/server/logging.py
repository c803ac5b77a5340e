"""Logging of the server process: to stderr, as text or as one JSON object a line."""

import json
import logging
import sys
from logging.config import dictConfig

from evolink_mock.log_lines import without_secrets


class _JsonLines(logging.Formatter):
    """Formats each record as one JSON object on a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _RedactTargets(logging.Filter):
    """Redacts secrets in the target of each request that uvicorn logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(without_secrets(each) if isinstance(each, str) else each for each in record.args)
        return True


def configure_logging(form: str, level: str) -> None:
    """Log in `form`, which is `text` or `json`, what is of `level` or above."""
    formatter: dict[str, object] = {"()": _JsonLines} if form == "json" else {"format": "%(levelname)s %(message)s"}
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"chosen": formatter},
            "filters": {"secrets": {"()": _RedactTargets}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "chosen"}},
            "loggers": {
                "evolink_mock": {"handlers": ["stderr"], "level": level.upper(), "propagate": False},
                "uvicorn": {
                    "handlers": ["stderr"],
                    "level": "ERROR" if level == "error" else "WARNING",
                    "propagate": False,
                },
                "uvicorn.access": {
                    "handlers": ["stderr"],
                    "level": "INFO",
                    "propagate": False,
                    "filters": ["secrets"],
                },
            },
        }
    )
