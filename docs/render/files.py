"""The files that the emulator reads: settings and scenarios, in TOML."""

from collections.abc import Iterator
from typing import Any

from docs.render import Page
from docs.render.control_api import form
from docs.render.markdown import block, code, join
from evolink_mock.core.choices import Choices
from evolink_mock.scenarios.file import MAX_BYTES, check_file
from evolink_mock.scenarios.schema import MAX_RULES, RuleSpec
from evolink_mock.settings import NAMES
from evolink_mock.settings.record import Settings

SETTINGS = """\
clock = "manual"
generation_time = "5s"
balance = 100.0

[callback_route]
"https://app.example.com" = "http://127.0.0.1:3000"

[keys.sk-poor]
balance = 2.0
scenario = "query_latency=1s"

[keys.sk-limited]
requests_per_minute = 10
concurrent_tasks = 2
models = ["wan2.6-image-to-video-flash"]

[choices]
cancelled_as = "cancelled"
"""

SCENARIOS = """\
# Three times 429, then no fault; after that two in five fail.
[[rule]]
name = "busy, then flaky"
match = { model = "wan2.6-image-to-video-flash", prompt_contains = "cat" }
steps = [
  { scenario = "create=rate_limited; retry_after=2", times = 3 },
  { scenario = "ok", times = 1 },
  { weights = { "fail=service_error" = 2, "ok" = 3 } },
]

[[rule]]
operation = "query"
match = { key = "sk-slow" }
scenario = "query_latency=2s"
times = 10
"""


def _body() -> str:
    rules, errors, _ = check_file(SCENARIOS.encode())
    assert len(rules) == 2, errors
    return join(
        "## Settings file",
        "Named by `--config FILE` or `EVOLINK_MOCK_CONFIG`. Options and environment variables take precedence over it. "
        "Every name is one of [Settings](settings.md); a setting that answers an open question of the API, "
        "such as `cancelled_as`, may also be in the table `[choices]`, where it means the same.",
        block(SETTINGS, "toml"),
        "Every setting that has a default, with it:",
        block("\n".join(_defaults()), "toml"),
        "## Scenario file",
        f"Named by `--scenarios FILE` and reloaded when it changes. At most {MAX_RULES:,} rules and "
        f"{MAX_BYTES // 2**20} MiB. The first rule that matches a request and is not used up decides it. "
        "`evolink-mock check FILE` lists the errors of a file by line; editors that support JSON Schema can use "
        "`GET /__mock/scenarios/schema` to complete and check it.",
        block(SCENARIOS, "toml"),
        f"Fields of a {code('[[rule]]')}, which are also those of `POST /__mock/scenarios`:",
        form(RuleSpec),
    )


def _defaults() -> Iterator[str]:
    settings = Settings()
    for name in NAMES:
        value = getattr(settings.choices if name in Choices.__dataclass_fields__ else settings, name)
        if value in (None, "") or isinstance(value, dict):
            continue
        yield f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


PAGE = Page("Files", "The settings file and the scenario file, in TOML.", _body)
