"""What BottleCRM checks before it stores something, and what it silently drops."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]
Errors = dict[str, Any]

_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z0-9-]{2,}")
_PHONE = re.compile(r"[\d\s\-\(\)\+\.]{7,25}")
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_TYPES = {"text", "textarea", "number", "dropdown", "date", "checkbox"}
_NAME_SIZE, _TITLE_SIZE = 255, 200
_MODELS = {"Case", "Lead", "Contact", "Account", "Opportunity", "Task"}


def checked_contact(body: Row, others: Iterable[Row], row: Row | None) -> Errors:
    """What is wrong with a contact; `row` is what a PATCH changes, None for a new one."""
    errors: Errors = {}
    for name in ("first_name", "last_name"):
        if name not in body:
            if row is None:
                errors[name] = ["This field is required."]
        elif not str(body[name] or "").strip():
            errors[name] = ["This field may not be blank."]
        elif len(body[name]) > _NAME_SIZE:
            errors[name] = ["Ensure this field has no more than 255 characters."]
    email, phone = body.get("email"), body.get("phone")
    if email and not _EMAIL.fullmatch(email):
        errors["email"] = ["Enter a valid email address."]
    elif email and any(
        (each["email"] or "").lower() == email.lower() for each in others if each is not row
    ):
        errors["email"] = ["Contact already exists with this email"]
    if phone and not _PHONE.fullmatch(phone):
        errors["phone"] = ["Enter a valid phone number (7-25 characters, digits ...)"]
    return errors


def checked_custom_fields(
    definitions: Sequence[Row], body: Mapping[str, Any], held: Row
) -> tuple[Row, Errors]:
    """What is stored of custom fields, and what is wrong; unknown ones vanish without a word."""
    sent = body.get("custom_fields") or {}
    active = {row["key"]: row for row in definitions if row["is_active"]}
    everything = {row["key"] for row in definitions}
    kept = {k: v for k, v in held.items() if k in everything and (k not in sent or k not in active)}
    errors: Errors = {}
    for key, raw in sent.items():
        if key not in active:
            continue
        value, error = _coerced(active[key], raw)
        if error:
            errors[key] = error
        elif value is not None:
            kept[key] = value
    for key, row in active.items():
        if row.get("is_required") and kept.get(key) in {None, ""}:
            errors.setdefault(key, "is required")
    return kept, errors


def checked_definition(body: Row, there: Sequence[Row]) -> Errors:
    """What is wrong with the declaration of a custom field."""
    errors: Errors = {}
    if body.get("target_model") not in _MODELS:
        errors["target_model"] = ["That is not a valid choice."]
    if body.get("field_type") not in _TYPES:
        errors["field_type"] = ["That is not a valid choice."]
    if not _KEY.fullmatch(body.get("key") or ""):
        errors["key"] = ["key must be a lowercase slug starting with a letter"]
    if not body.get("label"):
        errors["label"] = ["This field is required."]
    if bool(body.get("options")) != (body.get("field_type") == "dropdown"):
        errors["options"] = ["options are for dropdown fields, which require them"]
    if any((r["target_model"], r["key"]) == (body["target_model"], body["key"]) for r in there):
        errors["key"] = ["a field with this key already exists"]
    return errors


def checked_task(body: Row) -> Errors:
    """What is wrong with a task."""
    errors: Errors = {}
    if not str(body.get("title") or "").strip():
        errors["title"] = ["This field is required."]
    elif len(body["title"]) > _TITLE_SIZE:
        errors["title"] = ["Ensure this field has no more than 200 characters."]
    if body.get("status") not in {"New", "In Progress", "Completed"}:
        errors["status"] = ["That is not a valid choice."]
    if body.get("priority") not in {"Low", "Medium", "High"}:
        errors["priority"] = ["That is not a valid choice."]
    return errors


def _coerced(definition: Row, raw: Any) -> tuple[Any, str]:
    """The value as it is stored, and what is wrong with it."""
    if raw is None or raw == "":
        return None, ""
    kind = definition["field_type"]
    try:
        if kind == "number":
            return float(raw), ""
        if kind == "date":
            return date.fromisoformat(str(raw)).isoformat(), ""
    except (TypeError, ValueError):
        return None, f"must be a {kind}"
    if kind == "dropdown" and raw not in {each["value"] for each in definition["options"]}:
        return None, "must be one of the options"
    return str(raw), ""
