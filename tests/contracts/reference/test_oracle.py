"""The oracle and the emulator are two readings of the same facts, and agree; its figures are literal here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.reference.boundary_requests import INTERNAL_URLS, PUBLIC_URLS, boundary_requests, minimal_request
from evolink_contracts.reference.oracle import Violation, assess_create, cost_of
from evolink_contracts.reference.public_addresses import is_internal
from evolink_contracts.spec.models import MODELS
from evolink_mock.core.url_policy import check_callback_url
from tests.support.emulator import Emulator

JSON = {"content-type": "application/json"}
FLASH = MODELS["wan2.6-image-to-video-flash"]


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_oracle_and_emulator_agree_at_every_boundary(emulator: Emulator, model: object) -> None:
    compared = 0
    for request in boundary_requests(model):  # type: ignore[arg-type]  # A parameter has no type.
        headers = {"content-type": request.content_type or ""}
        judged = assess_create(request.body.decode("utf-8", "replace"), headers)
        answer = emulator.request("POST", "/v1/videos/generations", headers, content=request.body)
        if judged.unsure:
            continue
        compared += 1
        expected = 403 if judged.violations == (("model", "choice"),) else 400 if judged.violations else 200
        assert answer.status_code == expected, (request.title, judged.violations, answer.text)
        if judged.violations and judged.violations[0].field not in ("body", "model"):
            assert judged.violations[0].field.partition(".")[0] in answer.json()["error"]["message"]
        if not judged.violations:
            assert answer.json()["usage"]["credits_reserved"] == judged.cost
    assert compared > 100


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"prompt": "x" * 1501}, ("prompt", "length")),
        ({"prompt": "x" * 1500}, None),
        ({"prompt": None}, ("prompt", "missing")),
        ({"image_urls": ["https://e.com/a.png"] * 2}, ("image_urls", "count")),
        ({"duration": 1}, ("duration", "range")),
        ({"duration": 2}, None),
        ({"duration": 15}, None),
        ({"duration": 16}, ("duration", "range")),
        ({"duration": 5.0}, ("duration", "type")),
        ({"duration": True}, ("duration", "type")),
        ({"quality": "720P"}, ("quality", "choice")),
        ({"model_params": {"shot_type": "many"}}, ("model_params.shot_type", "choice")),
        ({"generate_audio": "true"}, ("generate_audio", "type")),
        ({"callback_url": "http://e.com/"}, ("callback_url", "scheme")),
        ({"callback_url": "https://e.com/" + "x" * 2035}, ("callback_url", "length")),
        ({"callback_url": "https://e.com/" + "x" * 2034}, None),
        ({"callback_url": "https://10.1.2.3/"}, ("callback_url", "internal")),
        ({"unheard_of": 1}, None),
    ],
)
def test_literal_rules(changed: dict[str, object], fault: tuple[str, str] | None) -> None:
    judged = assess_create(json.dumps(minimal_request() | changed), JSON)
    assert judged.violations == (() if fault is None else (Violation(*fault),))  # type: ignore[arg-type]  # Literals, in a table.


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({}, 11.9),
        ({"duration": 10}, 23.8),
        ({"quality": "1080p"}, 19.873),
        ({"generate_audio": False}, 6),
        ({"duration": 2}, 6),
        ({"quality": "1080p", "generate_audio": False}, 9.9365),
        ({"duration": 10, "generate_audio": False, "audio_url": "https://e.com/a.mp3"}, 11.9),
    ],
)
def test_literal_prices(fields: dict[str, object], cost: float) -> None:
    assert cost_of(fields, FLASH) == cost


@pytest.mark.parametrize(("length", "cost"), [(3.0075, 7.1579), (3.0025, 7.146), (2, 6), (0, 6), (1e300, 2.38e300)])
def test_the_real_length_has_a_literal_price(length: float, cost: float) -> None:
    assert cost_of({"duration": 10}, FLASH, length) == pytest.approx(cost, rel=1e-12)


@pytest.mark.parametrize(
    ("body", "unsure"),
    [
        ({"prompt": "A cat"}, False),
        ({"prompt": "A cat", "image_urls": ["https://example.com/a.png"]}, False),
        ({}, True),
        ({"prompt": "A cat", "duration": 16}, True),
    ],
)
def test_an_unknown_model_beside_another_mistake_is_unsure(body: dict[str, object], unsure: bool) -> None:
    assessed = assess_create(json.dumps({"model": "sora-2", **body}), {})
    assert (assessed.violations, assessed.unsure) == ((("model", "choice"),), unsure)


def test_addresses_are_judged_as_by_the_emulator() -> None:
    assert all(is_internal(url) for url in INTERNAL_URLS)
    assert not any(is_internal(url) for url in PUBLIC_URLS)


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]"))
def test_any_address_is_judged_as_by_the_emulator(host: str) -> None:
    objection = check_callback_url(f"https://{host}/")
    judged = is_internal(f"https://{host}/")
    assert judged is None or judged == (objection is not None and objection.rule == "internal")
