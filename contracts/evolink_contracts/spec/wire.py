"""JSON of the API: its literals, its units, and the types of its bodies."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

Seconds: TypeAlias = float
"""A duration in seconds."""
UnixSeconds: TypeAlias = int
"""An instant as whole seconds since 1970-01-01T00:00Z, as `created` shows it."""
Credits: TypeAlias = float
"""An amount of EvoLink credits; at most four decimals, as the credits page shows them."""

CREDITS_PER_USD = 68
CREDITS_PER_CNY = 10
"""Credits for one unit of each currency (S11)."""

Status: TypeAlias = Literal["pending", "processing", "completed", "failed", "cancelled"]
"""`cancelled` is shown only where the setting `cancelled_as` asks for it (S2, S6)."""

TERMINAL: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})
DOCUMENTED_STATUSES: tuple[Status, ...] = ("pending", "processing", "completed", "failed")

TASK_OBJECT = "video.generation.task"
OUTPUT_TYPES = ("text", "image", "audio", "video")
BILLING_RULES = ("per_call", "per_token", "per_second")

TASK_ID_PREFIX = "task-unified-"
TASK_ID_PATTERN = r"^task-unified-[0-9]+-[a-z0-9]{8}$"


class CreatedTaskInfo(TypedDict):
    """`estimated_time` is in seconds."""

    can_cancel: bool
    estimated_time: int


class Usage(TypedDict):
    """Billing as the create answer shows it; `credits_used` only in queries under `task_usage=include`."""

    billing_rule: str
    credits_reserved: Credits
    credits_used: NotRequired[Credits]
    user_group: str


class Cost(TypedDict):
    """The cost of a task in each currency (S12)."""

    credits: Credits
    usd: float
    cny: float


class RecordedUsage(TypedDict):
    """Billing of a completed task under `body_profile=recorded`."""

    cost: Cost
    credits_used: Credits


class CreatedTask(TypedDict):
    """The 200 body of create (S1a)."""

    created: UnixSeconds
    id: str
    model: str
    object: str
    progress: int
    status: Status
    task_info: CreatedTaskInfo
    type: str
    usage: Usage


class TaskInfo(TypedDict):
    """Further properties of a task in a query."""

    can_cancel: bool


class TaskError(TypedDict):
    """Error of a failed task; `type` is always `task_error` (S1b)."""

    code: str
    message: str
    type: str


class ResultsPart(TypedDict, total=False):
    """Part of a query with the links to the video of a completed task."""

    results: list[str] | None


class ErrorPart(TypedDict, total=False):
    """Part of a query with the error of a failed task."""

    error: TaskError | None


class UsagePart(TypedDict, total=False):
    """Part of a query with the billing, under a setting only."""

    usage: Usage


class TaskDetail(TypedDict):
    """The 200 body of a query (S1b), and the body of a callback (S1a), in the order of the documented examples."""

    created: UnixSeconds
    id: str
    model: str
    object: str
    progress: int
    results: NotRequired[list[str] | None]
    status: Status
    error: NotRequired[TaskError | None]
    task_info: TaskInfo
    type: str
    usage: NotRequired[Usage]


class ResultLink(TypedDict):
    """An item of `result_data` of a completed task."""

    url: str


class RecordedTask(TypedDict):
    """The body of a completed task as recorded (S12), its keys in that order. `duration` is how long the task ran."""

    created: UnixSeconds
    duration: int
    id: str
    model: str
    object: str
    progress: int
    result_data: list[ResultLink]
    results: list[str]
    status: Status
    task_info: TaskInfo
    type: str
    usage: RecordedUsage


class ErrorDetail(TypedDict):
    """`code` is an integer, the status, on the credits route alone (S1d)."""

    code: str | int
    message: str
    type: str
    param: NotRequired[str]
    fallback_suggestion: NotRequired[str]
    action_url: NotRequired[str]
    account_balance_credits: NotRequired[Credits]
    estimated_credits: NotRequired[Credits]


class ErrorBody(TypedDict):
    """The body of every refusal."""

    error: ErrorDetail


class TokenCredits(TypedDict):
    """Balance of the API key."""

    remaining_credits: Credits
    unlimited_credits: bool
    used_credits: Credits


class UserCredits(TypedDict):
    """Balance of the account of the key."""

    remaining_credits: Credits
    used_credits: Credits


class CreditsData(TypedDict):
    """Both balances."""

    token: TokenCredits
    user: UserCredits


class CreditsBody(TypedDict):
    """The 200 body of `GET /v1/credits` (S1d); every field is required."""

    data: CreditsData
    message: str
    success: bool
