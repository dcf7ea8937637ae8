"""`Plain`: frozen values that are written as JSON and read back strictly.

Elsewhere rooms pass pydantic's models. Here root would wait for its import and validators with every command, a fifth
of the time, and what journals hold is of few types.
"""

import json
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform, get_args, get_origin

P = TypeVar("P", bound="Plain")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Plain:
    """Fields are the annotations of a class; those with a value are optional."""

    _fields: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Fields come in the order in which they are written."""
        cls._fields = cls.__annotations__

    def __init__(self, **values: Any) -> None:
        for name in values.keys() - self._fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {name}")
        for name in self._fields:
            if name not in values and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs the field {name}")
            value = values[name] if name in values else getattr(type(self), name)
            self.__dict__[name] = value.copy() if isinstance(value, dict) and name not in values else value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # they hold dicts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def replaced(value: P, **changes: object) -> P:
    """The same with other values in some fields."""
    return type(value)(**(vars(value) | changes))


def as_json(value: Plain, indent: int | None = None) -> str:
    """What `from_json` reads."""
    return json.dumps(value, default=vars, indent=indent, separators=None if indent else (",", ":"))


def from_json(kind: type[P], text: str | bytes) -> P:
    """Raise ValueError for anything that `as_json` would not have made of this kind."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return from_plain(kind, found)


def from_plain(kind: type[P], found: object) -> P:
    """The same from what JSON holds."""
    made: P = _decoded(kind, found)
    return made


def _decoded(kind: Any, found: Any) -> Any:
    origin = get_origin(kind)
    if origin is UnionType:
        return _one_of(get_args(kind), found)
    if origin is Literal and found in get_args(kind) and type(found) is str:
        return found
    if origin is dict and type(found) is dict:
        keys, values = get_args(kind)
        return {_decoded(keys, key): _decoded(values, value) for key, value in found.items()}
    if origin is tuple and type(found) in (list, tuple):
        return tuple(_decoded(get_args(kind)[0], item) for item in found)
    if isinstance(kind, type) and issubclass(kind, Plain):
        return _decoded_fields(kind, found)
    if kind in (str, int, bool, NoneType) and type(found) is kind:
        if kind is str:
            found.encode()  # half characters cannot be shown or written; UnicodeEncodeError is a ValueError
        return found
    raise ValueError(f"not what was to be there: {str(found)[:60]!r}")


def _decoded_fields(kind: type[Plain], found: Any) -> Plain:
    if isinstance(found, kind):
        return found
    if type(found) is not dict:
        raise ValueError(f"not a {kind.__name__}")
    try:
        return kind(**{name: _decoded(kind._fields[name], value) for name, value in found.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from None


def _one_of(kinds: tuple[Any, ...], found: Any) -> Any:
    for kind in kinds:
        try:
            return _decoded(kind, found)
        except ValueError:
            continue
    raise ValueError(f"not what was to be there: {str(found)[:60]!r}")
