"""The configurations there can be: names, types and ranges of an env's keyword arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from gym_llmteacher.errors import CurriculumError

Configuration = dict[str, Any]
"""Keyword arguments of an env: names to plain values."""


def key_of(configuration: Mapping[str, Any]) -> str:
    """Identity of a configuration, for tables.

    >>> key_of({"size": 6, "id": "A"})
    '{"id": "A", "size": 6}'
    """
    return json.dumps(dict(configuration), sort_keys=True)


class ConfigurationSpace:
    """Validates configurations, whoever wrote them, and draws some at random.

    Values are compared with what is declared and passed on; nothing of them is ever evaluated.

    :param properties: for each keyword argument a JSON Schema: ``{"type": "integer", "minimum": 5,
        "maximum": 16}``, the same for ``"number"``, ``{"type": "boolean"}``, or ``{"enum": [...]}``
    :raises CurriculumError: no such schema: a type without its range, or free text

    Example::

        >>> space = ConfigurationSpace({"size": {"type": "integer", "minimum": 5, "maximum": 8}})
        >>> space.errors({"size": 6}), space.errors({"size": 99})
        ([], ['size: 99 is greater than the maximum of 8'])
    """

    def __init__(self, properties: Mapping[str, Mapping[str, Any]]) -> None:
        if not properties:
            raise CurriculumError("the space is empty, expected at least one keyword argument.")
        self.properties = {name: dict(schema) for name, schema in properties.items()}
        for name, schema in self.properties.items():
            self._check(name, schema)
        self.schema = {
            "type": "object",
            "properties": self.properties,
            "required": list(self.properties),
            "additionalProperties": False,
        }
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            raise CurriculumError(f"the space is no JSON Schema: {error.message}.") from None
        self._validator = Draft202012Validator(self.schema)

    @staticmethod
    def _check(name: str, schema: Mapping[str, Any]) -> None:
        kind = schema.get("type")
        bounded = kind in ("integer", "number") and {"minimum", "maximum"} <= set(schema)
        if not (bounded or kind == "boolean" or schema.get("enum")):
            raise CurriculumError(
                f"{name} is declared as {schema!r}, expected an integer or a number with minimum "
                "and maximum, a boolean, or an enum: what may be chosen has to be known."
            )

    def errors(self, configuration: Any) -> list[str]:
        """What is wrong with it, in words; ``[]``: nothing."""
        found = sorted(self._validator.iter_errors(configuration), key=lambda e: list(e.path))
        return [": ".join((*map(str, error.path), error.message[:200])) for error in found]

    def checked(self, configuration: Mapping[str, Any]) -> Configuration:
        """Return it, its whole numbers as integers.

        :raises CurriculumError: it is not of this space
        """
        errors = self.errors(dict(configuration))
        if errors:
            raise CurriculumError(
                f"the configuration {dict(configuration)!r} is not of the declared space: "
                f"{'; '.join(errors)}."
            )
        return {
            name: int(value) if self.properties[name].get("type") == "integer" else value
            for name, value in configuration.items()
        }

    def sample(self, rng: np.random.Generator) -> Configuration:
        """Draw one, each argument by itself and uniformly."""
        return {name: self._draw(schema, rng) for name, schema in self.properties.items()}

    def changed(self, configuration: Mapping[str, Any], rng: np.random.Generator) -> Configuration:
        """The same but for one argument, which is drawn anew."""
        name = list(self.properties)[int(rng.integers(len(self.properties)))]
        return {**configuration, name: self._draw(self.properties[name], rng)}

    @staticmethod
    def _draw(schema: Mapping[str, Any], rng: np.random.Generator) -> Any:
        if "enum" in schema:
            return schema["enum"][int(rng.integers(len(schema["enum"])))]
        if schema["type"] == "boolean":
            return bool(rng.integers(2))
        if schema["type"] == "integer":
            return int(rng.integers(schema["minimum"], schema["maximum"] + 1))
        return float(rng.uniform(schema["minimum"], schema["maximum"]))
