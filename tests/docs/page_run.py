"""Runs the blocks of a Markdown page in order, as a reader with a few terminals would, and compares what they print.

- `sh` blocks run in one bash, in a directory of the page's own. Each must succeed, or end as a comment in its last line
  announces: `# exit code 1`.
- An `sh` block whose last command is a server (`evolink-mock serve …`, `flask … run`, `python app.py` …) runs in a
  terminal of its own until the page ends, or until the page starts another one on the same port.
- `python` blocks run as scripts; pytest runs those that define tests.
- A block below a paragraph that ends with "`NAME`:" becomes the file NAME.
- What an `sh` block prints ends with a newline.
- A `text` block right below one that runs is what that shall print, with `…` for what differs from run to run.
- Any other `text` block is an excerpt of what a server of the page prints.
- Ports such as 8080 are replaced by free ones.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.page_shell import PageServer, PageShell, PortInUse
from tests.support.pages.markdown_pages import Block
from tests.support.pytest_plugins import NO_OTHERS
from tests.support.reserved_ports import reserved_ports

PORTS = ("8080", "3000", "3443", "9000", "5000", "8000", "8443")
PATIENCE = 30.0
_PORT = re.compile(
    r"(?P<before>(?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1\])(?::|\W{2,3})|port\W{1,4}|listen\(|--bind \S+:)"
    rf"(?P<port>{'|'.join(PORTS)})(?!\d)",
    re.IGNORECASE,
)
_OPTION_PORT = re.compile(r"(?:--port|--bind|--listen|-p)[ =](?:\S+:)?(\d+)")
_LISTENING_PORT = re.compile(r"(?:port\W{1,4}|listen\(|[\"'], ?)(\d+)", re.IGNORECASE)


class PageFailed(AssertionError):
    """A block did not do what its page says."""

    def __init__(self, block: Block, why: str, printed: str = "") -> None:
        super().__init__(f"{block.place}: {why}\n--- the {block.language} block\n{block.text}--- printed\n{printed}")


def as_pattern(expected: str, ports: Mapping[str, str]) -> re.Pattern[str]:
    """What an expected text allows: `…` stands for anything, and a port also for the one that is in its place."""
    marked = _PORT.sub(lambda found: f"{found['before']}\0{found['port']}\0", _trimmed(expected))
    pattern = ".*?".join(re.escape(part) for part in marked.split("…"))
    return re.compile(re.sub("\0([0-9]+)\0", lambda port: f"(?:{port[1]}|{ports[port[1]]})", pattern), re.DOTALL)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


class PageRun:
    """One page on its way: its directory, its shell, its servers, and what the last block printed."""

    def __init__(
        self,
        home: Path,
        environ: Mapping[str, str],
        *,
        replaced: Callable[[str], str] = str,
        patience: float = 300.0,
    ) -> None:
        self._stack = ExitStack()
        self.directory = home / "page"
        self.directory.mkdir()
        self._scripts = home / "blocks"
        self._scripts.mkdir()
        self._ports = dict(zip(PORTS, self._stack.enter_context(reserved_ports(len(PORTS))), strict=True))
        self._replaced = replaced
        self._patience = patience
        own = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache")}
        own |= {"PYTEST_ADDOPTS": " ".join(NO_OTHERS), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
        self._shell = PageShell(self.directory, {**environ, **own})
        self._servers: dict[str, PageServer] = {}
        self._printed: str | PageServer = ""

    def __enter__(self) -> Self:
        self._stack.enter_context(self._shell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.stop()
        self._stack.close()

    def port(self, named: str) -> str:
        """The port of this machine in the place of one that pages name."""
        return self._ports[named]

    def run(self, blocks: Sequence[Block], skipped: Callable[[Block], bool]) -> None:
        """Run them in order; what follows a block that is skipped as its expected output is skipped with it."""
        for block in blocks:
            subject = block.follows if block.is_expected_output and block.follows else block
            if not skipped(subject):
                self._run(block)

    def _run(self, block: Block) -> None:
        if block.file is not None:
            file = self.directory / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._here(block.text), encoding="utf-8")
        elif block.is_expected_output:
            self._compare(block)
        elif block.language == "text":
            self._find_in_a_server(block)
        elif block.language == "python":
            self._run_python(block)
        elif block.language == "sh" and block.serves(self.directory):
            self._serve(block)
        elif block.language == "sh":
            self._run_commands(block)
        else:
            raise PageFailed(block, "nothing runs this block: name its file, or list it in ELSEWHERE with a reason")

    def _here(self, text: str) -> str:
        """A text of the page with ports that are free on this machine."""
        text = _PORT.sub(lambda found: found["before"] + self._ports[found["port"]], self._replaced(text))
        own = self._ports["8080"]
        text = re.sub(r"^(\s*(?:\w+=\S*\s+)*evolink-mock serve)\b(?!.*--port)", rf"\1 --port {own}", text, flags=re.M)
        return re.sub(
            r"^evolink-mock explain\b(?!.*--base-url)",
            f'EVOLINK_BASE_URL="${{EVOLINK_BASE_URL:-http://127.0.0.1:{own}}}" evolink-mock explain',
            text,
            flags=re.M,
        )

    def _script(self, block: Block, suffix: str) -> Path:
        script = self._scripts / f"test_line_{block.line}{suffix}"
        script.write_text(self._here(block.text), encoding="utf-8")
        return script

    def _run_commands(self, block: Block) -> None:
        script = self._script(block, ".sh")
        status, self._printed = self._shell.run(f"source {script}", self._patience)
        if status != block.expected_status:
            why = f"ended with {status} and not {block.expected_status}"
            raise PageFailed(block, f"{why}\n{self._said_by_servers()}", self._printed)
        if self._printed[-1:] not in ("", "\n"):
            raise PageFailed(block, "a reader's prompt follows its output, which ends without a newline", self._printed)

    def _run_python(self, block: Block) -> None:
        script = self._script(block, ".py")
        tests = re.search(r"^(?:async )?def test_", block.text, re.M)
        how = f"-m pytest -q --rootdir={self._scripts}" if tests else "-W error"
        status, self._printed = self._shell.run(f"python {how} {script}", self._patience)
        if status:
            raise PageFailed(block, f"ended with {status}\n{self._said_by_servers()}", self._printed)

    def _serve(self, block: Block) -> None:
        script = self._script(block, ".sh")
        port = self._port_of(block, script)
        if port in self._servers:
            self._servers.pop(port).stop()
        try:
            server = self._servers[port] = PageServer(script, self._shell, int(port))
        except PortInUse as error:
            raise PageFailed(block, str(error), self._said_by_servers()) from None
        self._printed = server
        if not server.wait_until_ready(PATIENCE):
            raise PageFailed(block, f"this server did not listen at port {port}", server.output)

    def _port_of(self, block: Block, script: Path) -> str:
        """The port that its command names, or else the file that the command runs."""
        command, file = script.read_text(encoding="utf-8"), block.served_file()
        served = (self.directory / file).read_text(encoding="utf-8") if file else ""
        for text, named in ((command, _OPTION_PORT), (served, _LISTENING_PORT)):
            if found := [port for port in named.findall(text) if port in self._ports.values()]:
                return str(found[-1])
        raise PageFailed(block, f"the port of this server is none of {', '.join(PORTS)}")

    def _compare(self, block: Block) -> None:
        pattern = as_pattern(block.text, self._ports)
        if isinstance(self._printed, PageServer):
            self._wait_for(block, pattern, [self._printed])
        elif not pattern.fullmatch(_trimmed(self._printed)):
            raise PageFailed(block, "this is not what was printed", self._printed)

    def _find_in_a_server(self, block: Block) -> None:
        self._wait_for(block, as_pattern(block.text, self._ports), list(self._servers.values()))

    def _wait_for(self, block: Block, pattern: re.Pattern[str], servers: list[PageServer]) -> None:
        """Until one of the servers has printed it, since a server prints in its own time."""
        deadline = time.monotonic() + PATIENCE
        while not any(pattern.search(_trimmed(server.output)) for server in servers):
            if not servers or time.monotonic() > deadline:
                raise PageFailed(block, "no server of the page printed this", self._said_by_servers())
            time.sleep(0.01)

    def _said_by_servers(self) -> str:
        return "".join(f"--- the server at port {port}\n{server.output}" for port, server in self._servers.items())
