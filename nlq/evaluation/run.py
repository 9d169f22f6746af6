"""A run's folder: what was asked, and where its parts are."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, Self

from nlq.errors import InputError
from nlq.evaluation.cases import CaseSet, Half
from nlq.evaluation.scores import dumps
from nlq.settings import Settings

Examples = Literal["cold", "warm", "store", "own"]
"""Where few-shot examples come from: what nlq ships; that and the cases of the other indices; the user's database, with
or without those of the asked index."""

_DECIDE = tuple(
    "model sampler ensemble embedder retrieval shot max_fields max_tokens temperature top_ min_p repetition_penalty "
    "first_round next_rounds revis close".split()
)
"""What the names of the settings that a sample depends on start with."""

_PACKAGES = ("elasticsearch", "llguidance", "numpy", "torch", "transformers", "xllamacpp")


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides which samples are drawn. A folder takes more cases, but none that were drawn otherwise."""

    n: int
    greedy: bool = True
    links: str = "shown"
    free: bool = False
    examples: Examples = "cold"
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What ``run.json`` says. ``sets`` are folders by the names of the sets, ``chosen`` how cases were chosen."""

    asked: Asked
    sets: Mapping[str, str]
    chosen: Mapping[str, Any]
    command: str = ""
    date: str = ""
    model: str = ""
    engine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def now(cls, asked: Asked, sets: Sequence[CaseSet], *, chosen: Mapping[str, Any], model: str, engine: str) -> Self:
        return cls(
            asked=asked,
            sets={s.name: str(s.folder.resolve()) for s in sets},
            chosen=chosen,
            command=" ".join(["nlq", *sys.argv[1:]]),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            model=model,
            engine=engine,
            versions=_versions(),
            machine=_machine(),
        )


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a run keeps what belongs to it."""

    path: Path

    @property
    def scores(self) -> Path:
        return self.path / "scores.json"

    def samples(self, set_name: str) -> Path:
        return self.path / f"samples-{set_name}.jsonl"

    def begin(self, run: Run) -> None:
        """Write ``run.json``. InputError where the folder holds samples that were drawn in another way."""
        self.path.mkdir(parents=True, exist_ok=True)
        before = self.read()
        if before is not None:
            if other := _difference(before.asked, run.asked):
                raise InputError(f"{self.path} holds samples drawn with {other}: name another folder with --out.")
            run = replace(run, sets={**before.sets, **run.sets})
        (self.path / "run.json").write_text(dumps(asdict(run)), encoding="utf-8")

    def read(self) -> Run | None:
        """What was written there; None where nothing was. InputError where it cannot be read."""
        path = self.path / "run.json"
        if not path.exists():
            return None
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return Run(**{**data, "asked": Asked(**data["asked"])})
        except (ValueError, KeyError, TypeError) as exc:
            raise InputError(f"{path} is not what `nlq eval` wrote: remove it or name another folder.") from exc


def choice(*, every: int, half: Half | None, sample: int | None, seed: int) -> dict[str, Any]:
    """How cases were chosen, as the report says it."""
    return {"every": every, "half": half, "sample": sample, "seed": seed}


def shown_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a sample depends on: none of them is secret, or a place, which is another elsewhere."""
    return {name: value for name, value in settings.model_dump(mode="json").items() if name.startswith(_DECIDE)}


def _difference(before: Asked, now: Asked) -> str:
    """The first thing that differs, as it was before; "" where all is alike."""
    for name, was in asdict(before).items():
        is_ = json.loads(json.dumps(getattr(now, name)))
        if name == "settings":
            changed = [key for key in was.keys() & is_.keys() if was[key] != is_[key]]
            if changed:
                return f"{min(changed)} {was[min(changed)]!r} instead of {is_[min(changed)]!r}"
        elif was != is_:
            return f"{name} {was!r} instead of {is_!r}"
    return ""


def _versions() -> dict[str, str]:
    found = {"nlq": version("nlq"), "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, Any]:
    """No name and no address: only what numbers depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": next(models, platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "gpus": [path.read_text(encoding="utf-8").splitlines()[0] for path in _gpus()],
    }


def _gpus() -> list[Path]:
    return sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
