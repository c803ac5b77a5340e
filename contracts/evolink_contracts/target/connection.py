"""Connection: authorized requests to one service, with a separate key for each owner in each scope."""

from collections.abc import Mapping

from evolink_contracts.reference.errors import NoResponse, ServiceUnusable
from evolink_contracts.target.transports import Response, Transport
from evolink_contracts.trace.events import Access


class Connection:
    """Sends requests by a transport. `who` names a key; one name stands for another key in each scope.

    `separate_keys` is whether the service accepts any key; otherwise all names stand for the one key.
    """

    def __init__(self, transport: Transport, key: str) -> None:
        self.separate_keys = False
        self._transport = transport
        self._key = key
        self._scope = ""

    def begin(self, scope: str) -> None:
        """Use other keys from here on than in any other scope."""
        self._scope = scope

    def owner(self, who: str) -> str:
        """The name of a key in a trace."""
        return f"{self._scope}{who}"

    def authorization(self, who: str, access: Access = "granted") -> dict[str, str]:
        """The header with a valid key, an invalid one, or none."""
        if access == "missing":
            return {}
        return {"authorization": f"Bearer {self._key_of(who) if access == 'granted' else 'sk-invalid-key'}"}

    def _key_of(self, who: str) -> str:
        return f"{self._key}-{self.owner(who).replace(' ', '-')}" if self.separate_keys else self._key

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        """Send a request as it is. Raises `ServiceUnusable` if there is no response."""
        try:
            return self._transport.send(method, path, headers, content)
        except NoResponse as error:
            raise ServiceUnusable(str(error)) from None

    def close(self) -> None:
        self._transport.close()
