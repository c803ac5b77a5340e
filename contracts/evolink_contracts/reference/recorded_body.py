"""The recorded body of a completed task (S12): the form that a service may show instead of the documented one."""

from collections.abc import Mapping
from typing import Any

from evolink_contracts.reference.numbers import credits_text, finite_number
from evolink_contracts.spec.wire import CREDITS_PER_CNY, CREDITS_PER_USD

_ROUNDED = 0.00051
"""By how much an amount of a currency may differ: half of its third decimal."""
_AMOUNTS = ("credits", "usd", "cny")


def is_recorded(body: Mapping[str, Any]) -> bool:
    """Whether a body has what only the recorded one has."""
    usage = body.get("usage")
    return body.get("status") == "completed" and isinstance(usage, dict) and "cost" in usage


def difference_from_recorded(body: Mapping[str, Any]) -> str:
    """The first difference from the recorded form; empty if there is none."""
    usage, ran = body["usage"], body.get("duration")
    if type(ran) is not int or ran < 0:
        return f"duration is {ran!r}, not the seconds that the task ran"
    if body.get("result_data") != [{"url": link} for link in body.get("results") or ()]:
        return "result_data does not have the links of results"
    cost = usage["cost"]
    if usage.keys() != {"cost", "credits_used"} or not isinstance(cost, dict) or cost.keys() != set(_AMOUNTS):
        return f"usage is {usage}"
    charged, usd, cny = (finite_number(cost[name]) for name in _AMOUNTS)
    if charged is None or usd is None or cny is None or charged < 0 or finite_number(usage["credits_used"]) != charged:
        return f"usage is {usage}"
    wrong = abs(usd - charged / CREDITS_PER_USD) > _ROUNDED or abs(cny - charged / CREDITS_PER_CNY) > _ROUNDED
    return f"{credits_text(charged)} credits are not {usd:g} USD and {cny:g} CNY" if wrong else ""
