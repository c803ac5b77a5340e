"""The type of a mutation, and the simplest one: another value of a field."""

from collections.abc import Callable
from typing import Any, TypeAlias

from evolink_mock.core.behaviour import Behaviour

Body: TypeAlias = dict[str, Any]
Mutation: TypeAlias = Callable[[Behaviour], Behaviour]
"""Takes the documented behaviour; gives one with a single field replaced. A new state, such as a counter, each time."""


def setting(**fields: Any) -> Mutation:
    """Replaces one field by a value."""
    return lambda documented: documented._replace(**fields)
