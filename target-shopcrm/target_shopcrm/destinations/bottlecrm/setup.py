"""What has to be in BottleCRM before the first contact: custom fields and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.destinations.bottlecrm.fields import Declared, declared_fields
from target_shopcrm.destinations.http import UncertainError
from target_shopcrm.errors import CrmSetupError, CrmUnavailableError

if TYPE_CHECKING:
    from target_shopcrm.destinations.bottlecrm.api import BottleApi


def declare_fields(api: BottleApi) -> bool:
    """Declare the custom fields that aren't there.

    Args:
        api: The API.

    Returns:
        Whether there are tasks; the organisation may have switched their module off.

    Raises:
        CrmSetupError: If a field is switched off, or of another type: then values would be
            dropped silently.
    """
    there = _definitions(api)
    has_tasks = True
    for field in declared_fields():
        found = there.get((field.target_model, field.key))
        if found is None and not _declare(api, field):
            if field.target_model != "Task":
                raise _unusable(field)
            has_tasks = False
        if found is not None and not _fits(field, found):
            raise _unusable(field)
    return has_tasks


def check_tags(api: BottleApi, tags: frozenset[str]) -> None:
    """See that the tags of the setting `lists` exist.

    Raises:
        CrmSetupError: If one of them doesn't; BottleCRM would drop it silently.
    """
    there = {tag["id"] for tag in api.get("/tags/")["tags"]}
    for tag in tags:
        if tag not in there:
            raise CrmSetupError(
                f"BottleCRM has no active tag {tag}, which the setting lists names: create it in"
                " the settings of BottleCRM and put its id there."
            )


def _definitions(api: BottleApi) -> dict[tuple[str, str], dict[str, Any]]:
    found = api.get("/custom-fields/", {"include_counts": "false"})["definitions"]
    return {(each["target_model"], each["key"]): each for each in found}


def _declare(api: BottleApi, field: Declared) -> bool:
    """Declare one field; whether it is there afterwards."""
    done = _declared(api, field)
    if done is None:
        done = (field.target_model, field.key) in _definitions(api) or _declared(api, field)
    if done is None:
        raise CrmUnavailableError(
            "BottleCRM does not answer when a custom field is declared: look at its log, then run"
            " again."
        )
    return done


def _declared(api: BottleApi, field: Declared) -> bool | None:
    """Whether BottleCRM takes the declaration; None if nobody knows."""
    body = {key: value for key, value in msgspec.structs.asdict(field).items() if value is not None}
    try:
        return api.create("/custom-fields/", body).ok
    except UncertainError:
        return None


def _fits(field: Declared, found: dict[str, Any]) -> bool:
    if not found["is_active"] or found["field_type"] != field.field_type:
        return False
    choices = {option["value"] for option in found["options"] or ()}
    return {option["value"] for option in field.options or ()} <= choices


def _unusable(field: Declared) -> CrmSetupError:
    return CrmSetupError(
        f"BottleCRM's custom field {field.key} of {field.target_model} can't be used: in its"
        f" settings, switch it on as type {field.field_type}, with the choices that docs/crms"
        " lists, or delete it, then run again."
    )
