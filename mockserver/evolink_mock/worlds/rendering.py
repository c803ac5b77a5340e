"""Rendering: the body with which a world answers a query of one of its tasks, and the link of its result.

Queries, callbacks and the control API show a task alike, so this stands below all three.
"""

import msgspec

from evolink_mock.core.task import State, Task
from evolink_mock.worlds.world import World

_encode = msgspec.json.Encoder().encode


def query_body(world: World, name: str, task: Task, state: State, host: bytes | None = None) -> bytes:
    """The JSON body of a query, which an attempt to call back posts as well; `host` is the `Host` of the query."""
    links = (result_link(world, name, task, host),) if state.status == "completed" else ()
    return _encode(world.config.behaviour.task_body(name, task, state, links, world.config.choices))


def result_link(world: World, name: str, task: Task, host: bytes | None = None) -> str:
    """The link of a result, at the `Host` by which its query came, or else at the address of its create."""
    public_url = world.config.public_url
    return f"{public_url.base(public_url.of(host), task.base)}/media/{world.token}/{name}.mp4"
