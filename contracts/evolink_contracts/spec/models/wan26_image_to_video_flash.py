"""wan2.6-image-to-video-flash: one image becomes a video, faster, with or without audio."""

from evolink_contracts.spec import fields
from evolink_contracts.spec.models import Model, Rate

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
    # The upstream's list price in CNY a second (S8) at 10 credits a yuan; silence is exactly half.
    rates=(
        Rate(quality="720p", audio=True, credits_per_second=3.0),
        Rate(quality="1080p", audio=True, credits_per_second=5.0),
        Rate(quality="720p", audio=False, credits_per_second=1.5),
        Rate(quality="1080p", audio=False, credits_per_second=2.5),
    ),
    estimated_time=120,
    basis="documented",
    source="S1a",
)
