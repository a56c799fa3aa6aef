"""The house rules that no linter knows, over every file of ours; without an exception list."""

import ast
import gc
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("shared", "worker", "examples", "deploy", "drills")
SOURCE = sorted(file for room in ROOMS for file in ROOT.glob(f"{room}/**/*.py"))
TESTS = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/**/*.py")])
CODE = [*SOURCE, *TESTS]
FUNCTION_LINES, FILE_LINES = 45, 320

VAGUE = {"manager", "helper", "helpers", "util", "utils", "common", "base", "processor"}
# Written so that this file does not find itself.
ELSEWHERE = re.compile(r"py[p]i\.|pythonhoste[d]\.|/wor[k]/|/hom[e]/\w|--extra-inde[x]-url")
NOT_OURS = {".git", ".venv", "LICENSE", "__pycache__", "build", "dist"}

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _tree(file: Path) -> ast.Module:
    # While it builds a tree, Python 3.11 must not be interrupted by what a collection runs: now and
    # then it ends in "AST constructor recursion depth mismatch".
    gc.disable()
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    finally:
        gc.enable()


def _functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(_tree(file)) if isinstance(node, type_of_function)]


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_small_files_of_small_functions(file: Path) -> None:
    """One idea per file, one thought per function: what grows past this wants to be two."""
    long = [f.name for f in _functions(file) if _lines(f) > FUNCTION_LINES]
    assert long == []
    assert len(file.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_names_that_say_something(file: Path) -> None:
    """A manager, helper or processor may be anything, so it becomes everything."""
    classes = [node.name for node in ast.walk(_tree(file)) if isinstance(node, ast.ClassDef)]
    words = re.findall(r"[A-Z]?[a-z]+", " ".join([file.stem, *classes]))
    assert {word.lower() for word in words} & VAGUE == set()


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_says_what_it_is(file: Path) -> None:
    """Its first sentence tells whether to read on."""
    assert len(ast.get_docstring(_tree(file)) or "") > 10


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_test_says_what_it_holds(file: Path) -> None:
    """When it is red, its sentence is what is no longer true."""
    tests = [f for f in _functions(file) if f.name.startswith("test_")]
    assert [f.name for f in tests if not ast.get_docstring(f)] == []


@pytest.mark.parametrize(
    "file",
    [file for file in TESTS if file.name.startswith("test_") or file.parent.name == "process"],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_nobody_sleeps_and_hopes(file: Path) -> None:
    """Too short on a slow machine, too long on all others: a sleep may only pace a loop that looks.

    `sleep(0)` is a turn of the event loop; programs in strings are not looked into. The schedules
    of faults in `tests/chaos` and `tests/simulation` are made of sleeps, and are no tests.
    """
    loops = [node for node in ast.walk(_tree(file)) if isinstance(node, ast.While)]
    paced = {ast.unparse(node) for loop in loops for node in ast.walk(loop)}
    calls = [node for node in ast.walk(_tree(file)) if isinstance(node, ast.Call)]
    slept = {ast.unparse(call) for call in calls if ast.unparse(call.func).endswith("sleep")}
    assert slept - paced - {"asyncio.sleep(0)"} == set()


def test_the_worker_exports_nothing() -> None:
    """It is a program, not a library: its front door is a map."""
    [only] = _tree(ROOT / "worker/__init__.py").body
    assert isinstance(only, ast.Expr)


def test_the_contract_imports_nothing_of_the_worker() -> None:
    """Producers and Core install it alone."""
    for file in ROOT.glob("shared/*.py"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) worker", text, re.MULTILINE)


def test_nothing_speaks_of_one_machine() -> None:
    """No index address and no absolute path of whoever built it, in any file."""
    found: list[str] = []
    for file in ROOT.rglob("*"):
        parts = file.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] not in {".ci", ".env.example"}
        if hidden or NOT_OURS & {*parts} or not file.is_file():
            continue
        match = ELSEWHERE.search(file.read_text(encoding="utf-8", errors="replace"))
        found += [f"{file.relative_to(ROOT)}: {match[0]}"] if match else []
    assert found == []
