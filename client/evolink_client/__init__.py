"""The typed client of EvoLink's asynchronous video API. It exports nothing yet."""
