"""wan2.6-image-to-video-flash: one image becomes a video, faster, with or without audio."""

from evolink_contracts.spec import fields
from evolink_contracts.spec.models import Model
from evolink_contracts.spec.prices import Price

MODEL = Model(
    name="wan2.6-image-to-video-flash",
    family="wan2.6",
    title="WAN 2.6 image to video, flash",
    fields=(
        fields.PROMPT,
        fields.IMAGE_URLS,
        fields.DURATION,
        fields.QUALITY,
        fields.PROMPT_EXTEND,
        fields.MODEL_PARAMS,
        fields.SHOT_TYPE,
        fields.AUDIO_URL,
        fields.GENERATE_AUDIO,
        fields.CALLBACK_URL,
    ),
    price=Price(credits_per_second=2.38, minimum=6, silent_factor=0.5),
    estimated_time=120,
    basis="documented",
    source="S1a",
)
