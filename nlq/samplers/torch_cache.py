"""KV caches that copy little: one buffer per layer that grows in steps, and the prompts worth keeping."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

GROWTH = 128  # tokens of room added at a time


def cache_argument(model: Any) -> str:
    """The name by which the model takes its cache; transformers changed it."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # transformers comes without complete types
    """A layer's keys and values in buffers with room to spare.

    transformers' own layer concatenates, which copies the whole cache at every token; this one writes in place.
    """

    def __init__(self) -> None:
        super().__init__()
        self._key_buffer: torch.Tensor | None = None
        self._value_buffer: torch.Tensor | None = None
        self._length = 0

    @classmethod
    def of(cls, keys: torch.Tensor, values: torch.Tensor, *, rows: int) -> GrowingLayer:
        """A layer that starts with a copy of these, [1, heads, length, size] each, in every one of ``rows`` rows."""
        layer = cls()
        layer.lazy_initialization(keys, values)
        layer._length = keys.shape[-2]
        layer._key_buffer = _roomy(keys, rows=rows, length=layer._length)
        layer._value_buffer = _roomy(values, rows=rows, length=layer._length)
        layer._show()
        return layer

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self._length = self._length, self._length + key_states.shape[-2]
        self._key_buffer = _written(self._key_buffer, key_states, start=start)
        self._value_buffer = _written(self._value_buffer, value_states, start=start)
        self._show()
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        if self._key_buffer is None or self._value_buffer is None:
            return
        self._key_buffer = self._key_buffer.index_select(0, indices)
        self._value_buffer = self._value_buffer.index_select(0, indices)
        self._show()

    def _show(self) -> None:
        if self._key_buffer is None or self._value_buffer is None:
            return
        self.keys = self._key_buffer[:, :, : self._length]
        self.values = self._value_buffer[:, :, : self._length]


def _roomy(states: torch.Tensor, *, rows: int, length: int) -> torch.Tensor:
    _, heads, _, size = states.shape
    room = (length // GROWTH + 1) * GROWTH
    buffer = states.new_empty((rows, heads, room, size))
    buffer[:, :, : states.shape[-2]] = states
    return buffer


def _written(buffer: torch.Tensor | None, states: torch.Tensor, *, start: int) -> torch.Tensor:
    end = start + states.shape[-2]
    if buffer is None:
        return _roomy(states, rows=states.shape[0], length=end)
    if end > buffer.shape[-2]:
        buffer = _roomy(buffer[:, :, :start], rows=buffer.shape[0], length=end)
    buffer[:, :, start:end] = states
    return buffer


@dataclass(frozen=True, slots=True)
class Computed:
    """Token ids that a model has read, and for each layer their keys and values, [1, heads, len(ids), size]."""

    ids: tuple[int, ...]
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @classmethod
    def of(cls, ids: Sequence[int], cache: Cache) -> Computed:
        """What a cache of one row holds; the tensors are not copied."""
        return cls(tuple(ids), tuple((layer.keys, layer.values) for layer in cache.layers))

    def cache(self, *, length: int, rows: int) -> Cache:
        """A fresh cache that starts with the first ``length`` tokens in each of ``rows`` rows."""
        return Cache(
            layers=[
                GrowingLayer.of(keys[:, :, :length], values[:, :, :length], rows=rows) for keys, values in self.layers
            ]
        )

    def shared(self, ids: Sequence[int]) -> int:
        """How many tokens ``ids`` has in common with these from the start."""
        count = 0
        for mine, theirs in zip(self.ids, ids, strict=False):
            if mine != theirs:
                break
            count += 1
        return count


class PrefixStore:
    """The last prompt computed for each of the ``size`` most recently used heads."""

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._slots: OrderedDict[Hashable, Computed] = OrderedDict()

    def longest(self, ids: Sequence[int]) -> tuple[Computed | None, int]:
        """The entry that shares the longest prefix with ``ids``, and that prefix's length."""
        best, length = None, 0
        for computed in self._slots.values():
            shared = computed.shared(ids)
            if shared > length:
                best, length = computed, shared
        return best, length

    def put(self, head: Hashable, computed: Computed) -> None:
        self._slots[head] = computed
        self._slots.move_to_end(head)
        while len(self._slots) > self._size:
            self._slots.popitem(last=False)

    def clear(self) -> None:
        self._slots.clear()
