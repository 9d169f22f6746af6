"""Keys and values of many texts in buffers of fixed shape: what one forward pass a step reads and writes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from nlq.samplers.torch_attention import FEW
from nlq.samplers.torch_cache import Computed, cache_argument

_LOG = logging.getLogger(__name__)

GRAIN = 256
"""Tokens by which the buffers, and what is read of them with fixed shapes, grow."""


class _SlotLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers comes without complete types
    """One layer's buffers, [slots, length, heads, size], of which a step writes ``positions`` [rows, count] and reads
    the first ``length``. transformers' StaticLayer has one position for all rows, which are of equal length there."""

    is_compileable = True
    is_sliding = False

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, positions: torch.Tensor, length: int) -> None:
        super().__init__()
        self.keys, self.values, self.is_initialized = keys, values, True
        self._positions, self._length = positions, length

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows = key_states.shape[0]
        places = (torch.arange(rows, device=key_states.device)[:, None], self._positions)
        self.keys.index_put_(places, key_states.transpose(1, 2))
        self.values.index_put_(places, value_states.transpose(1, 2))
        return (
            self.keys[:rows, : self._length].transpose(1, 2),
            self.values[:rows, : self._length].transpose(1, 2),
        )

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing to do: the buffers are there."""

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        del query_length
        return self._length, 0

    def get_seq_length(self) -> int:
        return self._length

    def get_max_length(self) -> int:
        return self._length


class Slots:
    """Room for texts, one a slot. Rows of a step are the first slots, each as long as it is.

    With ``compiled`` the numbers of rows and of tokens read are rounded up, so that few shapes occur, and a step is
    compiled once for all of them; on CUDA each shape becomes a CUDA graph.
    """

    def __init__(self, model: Any, *, compiled: bool) -> None:
        self._model = model
        self._takes_cache = cache_argument(model)
        self._fixed = compiled
        self._read = self._once(_compiled(self._forward)) if compiled else self._forward
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._windows = _windows(model.config.get_text_config())

    @property
    def widths(self) -> Sequence[int]:
        """How many tokens of each row one step can read, ascending."""
        return (1, FEW // 2, FEW) if self._fixed else range(1, FEW + 1)

    def clear(self) -> None:
        """Give the memory back; what the slots held is lost."""
        self._layers = []

    def reserve(self, prompt: Computed, *, rows: int, length: int) -> None:
        """Room for ``rows`` texts of ``length`` tokens, in the shapes of the layers of ``prompt``."""
        have_rows, have_length = self._layers[0][0].shape[:2] if self._layers else (0, 0)
        if rows <= have_rows and length <= have_length:
            return
        rows = max(have_rows, _power(max(2, rows)))
        length = max(have_length, _rounded(length, GRAIN))
        if not self._layers:
            self._layers = [(_room(k, rows, length), _room(v, rows, length)) for k, v in prompt.layers]
            return
        for place, (keys, values) in enumerate(self._layers):
            self._layers[place] = (_larger(keys, rows, length), _larger(values, rows, length))

    def put(self, prompt: Computed, *, first: int, count: int) -> None:
        """Write a prompt into ``count`` slots from ``first`` on."""
        length = len(prompt.ids)
        for (keys, values), (new_keys, new_values) in zip(self._layers, prompt.layers, strict=True):
            keys[first : first + count, :length] = new_keys.transpose(1, 2)
            values[first : first + count, :length] = new_values.transpose(1, 2)

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy slots over others, which no source is among."""
        read, written = self._index(sources), self._index(targets)
        for states in (states for layer in self._layers for states in layer):
            states[written] = states[read]

    def wipe(self, slots: Sequence[int]) -> None:
        """Zeros in place of numbers that are none: attention multiplies by 0 what it does not look at."""
        written = self._index(slots)
        for states in (states for layer in self._layers for states in layer):
            states[written] = 0

    def forward(self, tokens: Sequence[Sequence[int]], starts: Sequence[int], *, width: int) -> torch.Tensor:
        """Append at most ``width`` tokens, one of ``widths``, to each of the first slots, from position ``starts`` on.

        Returns the logits behind every token, [rows, width, vocabulary] with rows of at least ``len(tokens)``: those of
        fewer tokens, or of none, are followed by numbers without meaning. Valid until the next call.
        """
        count = len(tokens)
        rows, length = count, max(starts) + width
        if self._fixed:
            rows, length = max(2, _power(count)), _rounded(length, GRAIN)  # torch.compile treats 1 as a case of its own
        padding = [[0] * width] * (rows - count)
        ids = torch.tensor([[*some, *[0] * (width - len(some))] for some in tokens] + padding)
        begin = torch.tensor([[start] for start in starts] + [[0]] * (rows - count))
        device = self._model.device
        positions = begin.to(device, non_blocking=True) + torch.arange(width, device=device)
        return self._read(ids.to(device, non_blocking=True), positions, length)

    def _once(self, compiled: Read) -> Read:
        """``compiled`` until it fails, then uncompiled: a step writes the same numbers into the same places again."""

        def read(ids: torch.Tensor, positions: torch.Tensor, length: int) -> torch.Tensor:
            try:
                return compiled(ids, positions, length)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as exc:  # what torch.compile, its compiler and CUDA graphs raise
                _LOG.warning(
                    "Decoding goes on uncompiled, as NLQ_COMPILE=off does: %s", str(exc).strip().partition("\n")[0]
                )
                self._read = self._forward
                return self._forward(ids, positions, length)

        return read

    def _index(self, slots: Sequence[int]) -> torch.Tensor:
        return torch.tensor(slots, device=self._model.device)

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor, length: int) -> torch.Tensor:
        cache = Cache(layers=[_SlotLayer(keys, values, positions, length) for keys, values in self._layers])
        before = torch.arange(length, device=ids.device) - positions[:, None, :, None]
        masks = {
            kind: before <= 0 if window is None else (before <= 0) & (before > -window)
            for kind, window in self._windows.items()
        }
        mask = masks if len(masks) > 1 else next(iter(masks.values()))
        output = self._model(
            input_ids=ids, position_ids=positions, attention_mask=mask, **{self._takes_cache: cache}, use_cache=True
        )
        logits: torch.Tensor = output.logits
        return logits


Read = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]


def _compiled(read: Read) -> Read:
    """Compiled for one and for several tokens a row. Sizes are symbols, so that a new one costs a recorded graph and no
    compilation; torch would compile again whenever two of them happen to be equal, or no longer are."""
    compiled = torch.compile(read, mode="reduce-overhead", dynamic=True)

    def apart(ids: torch.Tensor, positions: torch.Tensor, length: int) -> torch.Tensor:
        with torch.fx.experimental._config.patch(use_duck_shape=False):  # type: ignore[attr-defined]  # made at run time
            return compiled(ids, positions, length)

    return apart


def _windows(config: Any) -> dict[str, int | None]:
    """Kinds of layers and how many tokens each looks back; None is all."""
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or (["sliding_attention"] if window else ["full_attention"]))
    return {kind: window if kind == "sliding_attention" else None for kind in sorted(kinds)}


def _room(states: torch.Tensor, rows: int, length: int) -> torch.Tensor:
    _, heads, _, size = states.shape
    return _static(states.new_zeros((rows, length, heads, size)))


def _larger(states: torch.Tensor, rows: int, length: int) -> torch.Tensor:
    had_rows, had_length, heads, size = states.shape
    larger = states.new_zeros((rows, length, heads, size))
    larger[:had_rows, :had_length] = states
    return _static(larger)


def _static(states: torch.Tensor) -> torch.Tensor:
    torch._dynamo.mark_static_address(states)  # CUDA graphs write into it where it is, instead of into a copy
    torch._dynamo.mark_static(states, [2, 3])
    return states


def _power(count: int) -> int:
    return 1 << (count - 1).bit_length()


def _rounded(count: int, grain: int) -> int:
    return -(-count // grain) * grain
