"""The exit codes of the three commands."""

from docs.render import Page
from docs.render.markdown import code, join, sentence, table
from evolink_client import cli as evolink
from evolink_contracts.cli import options as evolink_contracts
from evolink_mock import cli as evolink_mock

EXIT_CODES = {
    "evolink-mock": evolink_mock.EXIT_CODES,
    "evolink": evolink.EXIT_CODES,
    "evolink-contracts": evolink_contracts.EXIT_CODES,
}


def _body() -> str:
    return join(
        *(
            join(f"## {command}", table(("Code", "Meaning"), [(code(n), sentence(means)) for n, means in rows.items()]))
            for command, rows in EXIT_CODES.items()
        )
    )


PAGE = Page("Exit codes", "The codes with which the commands exit.", _body)
