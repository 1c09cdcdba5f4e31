"""Only the two `*_upstream.py` files use private members of Airflow, of its provider, or of their base classes."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import airflow_environment  # before anything imports airflow

PLUGIN = airflow_environment.ROOT / "plugins" / "nightshift_airflow"
UPSTREAM = {"airflow_upstream.py", "kubernetes_upstream.py"}
MODULES = sorted(path for path in PLUGIN.rglob("*.py") if path.name not in UPSTREAM)
PUBLIC_OF_AIRFLOW = (
    "airflow.api_fastapi.",  # the pages: who is logged in, and what that user may read
    "airflow.listeners",
    "airflow.providers.",
    "airflow.sdk",
    "airflow.timetables.",
)
PRIVATE_OF_SDK = ("airflow.sdk.execution_time", "airflow.sdk.api", "airflow.sdk.definitions")


def name_of(path: Path) -> str:
    """The name by which a module is imported."""
    return ".".join(path.relative_to(PLUGIN.parent).with_suffix("").parts).removesuffix(".__init__")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def find_used(tree: ast.AST) -> set[str]:
    """The private names that a module looks up on any object, `self` and `super()` among them."""
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_private(node.attr)}


def find_defined(tree: ast.AST) -> Iterator[str]:
    """The private names that a module gives to functions, methods and attributes of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def find_imported(tree: ast.AST) -> Iterator[str]:
    """The modules of Airflow that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_uses_no_private_member_but_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert find_used(tree) - set(find_defined(tree)) == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_public_modules_of_airflow(path: Path) -> None:
    imported = {name for name in find_imported(ast.parse(path.read_text(encoding="utf-8"))) if "airflow." in name}
    airflows = {name for name in imported if name.startswith("airflow.")}
    assert {name for name in airflows if not name.startswith(PUBLIC_OF_AIRFLOW)} == set()
    assert {name for name in airflows if name.startswith(PRIVATE_OF_SDK) or "._" in name} == set()


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name != "ui"], ids=name_of)
def test_a_class_overrides_no_private_member_of_a_foreign_base(path: Path) -> None:
    module = importlib.import_module(name_of(path))
    for name, kind in inspect.getmembers(module, inspect.isclass):
        if kind.__module__ != module.__name__:
            continue
        foreign = [base for base in kind.__mro__ if not base.__module__.startswith("nightshift_airflow")]
        private = {member for base in foreign for member in vars(base) if is_private(member)}
        own = {member for member, value in vars(kind).items() if inspect.isfunction(value)}
        assert not own & private, f"{name} overrides private members of its bases"
