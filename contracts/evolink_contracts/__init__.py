"""Facts of the EvoLink API, and the contract kit. Imports nothing, so that reading the facts loads no Hypothesis."""
