"""wan2.6-image-to-video: the slower sibling of flash. It always has audio, so it takes no `generate_audio`."""

from evolink_contracts.spec import fields
from evolink_contracts.spec.models import Model
from evolink_contracts.spec.prices import Price

MODEL = Model(
    name="wan2.6-image-to-video",
    family="wan2.6",
    title="WAN 2.6 image to video",
    fields=(
        fields.PROMPT,
        fields.IMAGE_URLS,
        fields.DURATION,
        fields.QUALITY,
        fields.PROMPT_EXTEND,
        fields.MODEL_PARAMS,
        fields.SHOT_TYPE,
        fields.AUDIO_URL,
        fields.CALLBACK_URL,
    ),
    price=Price(credits_per_second=4.76, minimum=6),
    estimated_time=120,
    basis="documented",
    source="S1",
)
