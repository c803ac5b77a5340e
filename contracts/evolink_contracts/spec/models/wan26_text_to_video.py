"""wan2.6-text-to-video: a video from a prompt alone; it takes `aspect_ratio` in place of an image."""

from evolink_contracts.spec import fields
from evolink_contracts.spec.models import Model
from evolink_contracts.spec.prices import Price

MODEL = Model(
    name="wan2.6-text-to-video",
    family="wan2.6",
    title="WAN 2.6 text to video",
    fields=(
        fields.PROMPT,
        fields.ASPECT_RATIO,
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
