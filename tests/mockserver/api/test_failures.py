"""Failures behind an answer: what is stored before it, and what the journal shows of its request."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from evolink_mock import InProcessTransport, create_app
from evolink_mock.api.asgi import Response
from evolink_mock.api.endpoint import Endpoint
from evolink_mock.api.file_store import FileStore
from evolink_mock.core.behaviour import DOCUMENTED
from evolink_mock.worlds.store import StorageError
from tests.support.emulator import DOCUMENTED as REQUEST
from tests.support.emulator import Emulator, bearer, settings


def test_a_first_request_that_is_refused_by_its_method_is_stored(tmp_path: Path) -> None:
    app = create_app(settings(state=str(tmp_path / "state")))
    found = app.lookup("/v1/credits")
    assert found is not None
    endpoint, parameters = found
    assert isinstance(endpoint, Endpoint)
    headers = [(name.lower().encode(), value.encode()) for name, value in bearer("sk-new").items()]
    first = endpoint.respond("PUT", b"/v1/credits", b"", headers, b"", parameters)
    assert isinstance(first, Response)
    assert first.result.status == 405
    # The files as they are now, as after a crash.
    copytree(tmp_path / "state", tmp_path / "copy")
    again = create_app(settings(state=str(tmp_path / "copy"))).worlds.get("sk-new")
    assert again is not None
    assert again.next_request_id() != first.request_id


def test_the_journal_leaves_out_the_directive_of_a_create_that_could_not_be_stored(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(backend: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("evolink_mock.worlds.store.MemoryBackend.commit", fail)
        answer = emulator.post(REQUEST | {"prompt": "a [[mock: fail=service_error]] cat"})
    assert answer.status_code == 500
    (row,) = emulator.control("journal")["rows"]
    assert "mock:" not in row["request"]["body"]
    assert "a cat" in row["request"]["body"]


def test_the_journal_leaves_out_a_file_that_could_not_be_kept(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileStore, "add", lambda *given: 1 / 0)
    body = {"base64_data": "data:image/png;base64,iVBORw0KGgoAAAA="}
    answer = emulator.request("POST", "/api/v1/files/upload/base64", json=body)
    assert answer.status_code == 500
    (row,) = emulator.control("journal")["rows"]
    assert "iVBORw0KGgo" not in row["request"]["body"]


def test_the_control_api_shows_the_tasks_of_another_providers_model() -> None:
    flash = DOCUMENTED.models[REQUEST["model"]]
    models = {"other-model": replace(flash, name="other-model")}
    app = create_app(settings(), behaviour=DOCUMENTED._replace(models=models))
    with Emulator(httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test")) as emulator:
        task = emulator.create(model="other-model")
        assert emulator.control(f"tasks/{task}")["effective"]["model"] == "other-model"
        assert {row["model"] for row in emulator.control("fidelity")["prices"]} == {"other-model"}
