"""Coverage of the documents: each sentence with the promises that test it, or the reason why none can."""

from typing import Literal, NamedTuple, TypeAlias

Page: TypeAlias = Literal["create", "callback", "query", "error", "credits"]


class Sentence(NamedTuple):
    """One statement of a page, in the words of this project.

    A sentence without `shown_by` has a `why`; with both, `why` names the part that no promise tests.
    """

    page: Page
    says: str
    shown_by: tuple[str, ...] = ()
    why: str = ""


_BYTES = "it depends on the bytes of a file, which are fetched after the create and shown in no response"
_VIDEO = "it shows in the video, and in no response"
_ADVICE = "it is advice to a client"
_UNPROVOKED = "a valid account cannot provoke it; if it occurs, its form is checked"

SENTENCES: tuple[Sentence, ...] = (
    Sentence("create", "The model turns a first frame into a video, faster than its sibling.", (), _VIDEO),
    Sentence("create", "A create returns an id at once, and the task is queried by it.", ("VC-003", "VC-053")),
    Sentence("create", "A link to a generated video works for 24 hours.", ("VC-054",)),
    Sentence("create", "Every call carries a bearer token.", ("VC-032",)),
    Sentence("create", "The body is JSON.", ("VC-026",)),
    Sentence("create", "model names this model.", ("VC-011", "VC-025")),
    Sentence("create", "prompt is required, and is limited to 1,500 characters.", ("VC-012",)),
    Sentence("create", "image_urls is required, and holds one image URL.", ("VC-013",)),
    Sentence("create", "An image has at most 10 MB.", (), _BYTES),
    Sentence("create", "An image is jpeg, png without transparency, bmp or webp.", (), _BYTES),
    Sentence("create", "Each side of an image has 360 to 2,000 pixels.", (), _BYTES),
    Sentence("create", "An image's URL points directly to the file.", (), _BYTES),
    Sentence("create", "duration is any whole number of seconds from 2 to 15.", ("VC-014",)),
    Sentence(
        "create",
        "duration is charged in advance.",
        ("VC-080",),
        "an account may have other prices; a live run checks none",
    ),
    Sentence("create", "The final charge is based on the real length of the video.", ("VC-083",)),
    Sentence("create", "quality is 720p, unless 1080p is requested.", ("VC-015", "VC-080")),
    Sentence("create", "1080p costs more than 720p.", ("VC-080", "VC-081")),
    Sentence(
        "create",
        "prompt_extend is true unless it is switched off, and lets the service rewrite the prompt.",
        ("VC-016",),
        _VIDEO,
    ),
    Sentence("create", "model_params holds the model's own parameters.", ("VC-017",)),
    Sentence("create", "shot_type is single, unless multi is requested.", ("VC-018",), _VIDEO),
    Sentence(
        "create", "shot_type takes effect only with prompt_extend, and then has precedence over the prompt.", (), _VIDEO
    ),
    Sentence("create", "audio_url points to the audio that the video is generated for.", ("VC-019",), _VIDEO),
    Sentence("create", "Audio is an mp3 of 3 to 30 seconds and at most 15 MB.", (), _BYTES),
    Sentence("create", "Audio longer than the video is trimmed, and shorter audio is padded with silence.", (), _VIDEO),
    Sentence("create", "generate_audio is true unless it is switched off.", ("VC-020", "VC-080")),
    Sentence("create", "A video with audio costs more than a silent one.", ("VC-081",)),
    Sentence("create", "A successful create gets 200.", ("VC-001", "VC-002")),
    Sentence("create", "created is the time of the create in Unix seconds.", ("VC-009",)),
    Sentence("create", "id is unique to the task.", ("VC-007", "VC-008")),
    Sentence("create", "model is the model that was used.", ("VC-010",)),
    Sentence("create", "object is video.generation.task, and type is video.", ("VC-004",)),
    Sentence("create", "progress is a percentage and status a word; a new task starts at 0 and pending.", ("VC-004",)),
    Sentence("create", "task_info says whether the task can be cancelled, and estimates the seconds.", ("VC-005",)),
    Sentence("create", "usage has the billing rule, the credits reserved and the user's group.", ("VC-006",)),
    Sentence("create", "A faulty request gets 400 invalid_request.", ("VC-033",)),
    Sentence("create", "A bad token gets 401 unauthorized.", ("VC-032", "VC-031")),
    Sentence("create", "Too few credits get 402 insufficient_quota.", ("VC-085",)),
    Sentence("create", "A create with a model that the key may not use gets 403 model_access_denied.", ("VC-025",)),
    Sentence("create", "Too many requests get 429 rate_limit_exceeded.", ("VC-031",), _UNPROVOKED),
    Sentence("create", "Any other failure gets 500 internal_error.", ("VC-031",), _UNPROVOKED),
    Sentence("create", "An error has a code, a message and a type.", ("VC-030", "VC-031")),
    Sentence("callback", "callback_url is a string.", ("VC-024",)),
    Sentence("callback", "callback_url must use https.", ("VC-021",)),
    Sentence("callback", "callback_url must not point to an internal address.", ("VC-023",)),
    Sentence("callback", "callback_url has at most 2,048 characters.", ("VC-022",)),
    Sentence(
        "callback", "The callback is sent to the given URL, when the task has ended.", ("VC-061", "VC-062", "VC-070")
    ),
    Sentence(
        "callback", "The callback is sent after completion, failure or cancellation.", ("VC-069", "VC-063", "VC-071")
    ),
    Sentence(
        "callback",
        "The callback is sent after billing was confirmed.",
        (),
        "a callback says nothing about billing, and a query of the credits comes later",
    ),
    Sentence("callback", "A receiver has 10 seconds.", ("VC-068",)),
    Sentence("callback", "A failure is followed by at most three retries.", ("VC-065", "VC-066")),
    Sentence("callback", "Retries come 1, 2 and 4 seconds after the failure.", ("VC-067",)),
    Sentence("callback", "The body is the response to a query of the task.", ("VC-060", "VC-072")),
    Sentence("callback", "Any 2xx is a success; after every other status there is a retry.", ("VC-064", "VC-065")),
    Sentence("callback", "No page mentions a signature.", ("VC-073",)),
    Sentence("query", "A task id begins with task-unified-; any other gets 400 invalid_task_id.", ("VC-035",)),
    Sentence("query", "A query returns id, object, created, model and type.", ("VC-040", "VC-051")),
    Sentence("query", "status is pending, processing, completed or failed.", ("VC-041", "VC-042", "VC-055")),
    Sentence("query", "progress is from 0 to 100.", ("VC-043", "VC-044")),
    Sentence("query", "results are the URLs of a completed task.", ("VC-045",)),
    Sentence("query", "Only a failed task has an error, and its type is task_error.", ("VC-046",)),
    Sentence("query", "task_info says whether the task can be cancelled.", ("VC-040", "VC-049")),
    Sentence("query", "A query returns these fields, and usage is not one of them.", ("VC-052",)),
    Sentence("query", "A missing token gets 401 unauthorized.", ("VC-032", "VC-031")),
    Sentence("query", "A query without quota gets 402 quota_exceeded.", ("VC-031",), _UNPROVOKED),
    Sentence("query", "Another account's task gets 403 permission_denied.", ("VC-090",)),
    Sentence("query", "An unknown task gets 404 task_not_found.", ("VC-036",)),
    Sentence("query", "Too many requests get 429 rate_limit_exceeded.", ("VC-031",), _UNPROVOKED),
    Sentence("query", "Any other failure gets 500 internal_error.", ("VC-031",), _UNPROVOKED),
    Sentence("error", "A failed task names one of thirteen codes.", ("VC-048",), "only an emulator fails on request"),
    Sentence("error", "A failed task has a message, and its progress is 0 %.", ("VC-046", "VC-047")),
    Sentence("error", "Each code has certain messages.", (), "they are examples, and other messages may occur"),
    Sentence("error", "Some codes can be retried after some seconds.", (), _ADVICE),
    Sentence("error", "Images of some formats and sizes are supported.", (), _BYTES),
    Sentence("error", "Failures cost nothing.", ("VC-083",)),
    Sentence("credits", "A credits query returns the used and the remaining credits.", ("VC-082", "VC-084")),
    Sentence("error", "A task that is too old cannot be queried.", (), "no page says how old that is"),
    Sentence("error", "Tasks should be polled every few seconds.", (), _ADVICE),
)
"""Every sentence of the model page (create and callback), and of the task query, error code and credits pages."""
