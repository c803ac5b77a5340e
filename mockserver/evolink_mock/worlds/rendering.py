"""Rendering: the body with which a world answers a query of one of its tasks, and the link of its result.

Queries, callbacks and the control API show a task alike, so this stands below all three.
"""

import msgspec

from evolink_mock.core.task import State, Task
from evolink_mock.worlds.world import World

_encode = msgspec.json.Encoder().encode


def query_body(world: World, name: str, task: Task, state: State, seen: str = "") -> bytes:
    """The JSON body of a query, which an attempt to call back posts as well; `seen` is the base URL of the query."""
    links = (result_link(world, name, task, seen),) if state.status == "completed" else ()
    return _encode(world.config.behaviour.task_body(name, task, state, links, world.config.choices))


def result_link(world: World, name: str, task: Task, seen: str = "") -> str:
    """The link of a result, at the address by which its query came, or else its create."""
    return f"{world.config.public_url.base(seen, task.base)}/media/{world.token}/{name}.mp4"
