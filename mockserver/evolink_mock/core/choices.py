"""Choices: the open questions of the API as settings, one for each conflict of the facts."""

from dataclasses import dataclass
from typing import Any, Literal

from evolink_contracts.spec.sources import CONFLICTS


def _default(setting: str) -> Any:
    return CONFLICTS[setting].default


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One reading of every conflict; the questions and readings are described in `evolink_contracts.spec.sources`."""

    cancelled_as: Literal["failed", "cancelled"] = _default("cancelled_as")
    cancel_route: bool = _default("cancel_route")
    not_found_code: str = _default("not_found_code")
    invalid_code: Literal["invalid_request", "invalid_parameter"] = _default("invalid_code")
    unknown_model: Literal["model_access_denied", "no_available_channel"] = _default("unknown_model")
    extra_fields: Literal["ignore", "refuse"] = _default("extra_fields")
    default_duration: int = _default("default_duration")
    long_prompt: Literal["refuse", "fail_later"] = _default("long_prompt")
    image_count: Literal["refuse", "fail_later"] = _default("image_count")
    bad_image: Literal["fail_later", "refuse"] = _default("bad_image")
    bad_audio: Literal["fail_later", "refuse"] = _default("bad_audio")
    quality_case: Literal["exact", "ignore"] = _default("quality_case")
    bad_callback: Literal["refuse", "skip"] = _default("bad_callback")
    internal_addresses: Literal["all", "listed"] = _default("internal_addresses")
    task_usage: Literal["omit", "include"] = _default("task_usage")
    body_profile: Literal["documented", "recorded"] = _default("body_profile")
    can_cancel: Literal["until_terminal", "until_processing"] = _default("can_cancel")
    failed_progress: Literal["zero", "reached"] = _default("failed_progress")
    progress: Literal["linear", "lingers_at_95"] = _default("progress")
    absent_error: Literal["omit", "null"] = _default("absent_error")
    absent_results: Literal["omit", "null", "empty"] = _default("absent_results")
    billing_rule: Literal["per_second", "per_call"] = _default("billing_rule")
    foreign_task: Literal["permission_denied", "task_not_found"] = _default("foreign_task")
    task_id_check: Literal["after_auth", "before_auth"] = _default("task_id_check")
    unauthorized_message: Literal["by_route", "by_cause"] = _default("unauthorized_message")
    quota_on_read: Literal["never", "when_empty"] = _default("quota_on_read")
    quota_details: Literal["omit", "include"] = _default("quota_details")
    oversize_status: Literal[413, 400] = _default("oversize_status")
    cors: Literal["any", "off"] = _default("cors")
    user_agent: Literal["any", "strict"] = _default("user_agent")
    task_retention: int = _default("task_retention")
