"""Stripe's manners on the wire: nested forms, parameters by name and kind, errors, lists."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

Params = dict[str, Any]
# What an endpoint accepts: the name of each parameter, and its kind, a list of one kind, or
# the parameters inside it.
Kind = str | list[Any] | dict[str, Any]

TEXT: Final = "text"
INTEGER: Final = "integer"
AMOUNT: Final = "amount"
BOOLEAN: Final = "boolean"
URL: Final = "url"
METADATA: Final = "metadata"
CREATED: Final = "created"

MAX_TEXT = 5000
MAX_PARAMETERS = 1000
MAX_DEPTH = 8
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
LARGEST_INTEGER = 2**53

key_form = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
whole_number = re.compile(r"-?[0-9]{1,16}")
web_address = re.compile(r"https?://[^\s/?#\"'<>;,\\]+(?:[/?#]\S*)?", re.ASCII)


class Refusal(Exception):
    """An answer other than 200, in Stripe's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        told = {"message": message, "type": type, "code": code, "param": param, **more}
        self.body: Params = {"error": {name: v for name, v in told.items() if v is not None}}


class BadParameter(Refusal):
    """Parameters that fail validation: nothing was begun, so no key remembers the answer."""

    def __init__(self, message: str, *, param: str | None, code: str | None = None) -> None:
        super().__init__(400, message, param=param, code=code)


class CardDeclined(Refusal):
    """A card error. Unlike every other refusal, it leaves behind what was done."""

    def __init__(self, error: Params) -> None:
        super().__init__(402, error["message"])
        self.body = {"error": error}


def no_such(kind: str, id: str, *, param: str = "id", status: int = 404) -> Refusal:
    return Refusal(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def nested(form: bytes) -> Params:
    """Read `a[b][0][c]=d`; lists come out as mappings of their positions."""
    try:
        pairs = parse_qsl(
            form.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors="strict",
        )
    except ValueError as error:
        raise BadParameter("The request body is not a form.", param=None) from error
    read: Params = {}
    for name, value in pairs:
        _put(read, name, value)
    return read


def _put(into: Params, name: str, value: str) -> None:
    form = key_form.fullmatch(name)
    if form is None or "\0" in name + value:
        raise BadParameter(f"Invalid parameter name or value: {name!r}", param=name)
    path = [form[1], *re.findall(r"\[([^\[\]]*)\]", form[2])]
    if len(path) > MAX_DEPTH:
        raise BadParameter("Parameters are nested too deeply.", param=form[1])
    for part in path[:-1]:
        inner = into.setdefault(part or str(len(into)), {})
        if not isinstance(inner, dict):
            raise BadParameter(f"Invalid {form[1]}", param=form[1])
        into = inner
    last = path[-1] or str(len(into))
    if last in into:
        raise BadParameter(f"Invalid {form[1]}: it is given twice", param=form[1])
    into[last] = value


def read(params: Params, accepted: dict[str, Any], *, within: str = "") -> Params:
    """Parameters as an endpoint knows them. Raises BadParameter, naming the first at fault."""
    values: Params = {}
    for name, raw in params.items():
        param = f"{within}[{name}]" if within else name
        if name not in accepted:
            raise BadParameter(
                f"Received unknown parameter: {param}", param=param, code="parameter_unknown"
            )
        values[name] = _value(raw, accepted[name], param)
    return values


def _value(raw: Any, kind: Kind, param: str) -> Any:
    if isinstance(kind, list):
        return [
            _value(item, kind[0], f"{param}[{position}]") for position, item in _items(raw, param)
        ]
    if isinstance(kind, dict):
        return read(_mapping(raw, param), kind, within=param)
    if kind == METADATA:
        return _metadata(raw, param)
    if kind == CREATED:
        return _created(raw, param)
    if not isinstance(raw, str):
        raise BadParameter(f"Invalid {kind}: {param} is nested", param=param)
    return READERS[kind](raw, param)


def _items(raw: Any, param: str) -> list[tuple[int, Any]]:
    positions = _mapping(raw, param, "array")
    if not all(position.isdecimal() for position in positions):
        raise BadParameter(f"Invalid array: {param}", param=param)
    return sorted((int(position), item) for position, item in positions.items())


def _mapping(raw: Any, param: str, kind: str = "object") -> Params:
    if not isinstance(raw, dict):
        raise BadParameter(f"Invalid {kind}", param=param)
    return raw


def _metadata(raw: Any, param: str) -> dict[str, str]:
    if raw == "":
        return {}
    pairs = _mapping(raw, param)
    if len(pairs) > METADATA_KEYS:
        raise BadParameter(f"Metadata can have up to {METADATA_KEYS} keys.", param=param)
    for name, value in pairs.items():
        if not isinstance(value, str):
            raise BadParameter("Metadata values must be strings.", param=f"{param}[{name}]")
        if len(name) > METADATA_KEY_LENGTH or len(value) > METADATA_VALUE_LENGTH:
            raise BadParameter(
                f"Metadata keys have up to {METADATA_KEY_LENGTH} characters,"
                f" values up to {METADATA_VALUE_LENGTH}.",
                param=f"{param}[{name}]",
            )
    return {name: value for name, value in pairs.items() if value != ""}


def _created(raw: Any, param: str) -> dict[str, int]:
    """A moment, or bounds around moments, in seconds since 1970."""
    if isinstance(raw, str):
        moment = _integer(raw, param)
        return {"gte": moment, "lte": moment}
    return read(raw, dict.fromkeys(("gt", "gte", "lt", "lte"), INTEGER), within=param)


def _text(raw: str, param: str) -> str:
    if raw == "":
        raise BadParameter(
            f"You passed an empty string for '{param}'.",
            param=param,
            code="parameter_invalid_empty",
        )
    if len(raw) > MAX_TEXT:
        raise BadParameter(
            f"Invalid string: {param} must be at most {MAX_TEXT} characters", param=param
        )
    return raw


def _integer(raw: str, param: str) -> int:
    if whole_number.fullmatch(raw) is None or abs(int(raw)) > LARGEST_INTEGER:
        raise BadParameter(
            f"Invalid integer: {raw[:80]}", param=param, code="parameter_invalid_integer"
        )
    return int(raw)


def _amount(raw: str, param: str) -> int:
    amount = _integer(raw, param)
    if amount < 1:
        raise BadParameter(
            "This value must be greater than or equal to 1.",
            param=param,
            code="parameter_invalid_integer",
        )
    return amount


def _boolean(raw: str, param: str) -> bool:
    if raw not in {"true", "false"}:
        raise BadParameter(f"Invalid boolean: {raw[:80]}", param=param)
    return raw == "true"


def _url(raw: str, param: str) -> str:
    if web_address.fullmatch(_text(raw, param)) is None:
        raise BadParameter("Not a valid URL", param=param, code="url_invalid")
    return raw


READERS: Final = {
    TEXT: _text,
    INTEGER: _integer,
    AMOUNT: _amount,
    BOOLEAN: _boolean,
    URL: _url,
}


def needed(params: Params, name: str, *, within: str = "") -> Any:
    """A parameter that must be there."""
    if name not in params:
        param = f"{within}[{name}]" if within else name
        raise BadParameter(
            f"Missing required param: {param}.", param=param, code="parameter_missing"
        )
    return params[name]
