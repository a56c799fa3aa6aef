"""The names in traces are the conventions' own."""

import importlib
import pkgutil
from types import ModuleType

import pytest
from opentelemetry.semconv.schemas import Schemas

from worker.observability import trace_names
from worker.tracing import Said


def modules() -> list[ModuleType]:
    """Every module of attribute names, those in development included."""
    packages = ("opentelemetry.semconv.attributes", "opentelemetry.semconv._incubating.attributes")
    found: list[ModuleType] = []
    for package in map(importlib.import_module, packages):
        names = [each.name for each in pkgutil.iter_modules(package.__path__)]
        found += [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return found


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every name that the conventions have."""
    return {
        value
        for module in modules()
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }


def ours() -> set[str]:
    """Every name that we use."""
    constants = {
        value
        for name, value in vars(trace_names).items()
        if name.isupper()
        and isinstance(value, str)
        and name not in {"SCHEMA_URL", "TRACER", "REDIS"}
    }
    return constants | set(trace_names.OF_WORDS.values()) | set(trace_names.CHAT)


def test_each_name_is_a_standard_one_or_says_that_it_is_not(known: set[str]) -> None:
    """What no convention knows begins with our own name."""
    assert {name for name in ours() if not name.startswith("llm_worker.")} <= known


def test_every_word_has_a_name() -> None:
    """None is missing, and none is left over."""
    assert trace_names.OF_WORDS.keys() == Said.__annotations__.keys()


def test_the_version_is_one_there_is() -> None:
    """The schema that our spans name."""
    assert trace_names.SCHEMA_URL in [schema.value for schema in Schemas]
