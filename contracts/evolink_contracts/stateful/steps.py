"""The file format of a history: a JSON list of steps, read strictly, and its description for people."""

import json
import re

from evolink_contracts.reference.errors import InvalidHistory
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.actions import ACTIONS, REFUSALS, Step, Steps
from evolink_contracts.trace.events import decoded

_MAX_STEPS = 10_000
_MAX_ADVANCE: Seconds = 7 * 24 * 3600.0
_SILENCES = ("timeout", "reset")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_steps(text: str) -> list[Step]:
    """The steps of a saved history. Raises `InvalidHistory`."""
    found = decoded(text)
    steps = found.get("steps") if isinstance(found, dict) else found
    if not isinstance(steps, list) or len(steps) > _MAX_STEPS:
        raise InvalidHistory(
            f'it must be a list of at most {_MAX_STEPS:,} steps, or an object whose "steps" is such a list'
        )
    for number, step in enumerate(steps, 1):
        if (wrong := _type_error(step)) is not None:
            raise InvalidHistory(f"step {number} {wrong}")
    return steps


def _type_error(step: object) -> str | None:
    if not isinstance(step, dict) or not isinstance(step.get("do"), str) or step["do"] not in ACTIONS:
        return f'must have "do", one of {", ".join(ACTIONS)}'
    values = ACTIONS[step["do"]].values
    if step.keys() - {"do"} != values.keys():
        return f"must have {', '.join(values) or 'nothing'} besides do"
    for name, kinds in values.items():
        if not isinstance(step[name], kinds) or isinstance(step[name], bool):
            return f"has a {name} that is not {' or '.join(kind.__name__ for kind in kinds)}"
    return _range_error(step)


def _range_error(step: Step) -> str | None:
    if _SURROGATE.search(json.dumps(step, ensure_ascii=False)):
        return "has a lone surrogate, which cannot be sent as UTF-8"
    if not (step.get("outcome") or "").isascii():
        return "has an outcome that is not a scenario: a scenario is ASCII text"
    if not all(_is_answer(each) for each in step.get("answers") or ()):
        return f"has an answer that is neither a status from 200 to 599 nor {' nor '.join(_SILENCES)}"
    if step["do"] == "answer_a_callback" and not _is_answer(step["status"]):
        return "must answer with a status from 200 to 599"
    if step["do"] == "advance" and not 0 <= step["seconds"] <= _MAX_ADVANCE:
        return f"must advance by 0 to {_MAX_ADVANCE:g} seconds"
    if step["do"] == "inject" and step["refusal"] not in REFUSALS:
        return f"has a refusal that is not one of {', '.join(REFUSALS)}"
    return None


def _is_answer(word: object) -> bool:
    return word in _SILENCES or (type(word) is int and 200 <= word <= 599)


def describe_steps(steps: Steps) -> list[str]:
    """One line for each step."""
    lines = []
    for step in steps:
        values = [
            f"{name} {json.dumps(step[name], ensure_ascii=False)}"
            for name in ACTIONS[step["do"]].values
            if step[name] is not None and name != "body"
        ]
        lines.append(f"{step['do'].replace('_', ' ')}: {', '.join(values)}".removesuffix(": "))
    return lines
