"""SQL stands in the database module and in tables, where a schema can be read in one place."""

import ast
import re
from pathlib import Path

SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s"
    r"|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|VIEW)\s|PRAGMA\s+\w+)",
    re.DOTALL,
)


def allowed(path: Path) -> bool:
    return path.name in ("tables.py", "database.py") or path.parent.name == "tables"


def sql_elsewhere(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(root.glob("src/howdah/**/*.py"))
        if not allowed(path)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]


def test_sql_stands_in_tables(root):
    assert sql_elsewhere(root) == []
