"""Entry point of `python -m evolink_contracts`, the same as `evolink-contracts`."""

from evolink_contracts.cli.main import main

main(prog_name="evolink-contracts")
