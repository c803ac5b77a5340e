"""`python -m evolink_mock` is `evolink-mock`."""

from evolink_mock.cli import main

main()
