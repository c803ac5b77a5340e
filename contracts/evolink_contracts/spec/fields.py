"""Request fields of create: type, limits and default. The file of a model lists its fields in order."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evolink_contracts.spec.sources import Basis

Kind: TypeAlias = Literal["string", "integer", "boolean", "object", "url", "urls"]


@dataclass(frozen=True, kw_only=True)
class Media:
    """Limits of a file behind a URL. Sizes in bytes, sides in pixels, durations in seconds."""

    noun: str
    suffixes: tuple[str, ...]
    foreign_suffixes: tuple[str, ...]
    """Endings that certainly name another format; any other ending is accepted."""
    failure: str
    """The task failure code of a file in a wrong format."""
    max_bytes: int
    min_side: int | None = None
    max_side: int | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Field:
    """One request field. A limit of `None` means no limit.

    `default` is the value an absent field takes; `schema_default` is whether the documented schema states it,
    or only the text of the page, and then only a description in the OpenAPI document does.
    """

    name: str
    kind: Kind
    meaning: str
    example: object
    required: bool = False
    default: object = None
    schema_default: bool = False
    parent: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    """In Unicode code points."""
    max_items: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """Regular expression for a whole URL, with the same meaning in Python and ECMAScript."""
    media: Media | None = None
    observable: bool = True
    """Whether any answer of the API depends on the value."""
    basis: Basis = "documented"
    source: str = "S1a"

    @property
    def path(self) -> str:
        """The field's name as error messages give it, such as `model_params.shot_type`."""
        return f"{self.parent}.{self.name}" if self.parent else self.name


_NOT_MEDIA = (".html", ".htm", ".pdf", ".txt", ".zip", ".json")
_FOREIGN_IMAGES = (".gif", ".heic", ".heif", ".avif", ".tif", ".tiff", ".svg", ".ico")
_SOUND = (".mp3", ".wav", ".m4a", ".aac", ".ogg", ".flac")
_MOVING = (".mp4", ".mov", ".webm", ".avi", ".mkv")

_PRINTABLE = r"[^\x00-\x20\x7f\\]"
_AUTHORITY = r"[^\x00-\x20\x7f/?#@:\[\]\\]+"
_PORT = r"(:[0-9]{0,5})?"
HTTP_URL = rf"^[Hh][Tt][Tt][Pp][Ss]?://([^\x00-\x20\x7f/?#@\\]*@)?({_AUTHORITY}|\[[0-9A-Fa-f:.]+\]){_PORT}([/?#]{_PRINTABLE}*)?$"
HTTPS_URL = rf"^[Hh][Tt][Tt][Pp][Ss]://({_AUTHORITY}|\[[0-9A-Fa-f:.]+\]){_PORT}([/?#]{_PRINTABLE}*)?$"
"""Without credentials, since a callback URL must not contain any."""

IMAGE = Media(
    noun="image",
    suffixes=(".jpeg", ".jpg", ".png", ".bmp", ".webp"),
    foreign_suffixes=(*_FOREIGN_IMAGES, *_SOUND, *_MOVING, *_NOT_MEDIA),
    failure="image_processing_error",
    max_bytes=10 * 1024 * 1024,
    min_side=360,
    max_side=2000,
)
AUDIO = Media(
    noun="audio file",
    suffixes=(".mp3",),
    foreign_suffixes=(*_SOUND[1:], *_MOVING, ".jpeg", ".jpg", ".png", ".bmp", ".webp", ".gif", *_NOT_MEDIA),
    failure="invalid_parameters",
    max_bytes=15 * 1024 * 1024,
    min_seconds=3,
    max_seconds=30,
)

PROMPT = Field(
    name="prompt",
    kind="string",
    required=True,
    max_length=1500,
    meaning="What the video should show, in at most 1,500 characters.",
    example="A cat playing piano",
)
IMAGE_URLS = Field(
    name="image_urls",
    kind="urls",
    required=True,
    max_items=1,
    pattern=HTTP_URL,
    media=IMAGE,
    meaning="Exactly one image, the video's first frame: jpeg, jpg, png without transparency, bmp or webp, at most "
    "10 MB, each side from 360 to 2,000 pixels, reachable without login.",
    example=["https://example.com/image1.png"],
)
DURATION = Field(
    name="duration",
    kind="integer",
    minimum=2,
    maximum=15,
    meaning="Length of the video in whole seconds. It sets the reserved credits; the real length sets the charge.",
    example=5,
)
QUALITY = Field(
    name="quality",
    kind="string",
    choices=("720p", "1080p"),
    default="720p",
    meaning="Resolution class. 1080p costs more.",
    example="720p",
)
PROMPT_EXTEND = Field(
    name="prompt_extend",
    kind="boolean",
    default=True,
    observable=False,
    meaning="Whether a language model may rewrite the prompt.",
    example=True,
)
MODEL_PARAMS = Field(
    name="model_params",
    kind="object",
    meaning="Settings of this model alone. Unknown keys are ignored.",
    example={"shot_type": "single"},
)
SHOT_TYPE = Field(
    name="shot_type",
    kind="string",
    parent="model_params",
    choices=("single", "multi"),
    default="single",
    observable=False,
    meaning="One continuous shot or several. It takes effect only with `prompt_extend`, and then overrides the prompt.",
    example="single",
)
AUDIO_URL = Field(
    name="audio_url",
    kind="url",
    pattern=HTTP_URL,
    media=AUDIO,
    meaning="An mp3 of 3 to 30 seconds and at most 15 MB to go with the video: longer audio is trimmed, "
    "shorter audio is padded with silence.",
    example="https://example.com/sound.mp3",
)
GENERATE_AUDIO = Field(
    name="generate_audio",
    kind="boolean",
    default=True,
    schema_default=True,
    meaning="Whether the video has audio. Videos without audio cost less.",
    example=True,
)
ASPECT_RATIO = Field(
    name="aspect_ratio",
    kind="string",
    choices=("16:9", "9:16", "1:1", "4:3", "3:4"),
    default="16:9",
    observable=False,
    meaning="Aspect ratio of the video, if no image sets it.",
    example="16:9",
)
CALLBACK_URL = Field(
    name="callback_url",
    kind="url",
    pattern=HTTPS_URL,
    max_length=2048,
    meaning="URL of the callback at the end of the task: HTTPS only, at most 2,048 characters, no internal address.",
    example="https://your-domain.com/webhooks/video-task-completed",
)
