"""A sentence-embedding network in ONNX, run on the CPU of this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mercato.discovery import Vector

Pooling = Literal["mean", "first"]
"""How one vector is made of those of all tokens: their mean, or the first one's."""


class OnnxModel:
    """Tokenizer and network, loaded; safe to use from several threads.

    One text at a time. A quantised network rounds by the largest number of the whole batch, so the same text would get
    another vector in other company (cosine 0.99), and two replicas would answer differently. It costs 10 % of the time
    of texts of 66 tokens, and needs the memory of one text.
    """

    def __init__(self, network: Path, tokenizer: Path, *, pooling: Pooling, max_tokens: int, threads: int) -> None:
        # Imported here: they take 0.2 s and several MB to import, and most processes never embed.
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # The arena never gives back what the longest text took.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        self._session: Any = onnxruntime.InferenceSession(str(network), options, ["CPUExecutionProvider"])
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._pooling = pooling
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One unit-length vector a text."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Vector:
        # A half of a surrogate pair is no text to the tokenizer.
        encoded = self._tokenizer.encode(text.encode("utf-8", "replace").decode())
        ids = np.array([encoded.ids], np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, {name: value for name, value in given.items() if name in self._inputs})[0][0]
        pooled = states[0] if self._pooling == "first" else states.mean(axis=0)
        unit: Vector = (pooled / np.linalg.norm(pooled)).astype(np.float32)
        return unit
