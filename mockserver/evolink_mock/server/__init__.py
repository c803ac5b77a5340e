"""The emulator as a process: uvicorn, TLS, the ready file, logging."""
