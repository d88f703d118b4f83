"""Holds an object or a parameter list against the types of the installed Stripe library."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe._object_classes import get_object_class
from stripe._request_options import RequestOptions

Json = dict[str, Any]


def faults_of(body: Json, cls: type, fixture: Json, path: str = "") -> Iterator[str]:
    """What an object has that Stripe's has not, lacks that Stripe's has, or has otherwise.

    A member must be in the library's class or in the published fixture; one that the library
    does not call optional must be there; each value must be of the kind the library tells.
    """
    members: Json = {
        name: kind
        for name, kind in getattr(cls, "__annotations__", {}).items()
        if name != "OBJECT_NAME"
    }
    for name in body.keys() - members.keys() - fixture.keys():
        yield f"{path}{name}: no such member"
    for name, kind in members.items():
        if name not in body:
            if not _may_be_absent(kind):
                yield f"{path}{name}: missing"
        else:
            inner = fixture.get(name)
            yield from _value_faults(body[name], kind, _as_object(inner), f"{path}{name}")


def missing_from_fixture(body: Json, fixture: Json) -> set[str]:
    """Top members that Stripe's published example has and the object has not."""
    return set(fixture) - set(body)


def unknown_parameters(accepted: Json, params: Any, path: str = "") -> Iterator[str]:
    """Parameters an endpoint accepts that the library's TypedDict does not know."""
    known = params.__annotations__.keys() - RequestOptions.__annotations__.keys()
    for name, kind in accepted.items():
        inner = kind[0] if isinstance(kind, list) else kind
        if name not in known:
            yield f"{path}{name}: no such parameter"
        elif isinstance(inner, dict):
            yield from unknown_parameters(inner, _inner_params(params, name), f"{path}{name}.")


def _value_faults(value: Any, kind: Any, fixture: Json, path: str) -> Iterator[str]:
    choices = list(_choices(kind))
    if any(_is(value, choice) for choice in choices):
        yield from _inside(value, choices, fixture, path)
    else:
        yield f"{path}: {value!r} is not of the kind {kind}"


def _inside(value: Any, choices: list[Any], fixture: Json, path: str) -> Iterator[str]:
    literals = [word for c in choices if get_origin(c) is Literal for word in get_args(c)]
    if literals and value is not None and value not in literals:
        yield f"{path}: {value!r} is not among {literals[:8]}"
    for choice in choices:
        if isinstance(value, dict) and _has_members(choice):
            yield from faults_of(value, choice, fixture, f"{path}.")
        if isinstance(value, list) and get_origin(choice) is list:
            for position, item in enumerate(value):
                yield from _value_faults(item, get_args(choice)[0], {}, f"{path}[{position}]")


def _choices(kind: Any) -> Iterator[Any]:
    if get_origin(kind) in {Union, UnionType}:
        for choice in get_args(kind):
            yield from _choices(choice)
    else:
        yield kind


def _is(value: Any, choice: Any) -> bool:
    if value is None or choice is NoneType:
        return value is None and choice is NoneType
    if get_origin(choice) is Literal:
        return value in get_args(choice)
    if get_origin(choice) is list:
        return isinstance(value, list)
    if choice in {int, str, bool, float}:
        return type(value) is choice
    return isinstance(value, dict)  # an object of its own, or one that was expanded


def _has_members(choice: Any) -> bool:
    return (
        isinstance(choice, type)
        and issubclass(choice, stripe.StripeObject)
        and bool(choice.__annotations__)
    )


def _may_be_absent(kind: Any) -> bool:
    return NoneType in _choices(kind)


def _as_object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _inner_params(params: Any, name: str) -> Any:
    """The TypedDict that the library wants inside this parameter, in a list or alone."""
    told = params.__annotations__[name]
    text = told.__forward_arg__ if isinstance(told, ForwardRef) else str(told)
    names = re.findall(r"\w+", text.replace(f"{params.__name__}.", ""))
    found = [getattr(sys.modules[params.__module__], word, None) for word in names]
    return next(one for one in found if hasattr(one, "__required_keys__"))


def class_of(body: Json) -> type:
    """The library's class for an object, by the name the object bears."""
    cls: type = get_object_class("V1", body["object"])
    return cls
