"""Links of uploaded files: the file by its link or by its id, whole or in parts, without an API key."""

from collections.abc import Mapping
from contextlib import suppress

from evolink_contracts.spec.files import FORMATS
from evolink_mock.api.endpoint import Handler, Request
from evolink_mock.api.file_bodies import file_error
from evolink_mock.api.file_response import file_response, preflight, without_range
from evolink_mock.api.file_store import FileStore
from evolink_mock.api.responses import Outcome, Result
from evolink_mock.core.upload import Upload


class FileLinks:
    """Handlers that serve uploaded files."""

    def __init__(self, store: FileStore) -> None:
        self._store = store

    def by_link(self) -> Mapping[str, Handler]:
        return _methods(self._by_link)

    def by_id(self) -> Mapping[str, Handler]:
        return _methods(self._by_id)

    def _by_link(self, request: Request) -> Result:
        upload = request.world.uploads.get(request.path["file_id"], request.now)
        if upload is None or upload.target != f"{upload.id}/{request.path['rest']}":
            return file_error("not_found")
        return self._serve(request, upload)

    def _by_id(self, request: Request) -> Result:
        """The id is enough to download the file, as with the links of results."""
        upload = self._store.find_in_any_world(request.path["file_id"])
        return file_error("not_found") if upload is None else self._serve(request, upload)

    def _serve(self, request: Request, upload: Upload) -> Result:
        stored = self._store.stored(upload)
        kind = FORMATS[upload.format].encode()
        # Where it was removed by hand, the first part that is read fails.
        with suppress(OSError):
            if stored is not None:
                return file_response(request.headers, stored, upload.name, kind, upload.digest)
        return file_error("storage", "File is no longer kept: media_limit bytes were exceeded")


def _methods(get: Handler) -> Mapping[str, Handler]:
    def head(request: Request) -> Outcome:
        return get(without_range(request))

    return {"GET": get, "HEAD": head, "OPTIONS": preflight}
