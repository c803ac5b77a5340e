"""Output of `evolink-contracts`: free of control characters of a service, in every format."""

import json

import pytest

from evolink_contracts.reporting.formats import FORMATS
from tests.support.hostile_servers import hostile, says
from tests.support.kit_command import kit
from tests.support.receivers import whole

ODD = "a\x1b]0;title\x07b\x1b[31mc\x9b31md\x7fe\rf\x08g\ud800h"
CONTROL = {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160), *range(0xD800, 0xE000))}
RESPONSES = {
    "task": whole(200, json.dumps({"id": ODD, "status": ODD, "usage": {"credits_reserved": ODD}, ODD: ODD}).encode()),
    "error": whole(400, json.dumps({"error": {"code": ODD, "message": ODD, "type": ODD}}).encode()),
    "text": whole(500, ODD.encode("utf-8", "surrogatepass"), "X-Request-Id: a\x9bb"),
    "no HTTP": b"\x1b]0;title\x07 nonsense\r\n\r\n",
}


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize(
    "form", [form if form in ("text", "html") else pytest.param(form, marks=pytest.mark.slow) for form in FORMATS]
)
def test_no_service_controls_the_terminal(response: str, form: str) -> None:
    for profile in (("live-safe",), ("live", "--max-credits", "24"), ("emulator",)):
        with hostile(says(RESPONSES[response])) as url:
            ran = kit("run", "--base-url", url, "--api-key", "sk-x", "--format", form, "--profile", *profile)
        assert not CONTROL & set(ran.stdout + ran.stderr)
        assert ran.stdout + ran.stderr
