"""Mappings of endpoint and deployment files: what Azure ML CLI v2 takes is taken, and other fields are warned of."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr, model_validator

from app.kit.sections import as_text


def _texts(value: Any) -> Any:
    """Values of another kind become text, as in Azure ML; a mapping or a list is left to be refused."""
    if not isinstance(value, Mapping):
        return value
    texts = {str(name): "" if item is None else item for name, item in value.items()}
    return {name: item if isinstance(item, dict | list) else as_text(item) for name, item in texts.items()}


Texts = Annotated[dict[str, str], BeforeValidator(_texts)]


class Fields(BaseModel):
    """`what` names the mapping, and `of_azure` its fields that say something about the cloud only.

    A field with nothing behind it is as one that is left out.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())
    what: ClassVar[str]
    of_azure: ClassVar[tuple[str, ...]] = ()
    _others: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, value: Any) -> Any:
        return {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _set_aside(self) -> "Fields":
        others = self.model_extra or {}
        self._others = tuple(others)
        others.clear()
        return self

    def warnings(self, path: str = "") -> list[str]:
        """A sentence for each field that does not exist, with the one that was probably meant."""
        known = [*type(self).model_fields, *self.of_azure]
        own = [self._sentence(path, name, known) for name in self._others if name not in ("$schema", *self.of_azure)]
        return own + [text for name, inner in self._inner() for text in inner.warnings(f"{path}{name}.")]

    def _sentence(self, path: str, name: str, known: list[str]) -> str:
        close = get_close_matches(name.lower(), known, 1, 0.6)
        hint = f"did you mean `{path}{close[0]}`?" if close else f"it has: {', '.join(sorted(known))}."
        return f"`{path}{name}` is not a field of {self.what}; {hint}"

    def _inner(self) -> Iterator[tuple[str, "Fields"]]:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Fields):
                yield name, value
            elif isinstance(value, dict):
                yield from ((f"{name}.{key}", item) for key, item in value.items() if isinstance(item, Fields))
