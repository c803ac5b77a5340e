"""Proxy on a socket that passes only the calls of the API, and drops the headers that it does not know."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSED_ON = frozenset({"authorization", "content-type", "idempotency-key"})


class _Server(ThreadingHTTPServer):
    def __init__(self, upstream: tuple[str, int], status: Callable[[str, int], int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet: in two, the second waits for the acknowledgement of the first.
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.upstream = HTTPConnection(*self.server.upstream, timeout=30)

    def finish(self) -> None:
        super().finish()
        self.upstream.close()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.startswith("/v1/"):
            self._answer(404, b"<!doctype html><title>404</title>", {"content-type": "text/html"})
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        self.upstream.request(self.command, self.path, body or None, headers)
        answer = self.upstream.getresponse()
        kept = ("x-", "idempotency-", "content-type")
        shown = {name: value for name, value in answer.getheaders() if name.lower().startswith(kept)}
        self._answer(self.server.status(self.path, answer.status), answer.read(), shown)

    do_POST = do_DELETE = do_GET  # noqa: N815  # As http.server names them.

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def api_proxy(
    upstream: tuple[str, int], status: Callable[[str, int], int] = lambda path, status: status
) -> Iterator[str]:
    """The base URL of a proxy of an emulator; `status` may change the status of a response."""
    httpd = _Server(upstream, status)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
