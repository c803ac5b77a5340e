"""Idempotency keys of one world: the task created with each key, and the keys whose response is still held back."""

from collections.abc import Collection


class IdempotencyKeys:
    """Keys in use. A key is free again when its task is forgotten."""

    def __init__(self) -> None:
        self._tasks: dict[str, str] = {}
        self._unanswered: set[str] = set()

    def task_of(self, key: str) -> str | None:
        """The id of the task that was created with the key."""
        return self._tasks.get(key)

    def bind(self, key: str, task_id: str) -> None:
        """Remember that a task was created with the key."""
        self._tasks[key] = task_id

    def forget(self, task_ids: Collection[str]) -> None:
        """Free the keys of tasks that are forgotten."""
        self._tasks = {key: name for key, name in self._tasks.items() if name not in task_ids}

    def hold(self, key: str) -> None:
        """The response to the create with this key is held back from now on."""
        self._unanswered.add(key)

    def release(self, key: str) -> None:
        """The response has been sent, or never will be."""
        self._unanswered.discard(key)

    def take_over(self, before: "IdempotencyKeys") -> None:
        """Hold back what was held back before."""
        self._unanswered |= before._unanswered

    def is_unanswered(self, key: str) -> bool:
        """Whether the response to the create with this key is still held back."""
        return key in self._unanswered
