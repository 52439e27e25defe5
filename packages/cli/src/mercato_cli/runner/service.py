"""What a project answers: its signals, its other operations, its document, and how it is."""

import json
from collections.abc import Callable
from pathlib import Path

from mercato_checks.openapi import Document, read_document
from mercato_cli.runner.answers import Answer, openai_shape, problem
from mercato_cli.runner.operations import Operations
from mercato_cli.runner.project import ProjectNotUsable, load_handler, read_protocol
from mercato_cli.runner.server import Limits, Server
from mercato_cli.runner.signals import PATH, Signals

_DOCUMENT = "openapi.yaml"
_HEALTH = ("/healthz", "/ping")
"""`/ping` is where RunPod's load balancer asks."""
_OWN = frozenset({*_HEALTH, "/openapi.json"})


class Service:
    """A loaded project and the server around it."""

    def __init__(
        self, project: Path, artifact: Path | None, say: Callable[[str], None], limits: Limits = Limits()
    ) -> None:
        """Loads everything up front, so calls have no start-up cost. Raises `ProjectNotUsable`."""
        handler = load_handler(project, artifact)
        document = _document(project)
        self._signals = Signals(handler, say) if hasattr(handler, "infer") else None
        self._operations = None
        if document is not None:
            ours = _OWN | {PATH} if self._signals else _OWN
            self._operations = Operations(handler, document, say, ours)
        elif self._signals is None:
            raise ProjectNotUsable(f"`Handler` has no method `infer`, and {project / _DOCUMENT} is not there.")
        self._described = None if document is None else json.dumps(document.tree, default=str).encode()
        self._speaks_openai = read_protocol(project) == "openai"
        self.server = Server(self.answer, self.quick, limits)

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Of the vendor's code; never raises."""
        path, _, query = target.partition("?")
        if path == PATH and self._signals is not None:
            answer = self._signals.answer(body)
        else:
            assert self._operations is not None
            answer = self._operations.answer(method, path, query, body)
        return openai_shape(answer) if self._speaks_openai else answer

    def quick(self, method: str, target: str) -> Answer | None:
        """Of everything else; None for what the vendor's code answers."""
        path = target.partition("?")[0]
        methods = self._methods(path)
        if method in methods and path not in _OWN:
            return None
        if method in methods:
            return self._health() if path in _HEALTH else self._describe()
        if methods:
            right = ", ".join(methods)
            return problem("wrong_method", f"{path[:200]} is called with {right}, not {method[:16]}.",
                           headers={"allow": right})  # fmt: skip
        return problem("unknown_operation", f"There is no {path[:200]}.")

    def _methods(self, path: str) -> list[str]:
        if path in _OWN:
            return ["GET", "HEAD"]
        if path == PATH and self._signals is not None:
            return ["POST"]
        return self._operations.methods(path) if self._operations is not None else []

    def _health(self) -> Answer:
        if self.server.is_stuck:
            return Answer(503, b'{"status": "stuck"}')
        return Answer(200, b'{"status": "ok"}')

    def _describe(self) -> Answer:
        if self._described is None:
            return problem("unknown_operation", f"The project has no {_DOCUMENT}.")
        return Answer(200, self._described)


def _document(project: Path) -> Document | None:
    path = project / _DOCUMENT
    if not path.is_file():
        return None
    document, findings = read_document(path.read_bytes(), _DOCUMENT)
    if document is None:
        raise ProjectNotUsable(f"{path} cannot be used: {findings[0].message}")
    return document
