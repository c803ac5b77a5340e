"""Uploaded files of one world, as records. Unlike tasks they are not saved: they end with the process."""

from collections.abc import Iterator

from evolink_mock.core.duration import Micros
from evolink_mock.core.upload import Upload


class Uploads:
    """Files by id, oldest first, until they expire."""

    def __init__(self, key: str, owners: dict[str, str]) -> None:
        self._key = key
        self._owners = owners
        """The key of the world that has a file, by its id; of all worlds."""
        self._files: dict[str, Upload] = {}
        self.count = 0
        """Files uploaded so far, those included that are gone."""

    def add(self, upload: Upload) -> None:
        self._files[upload.id] = upload
        self._owners[upload.id] = self._key
        self.count += 1

    def get(self, file_id: str, now: Micros) -> Upload | None:
        """A file that has not expired."""
        upload = self._files.get(file_id)
        return upload if upload is not None and now < upload.expires else None

    def remove(self, file_id: str) -> None:
        """Delete a file. Raises `KeyError` where it is gone."""
        del self._files[file_id]
        self._owners.pop(file_id, None)

    def drop_expired(self, now: Micros) -> int:
        """Forget the files that have expired; how many are left."""
        for upload in [each for each in self._files.values() if now >= each.expires]:
            self.remove(upload.id)
        return len(self._files)

    def close(self) -> None:
        """Forget all files, since the world begins anew."""
        for file_id in list(self._files):
            self.remove(file_id)

    def alive(self, now: Micros) -> Iterator[Upload]:
        """The files that have not expired, oldest first."""
        return (upload for upload in self._files.values() if now < upload.expires)
