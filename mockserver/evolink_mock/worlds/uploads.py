"""Uploaded files of one world, as records. Unlike tasks they are not saved: they end with the process."""

from collections.abc import Iterator

from evolink_mock.core.duration import Micros
from evolink_mock.core.upload import Upload


class Uploads:
    """Files by id, oldest first, until they expire."""

    def __init__(self) -> None:
        self._files: dict[str, Upload] = {}
        self.count = 0
        """Files uploaded so far, those included that are gone."""

    def add(self, upload: Upload) -> None:
        self._files[upload.id] = upload
        self.count += 1

    def get(self, file_id: str, now: Micros) -> Upload | None:
        """A file that has not expired."""
        upload = self._files.get(file_id)
        return upload if upload is not None and now < upload.expires else None

    def remove(self, file_id: str) -> None:
        """Delete a file. Raises `KeyError` where it is gone."""
        del self._files[file_id]

    def drop_expired(self, now: Micros) -> int:
        """Forget the files that have expired; how many are left."""
        self._files = {upload.id: upload for upload in self.alive(now)}
        return len(self._files)

    def alive(self, now: Micros) -> Iterator[Upload]:
        """The files that have not expired, oldest first."""
        return (upload for upload in self._files.values() if now < upload.expires)
