"""BottleCRM's REST API: what its answers mean, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.http import CrmApi
from target_shopcrm.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.destinations.http import Answer, Patience

_REFUSED_TOKEN = {401, 403}
NOT_FOUND = 404
INVALID = 400


class BottleApi:
    """Calls to one organisation of one BottleCRM.

    Args:
        url: Where BottleCRM is, without ``/api``.
        token: A personal access token.
        patience: How long to wait.
    """

    def __init__(self, url: str, token: str, patience: Patience | None) -> None:
        self._api = CrmApi(
            "BottleCRM",
            url,
            headers={"Accept": "application/json"},
            secret_headers={"Authorization": f"Bearer {token}"},
            patience=patience,
        )

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return self._api.calls

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Read something that has to be there.

        Args:
            path: Path below ``/api``.
            params: Query parameters; never an address.

        Returns:
            The decoded object.

        Raises:
            CrmContractError: If the answer is none that the API promises.
        """
        return self._object(path, self._call("GET", path, params=params))

    def find(self, path: str) -> dict[str, Any] | None:
        """Read something that may be gone; None if it is."""
        answer = self._call("GET", path)
        return None if answer.status == NOT_FOUND else self._object(path, answer)

    def create(self, path: str, body: Mapping[str, object]) -> Answer:
        """Create something: 2xx, or 400 with the fields at fault.

        Raises:
            UncertainError: If nobody knows whether it was created.
            CrmContractError: If the answer is none that the API promises.
        """
        answer = self._call("POST", path, body=body, repeatable=False)
        return self._written(f"POST {_kind(path)}", answer, {INVALID})

    def change(self, path: str, body: Mapping[str, object]) -> Answer:
        """Change something: 2xx, 400 with the fields at fault, or 404 where it is gone."""
        answer = self._call("PATCH", path, body=body)
        return self._written(f"PATCH {_kind(path)}", answer, {INVALID, NOT_FOUND})

    def delete(self, path: str) -> None:
        """Delete something; also fine where it is gone already."""
        answer = self._call("DELETE", path)
        if not answer.ok and answer.status != NOT_FOUND:
            raise self._api.unexpected(f"DELETE {_kind(path)}", answer)

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        answer = self._api.call(
            method, f"/api{path}", json=body, params=params, repeatable=repeatable
        )
        if answer.status in _REFUSED_TOKEN:
            raise CredentialsError(
                f"BottleCRM refused the token ({answer.status} to {method} {_kind(path)}): correct"
                " api_key, or give its token the scopes contacts, custom-fields, tags and tasks,"
                " and its owner the role of an administrator, then run again."
            )
        return answer

    def _written(self, what: str, answer: Answer, understood: set[int]) -> Answer:
        if answer.ok or answer.status in understood:
            return answer
        raise self._api.unexpected(what, answer)

    def _object(self, path: str, answer: Answer) -> dict[str, Any]:
        if not answer.ok or not isinstance(answer.body, dict):
            raise self._api.unexpected(f"GET {_kind(path)}", answer)
        return answer.body


def _kind(path: str) -> str:
    """The path without the id in it."""
    return "/" + path.strip("/").split("/")[0] + "/"
