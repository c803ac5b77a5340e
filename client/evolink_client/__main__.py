"""Entry point of `python -m evolink_client`."""

from evolink_client.cli import main

main(prog_name="evolink")
