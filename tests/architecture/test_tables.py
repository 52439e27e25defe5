"""Tables stay home: a room's rows may be read elsewhere, its tables are asked and written by the room alone."""

import ast

from tests.architecture.reading import Module, imports, modules, rooms_modules, table_name, tables


def _foreign_tables(module: Module) -> dict[str, int]:
    """Tables of other rooms that the module imports, by the line of the import."""
    return {
        name: line
        for source, name, line in imports(module.tree)
        if source.startswith("mercato.")
        and (room := source.split(".")[1]) != module.room
        and name in tables().get(room, ())
    }


def _uses(module: Module, names: set[str]) -> list[str]:
    """Where one of these classes is called, asked for a column or given to a function: annotations are neither."""
    annotations = {
        id(inner)
        for node in ast.walk(module.tree)
        for hint in _hints(node)
        for inner in ast.walk(hint)
    }  # fmt: skip
    found = []
    for node in ast.walk(module.tree):
        used: list[ast.expr] = []
        if isinstance(node, ast.Call):
            used = [node.func, *node.args]
        elif isinstance(node, ast.Attribute):
            used = [node.value]
        found += [
            f"{module.name}:{each.lineno} {each.id}"
            for each in used
            if isinstance(each, ast.Name) and each.id in names and id(each) not in annotations
        ]  # fmt: skip
    return found


def _hints(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]
        return [hint for hint in (*(each.annotation for each in arguments), node.returns) if hint is not None]
    return []


def test_there_are_tables() -> None:
    assert {"billing", "identity", "publishing", "signals"} <= tables().keys()


def test_nobody_constructs_or_queries_another_rooms_table() -> None:
    assert [line for module in modules() for line in _uses(module, set(_foreign_tables(module)))] == []


def test_sql_in_words_names_only_the_rooms_own_tables() -> None:
    found = {module.name: _foreign_words(module) for module in rooms_modules() if module.asks_the_database}
    assert {name: words for name, words in found.items() if words} == {}


def _foreign_words(module: Module) -> set[str]:
    words = " ".join(
        node.value for node in ast.walk(module.tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    spoken = {word.strip("(),\"'").rpartition(".")[2] for phrase in _SQL_PHRASES for word in _after(phrase, words)}
    return spoken & {name for room, names in _TABLE_NAMES.items() if room != module.room for name in names}


_SQL_PHRASES = ("FROM ", "JOIN ", "INTO ", "UPDATE ")


def _after(phrase: str, words: str) -> list[str]:
    return [rest.split(maxsplit=1)[0] for rest in words.split(phrase)[1:] if rest.strip()]


def _table_names() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module in modules():
        classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef)]
        found.setdefault(module.room, set()).update(filter(None, map(table_name, classes)))
    return found


_TABLE_NAMES = _table_names()


def test_front_doors_export_only_tables_whose_rows_others_read() -> None:
    read = {
        (source.split(".")[1], name)
        for module in modules()
        for source, name, _ in imports(module.tree)
        if source.count(".") == 1 and source.startswith("mercato.") and source.split(".")[1] != module.room
    }
    exported = {
        (module.room, name)
        for module in rooms_modules()
        if module.file == "__init__.py"
        for _, name, _ in imports(module.tree)
        if name in tables().get(module.room, ())
    }
    assert sorted(exported - read) == []
