"""Values of the documented examples, which documents, probes and tests share."""

from evolink_contracts.spec.models import FLASH
from evolink_contracts.spec.wire import TASK_ID_PREFIX, UnixSeconds

EXAMPLE_CREATED: UnixSeconds = 1757169743
"""The instant of the create page's example (S1a)."""
EXAMPLE_TASK_ID = f"{TASK_ID_PREFIX}{EXAMPLE_CREATED}-7cvnl5zw"
"""The task of that example."""
EXAMPLE_MODEL = FLASH.name
EXAMPLE_RESULT_URL = "https://media.evolink.ai/video.mp4"
