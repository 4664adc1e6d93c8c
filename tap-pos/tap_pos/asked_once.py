"""A value that is worked out when first wanted, and then kept: one per shop, none for all.

`functools.cached_property` holds one lock per class while it computes, on Python 3.10 and
3.11: a shop whose register is slow to answer would hold up every other shop of its vendor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class asked_once(Generic[T]):  # noqa: N801 - it is used as a decorator, like property
    """Turns a method without arguments into an attribute that is computed once per object.

    Two threads that want it first at the same moment may both compute it; both get a
    right value.

    Args:
        function: The method.
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn under which name to keep the value."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> asked_once[T]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> asked_once[T] | T:
        """Work the value out; from then on the object's own attribute is found first."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value
