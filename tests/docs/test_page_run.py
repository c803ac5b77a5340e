"""The runner of pages notices what is wrong with a page, and says where."""

import errno
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.page_run import PageFailed, PageRun
from tests.support.pages.markdown_pages import Block, read_blocks
from tests.support.reserved_ports import reserved_ports

ROOT = Path(__file__).parent.parent.parent

SERVER = """
import http.server
from pathlib import Path

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{said}")

http.server.HTTPServer(("127.0.0.1", 3000), Handler).serve_forever()
"""


def fence(language: str, text: str, above: str = "Next:") -> str:
    return f"{above}\n\n```{language}\n{text.strip(chr(10))}\n```\n\n"


def expected(text: str) -> str:
    return f"```text\n{text}\n```\n\n"


def run(home: Path, *parts: str, skipped: str | None = None, patience: float = 30.0) -> PageRun:
    (home / "page.md").write_text("".join(parts), encoding="utf-8")
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with PageRun(home, environ, patience=patience) as page:
        page.run(read_blocks(home / "page.md", "page.md"), lambda block: block.text.strip() == skipped)
    return page


def failure(home: Path, *parts: str, patience: float = 30.0) -> str:
    with pytest.raises(PageFailed) as failed:
        run(home, *parts, patience=patience)
    return str(failed.value)


def test_variables_aliases_functions_and_the_directory_stay_from_block_to_block(tmp_path: Path) -> None:
    first = fence(
        "sh", "alias say='echo said'\nthing=cat\nexport OTHER=dog\nmkdir sub && cd sub\ntwice() { echo $1 $1; }"
    )
    run(tmp_path, first, fence("sh", "say $thing\ntwice $OTHER\nbasename $PWD"), expected("said cat\ndog dog\nsub"))


def test_what_differs_from_run_to_run_is_written_as_dots(tmp_path: Path) -> None:
    run(tmp_path, fence("sh", "echo one $$ two; echo; echo three"), expected("one … two\n…\nthree"))


def test_a_wrong_expected_output_is_found(tmp_path: Path) -> None:
    said = failure(tmp_path, fence("sh", "echo one; echo two >&2"), expected("one"))
    assert said == "page.md:7: this is not what was printed\n--- the text block\none\n--- printed\none\ntwo\n"


def test_an_output_without_a_newline_at_its_end_is_found(tmp_path: Path) -> None:
    assert "page.md:3: a reader's prompt follows" in failure(tmp_path, fence("sh", "printf one"), expected("one"))


def test_an_output_that_says_less_than_was_printed_is_found(tmp_path: Path) -> None:
    assert "page.md:7" in failure(tmp_path, fence("sh", "echo one; echo two; echo three"), expected("one\n…\ntwo"))


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("false\necho on", 1),
        ("echo a | grep b | cat", 1),
        ("(exit 3)", 3),
        ("nothing-of-this-name", 127),
        ("cat", None),
    ],
)
def test_a_command_that_fails_is_found_wherever_it_stands(tmp_path: Path, command: str, status: int | None) -> None:
    if status is None:
        run(tmp_path, fence("sh", command))
    else:
        assert f"page.md:3: ended with {status} and not 0" in failure(tmp_path, fence("sh", command))


def test_a_variable_that_nothing_set_is_found(tmp_path: Path) -> None:
    said = failure(tmp_path, fence("sh", "echo $TASK"))
    assert "page.md:3: ended with the end of the shell and not 0" in said
    assert "TASK: unbound variable" in said


def test_a_command_without_an_end_is_found(tmp_path: Path) -> None:
    assert "no end within 0.2 s" in failure(tmp_path, fence("sh", "read forever < <(tail -f /dev/null)"), patience=0.2)


def test_a_comment_says_with_which_status_a_command_ends(tmp_path: Path) -> None:
    run(tmp_path, fence("sh", "(exit 3)  # exit code 3"), fence("sh", "echo on"), expected("on"))
    other = tmp_path / "other"
    other.mkdir()
    assert "page.md:3: ended with 0 and not 3" in failure(other, fence("sh", "true  # exit code 3"))


def test_python_runs_and_its_tests_run_too(tmp_path: Path) -> None:
    run(tmp_path, fence("python", "print(6 * 7)"), expected("42"))
    for name, script in (("raises", "1 / 0"), ("warns", "import warnings\nwarnings.warn('x')")):
        (tmp_path / name).mkdir()
        assert "page.md:3: ended with 1" in failure(tmp_path / name, fence("python", script))
    (tmp_path / "test").mkdir()
    said = failure(tmp_path / "test", fence("python", "def test_it():\n    assert 6 * 7 == 43"))
    assert "1 failed" in said


def test_a_block_becomes_the_file_that_the_paragraph_above_names(tmp_path: Path) -> None:
    page = fence("python", "x = 1", "Write the module `pack/one.py`:"), fence("toml", "a = 2", "and `two.toml`:")
    run(tmp_path, *page, fence("sh", "cat pack/one.py two.toml"), expected("x = 1\na = 2"))


@pytest.mark.parametrize("language", ["toml", "yaml", "json", "html", "", "console"])
def test_a_block_that_nothing_runs_is_found(tmp_path: Path, language: str) -> None:
    assert "page.md:3: nothing runs this block" in failure(tmp_path, fence(language, "a"))
    (tmp_path / "listed").mkdir()
    run(tmp_path / "listed", fence(language, "a"), expected("b"), skipped="a")


def test_an_excerpt_of_no_server_is_found(tmp_path: Path) -> None:
    assert "page.md:3: no server of the page printed this" in failure(tmp_path, fence("text", "listening"))


def test_the_commands_that_make_an_environment_can_be_left_out() -> None:
    text = "python3 -m venv v\n. v/bin/activate\npip install \\\n  '.[media]' flask\nflask --app app run --port 3000\n"
    block = Block("page.md", 1, "sh", text)
    assert block.installs
    assert block.without_installing.text == "flask --app app run --port 3000\n"
    assert block.without_installing.serves(Path("/"))
    assert not block.without_installing.installs
    assert not Block("page.md", 1, "python", "pip install flask\n").installs


def test_a_server_runs_until_the_page_ends_or_starts_another_there(tmp_path: Path) -> None:
    def served(said: str) -> str:
        return fence("python", SERVER.replace("{said}", said), "The server `app.py`:") + fence("sh", "python app.py")

    ask = fence("sh", "curl -s -w '\\n' http://127.0.0.1:3000/path")
    page = run(tmp_path, served("first"), ask, expected("first"), served("second"), ask, expected("second"))
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", int(page.port("3000")))) == errno.ECONNREFUSED


def test_an_emulator_is_a_server_and_prints_what_the_page_says(tmp_path: Path) -> None:
    run(
        tmp_path,
        fence("sh", "evolink-mock serve --clock manual"),
        expected("evolink-mock is ready at http://127.0.0.1:8080\n…clock: manual"),
        fence("sh", 'curl -s -w "\\n" http://127.0.0.1:8080/v1/credits -H "Authorization: Bearer sk-page"'),
        expected('{"data":{"token":{"remaining_credits":…'),
        fence("text", "Ctrl+C stops it."),
    )


def test_a_server_at_a_port_that_is_in_use_is_not_taken_for_one_that_started(tmp_path: Path) -> None:
    # A program that listens at the port although the page has not started it as a server.
    opens = "import socket; taken = socket.create_server(('127.0.0.1', 3000))"
    listen = f"{opens}; print('listens', flush=True); import time; time.sleep(60)"
    other = fence("sh", f'exec 3< <(exec python -c "{listen}")\nread -u 3 said\necho $said')
    said = failure(tmp_path, other, expected("listens"), fence("sh", "evolink-mock serve --port 3000"))
    assert "something else listens at port" in said


def test_ports_are_reserved_in_all_processes_until_the_page_ends() -> None:
    with reserved_ports(2) as taken:
        among = [int(port) for port in taken]
        reserve = f"from tests.support.reserved_ports import reserved_ports as r\nwith r(1, {among}): pass"
        other = subprocess.run([sys.executable, "-c", reserve], capture_output=True, text=True, cwd=ROOT, check=False)
        assert "only 0 of 1 ports are free" in other.stderr
        for port in among:
            socket.create_server(("127.0.0.1", port)).close()
    subprocess.run([sys.executable, "-c", reserve], cwd=ROOT, check=True)


def test_no_port_of_a_page_is_one_that_the_system_hands_out() -> None:
    with reserved_ports(5) as ports, ExitStack() as stack:
        handed_out = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(50)]
    assert max(map(int, ports)) < min(handed_out)


def test_a_server_that_does_not_start_is_found(tmp_path: Path) -> None:
    said = failure(tmp_path, fence("sh", "evolink-mock serve --clock sundial"))
    assert "page.md:3: this server did not listen" in said
    assert "manual" in said
