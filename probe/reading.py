"""The base of everything that is read, and how what could not be read is told."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from .errors import GapReason, Malformed, Unreadable

__all__ = ["Gap", "GapReason", "Malformed", "Reading", "Unreadable"]


class Reading(BaseModel):
    """A frozen value that passes between rooms. `None` in a field means: this machine does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            """Take values that our own type-checked code made, without validators.

            To build those takes a fifth of the time of a start. What comes from outside goes through `model_validate`.
            """
            fields = type(self).__pydantic_fields__
            if not values.keys() <= fields.keys():
                raise TypeError(f"{type(self).__name__} has no field {min(values.keys() - fields.keys())}")
            state = {}
            for name, field in fields.items():
                if name in values:
                    state[name] = values[name]
                elif field.is_required():
                    raise TypeError(f"{type(self).__name__} needs the field {name}")
                else:
                    state[name] = field.get_default(call_default_factory=True, validated_data=state)
            object.__setattr__(self, "__dict__", state)
            object.__setattr__(self, "__pydantic_fields_set__", set(values))
            object.__setattr__(self, "__pydantic_extra__", None)
            object.__setattr__(self, "__pydantic_private__", None)

        # Tells pydantic that model_validate need not go through this __init__.
        __init__.__pydantic_base_init__ = True


class Gap(Reading):
    """Something that was looked for and could not be read."""

    probe: str
    """The probe that asked."""
    source: str
    """The path, call or address that was asked."""
    reason: GapReason
    detail: str = ""
    """The error in words, or the offending raw value."""
