"""The exit codes of the three commands."""

from collections.abc import Mapping

from docs.render import Page
from docs.render.markdown import code, join, sentence, table
from evolink_client import cli as evolink
from evolink_contracts.cli import exit_codes as evolink_contracts
from evolink_mock import cli as evolink_mock

EXIT_CODES: Mapping[str, Mapping[int, str]] = {
    "evolink-mock": evolink_mock.EXIT_CODES,
    "evolink": evolink.EXIT_CODES,
    "evolink-contracts": evolink_contracts.EXIT_CODES,
}


def _body() -> str:
    return join(
        *(join(f"## {command}", _table(rows)) for command, rows in EXIT_CODES.items()),
        *(
            join(f"### evolink-contracts {name}", _table(rows))
            for name, rows in evolink_contracts.EXIT_CODES_OF.items()
        ),
    )


def _table(rows: Mapping[int, str]) -> str:
    return table(("Code", "Meaning"), [(code(f"{number:d}"), sentence(means)) for number, means in rows.items()])


PAGE = Page("Exit codes", "The codes with which the commands exit.", _body)
