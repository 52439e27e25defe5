"""Every router is served: one that no process includes answers nobody, and no other test misses it."""

import ast

from tests.architecture.reading import Module, modules

_WHERE_ADDED = {"app/parts.py", "app/control.py", "console/pages.py"}


def _has_router(module: Module) -> bool:
    """Whether the module has a `router` of its own at the top."""
    return any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "router" for node in module.tree.body)


def _served() -> set[str]:
    """Names of modules whose router is added, such as `keys` of `keys.router`, or one of a folder's `ROUTERS`."""
    found: set[str] = set()
    for module in modules():
        for node in ast.walk(module.tree):
            if module.name in _WHERE_ADDED and isinstance(node, ast.Attribute) and node.attr == "router":
                found.add(ast.unparse(node.value))
            if (
                module.file == "__init__.py"
                and isinstance(node, ast.Assign)
                and ast.unparse(node.targets[0]) == "ROUTERS"
            ):
                found |= {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
    return found


_WITH_ROUTER = [m for m in modules() if m.room in {"api", "console"} and _has_router(m)]


def _noun(module: Module) -> str:
    """A folder's own router, such as that of `api/graphql/router.py`, is known by the folder's name."""
    *folders, file = module.name.removesuffix(".py").split("/")
    return folders[-1] if file == "router" else file


def test_a_router_is_served() -> None:
    served = _served()
    assert [module.name for module in _WITH_ROUTER if _noun(module) not in served] == [], (
        "a page's router goes into console/pages.py or ROUTERS of its folder, a route's into a part of app/parts.py"
    )
