"""How an integrator tests that: nothing is sent anywhere, and time passes when the test says so."""

import json

import pytest
import respx
from postcards import Postcards, fetch_rate, webhook

from evolink_client import EvolinkClient, InsufficientQuota
from evolink_mock.mocked import Callbacks, Mocked

PICTURE = "https://example.com/beach.png"


@pytest.fixture
def postcards(evolink_mock: Mocked) -> Postcards:
    return Postcards(evolink_mock.evolink)


def test_an_order_is_done_when_the_callback_says_so(
    postcards: Postcards, evolink_mock: Mocked, evolink_callbacks: Callbacks
) -> None:
    order = postcards.order(PICTURE, evolink_callbacks.url)
    postcards.called_back(json.dumps(evolink_callbacks.wait_for(order)).encode())
    assert postcards.orders[order].endswith(".mp4")
    assert evolink_mock.client.get(postcards.orders[order]).content[4:8] == b"ftyp"


def test_our_own_endpoint_takes_the_callback(postcards: Postcards, evolink_mock: Mocked) -> None:
    evolink_mock.receive("https://postcards.example.com", webhook(postcards))
    order = postcards.order(PICTURE, "https://postcards.example.com/evolink")
    evolink_mock.advance(10)
    assert postcards.orders[order].endswith(".mp4")


def test_a_callback_comes_again_when_we_were_down(postcards: Postcards, evolink_callbacks: Callbacks) -> None:
    evolink_callbacks.answer(503, 503)
    order = postcards.order(PICTURE, evolink_callbacks.url)
    assert evolink_callbacks.wait_for(order, count=3)["status"] == "completed"


@pytest.mark.evolink(scenario="fail=service_error")
def test_a_passing_failure_is_ordered_again(postcards: Postcards, evolink_callbacks: Callbacks) -> None:
    order = postcards.order(PICTURE, evolink_callbacks.url)
    postcards.called_back(json.dumps(evolink_callbacks.wait_for(order)).encode())
    assert postcards.order_again_if_worth_it(order, PICTURE, evolink_callbacks.url) in postcards.orders


def test_no_credits_no_order(postcards: Postcards, evolink_mock: Mocked, evolink_callbacks: Callbacks) -> None:
    evolink_mock.scenario("create=insufficient_quota")
    with pytest.raises(InsufficientQuota):
        postcards.order(PICTURE, evolink_callbacks.url)
    assert postcards.orders == {}


@respx.mock
def test_any_httpx_client_meets_it_at_the_real_address(evolink_mock: Mocked, respx_mock: respx.MockRouter) -> None:
    evolink_mock.mount(respx_mock)
    with EvolinkClient(evolink_mock.key) as client:
        assert client.credits().token.unlimited
    respx_mock.get("https://elsewhere.example/rate").respond(json={"rate": 7})
    assert fetch_rate("https://elsewhere.example/rate") == 7
