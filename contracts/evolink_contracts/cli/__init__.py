"""The command `evolink-contracts`."""
