"""Small weights and the settings of the transformers sampler."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from nlq.bootstrap import load_sampler
from nlq.errors import ConfigError, SamplerError
from nlq.samplers.torch_errors import torch_errors
from nlq.samplers.transformers_ import TransformersSampler
from nlq.settings import load_settings
from tests.unit.test_transformers_sampler import SCHEMA, draw


@pytest.fixture
def torchao() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchao itself
        return pytest.importorskip("torchao")


@pytest.mark.usefixtures("torchao")
def test_weights_of_8_bits_say_nearly_what_whole_ones_say(
    tiny_transformers_sampler: TransformersSampler, tiny_model_folder: Path
) -> None:
    small = TransformersSampler.load(tiny_model_folder, device="cpu", dtype="float32", weights="int8")
    model, whole = (s._open().runtime.model for s in (small, tiny_transformers_sampler))
    with torch.inference_mode():
        ours, theirs = (m(torch.arange(20, 60)[None]).logits.log_softmax(-1) for m in (model, whole))

    assert 0 < (ours - theirs).abs().max() < 0.5
    assert all(c.complete for c in draw(small, SCHEMA, n=4, max_tokens=120))


@pytest.mark.usefixtures("torchao")
def test_weights_of_4_bits_need_cuda(tiny_model_folder: Path) -> None:
    with pytest.raises(ConfigError, match="NLQ_WEIGHTS=int8"):
        TransformersSampler.load(tiny_model_folder, device="cpu", weights="int4")


def test_without_torchao_small_weights_name_what_to_install(
    tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)

    with pytest.raises(ConfigError, match=r"pip install 'nlq\[quantized\]'"):
        TransformersSampler.load(tiny_model_folder, device="cpu", weights="int8")


@pytest.mark.parametrize(("name", "compiled"), [("auto", None), ("on", True), ("off", False)])
def test_settings_reach_the_sampler(name: str, compiled: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(TransformersSampler, "load", lambda _model, **options: given.update(options))
    load_sampler(load_settings(sampler="transformers", model="org/name", weights="int8", compile=name, rows=9))

    assert given == {"weights": "int8", "rows": 9, "compiled": compiled}


def test_a_step_that_cannot_be_compiled_says_how_to_go_on() -> None:
    from torch._dynamo.exc import InternalTorchDynamoError

    with pytest.raises(SamplerError, match="NLQ_COMPILE=off"), torch_errors():
        raise InternalTorchDynamoError("no compiler")
