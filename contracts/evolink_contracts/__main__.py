"""`python -m evolink_contracts` is `evolink-contracts`."""

from evolink_contracts.cli.main import main

main(prog_name="evolink-contracts")
