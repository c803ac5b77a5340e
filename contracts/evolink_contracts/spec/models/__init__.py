"""Models, one file each. A file in this folder is found, and so is served, validated, priced and documented."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.prices import Price
from evolink_contracts.spec.sources import Basis


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the create call: its fields in the order in which violations are reported, and its price."""

    name: str
    family: str
    """Variants of one family share rate limits (S7)."""
    title: str
    fields: tuple[Field, ...]
    price: Price
    estimated_time: int
    """Seconds, as the answer to create shows them; never the real time of a task."""
    basis: Basis
    source: str


def _discovered() -> dict[str, Model]:
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    models: list[Model] = [import_module(f"{__name__}.{name}").MODEL for name in names]
    return {model.name: model for model in models}


MODELS: Mapping[str, Model] = MappingProxyType(_discovered())
"""Every model by its name."""

FLASH = MODELS["wan2.6-image-to-video-flash"]
"""The model of the documented examples."""
