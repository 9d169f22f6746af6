"""Finding a Java that Elasticsearch runs on."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nlq.errors import ConfigError

OLDEST = 21
MODULES = frozenset({"jdk.jlink", "jdk.attach", "jdk.incubator.vector"})
VARIABLES = ("NLQ_JAVA_HOME", "ES_JAVA_HOME", "JAVA_HOME")
USUAL_PLACES = ("/usr/lib/jvm/*", "/opt/*jdk*", "/usr/java/*", "~/.sdkman/candidates/java/*", "~/.jdks/*")


def find_jdk(
    environ: Mapping[str, str] | None = None,
    *,
    places: tuple[str, ...] = USUAL_PLACES,
    usable: Callable[[Path], bool] = Path.is_dir,
) -> Path:
    """The home of the first full JDK 21 or newer: the environment's, the PATH's, then the usual places, newest first.

    ``usable`` says whether the user who will run it can enter a folder. Raises ConfigError where there is none.
    """
    environ = os.environ if environ is None else environ
    for home in _candidates(environ, places):
        if is_full_jdk(home) and usable(home):
            return home
    raise ConfigError(
        f"Elasticsearch needs a JDK {OLDEST} or newer (a full one, no JRE): install one (such as Temurin 25) "
        "and set NLQ_JAVA_HOME to its folder."
    )


def is_full_jdk(home: Path) -> bool:
    """Whether the folder holds a JDK that is new enough and has the modules Elasticsearch starts with."""
    try:
        release = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return (
        (home / "bin" / "java").is_file()
        and _version(release) >= OLDEST
        and (_modules(release) | _jmods(home)) >= MODULES
    )


def _candidates(environ: Mapping[str, str], places: tuple[str, ...]) -> Iterator[Path]:
    yield from (Path(environ[name]).expanduser() for name in VARIABLES if environ.get(name))
    if java := shutil.which("java", path=environ.get("PATH", "")):
        yield Path(java).resolve().parent.parent
    for place in places:
        base = Path(place).expanduser()
        found = [home for home in base.parent.glob(base.name) if is_full_jdk(home)]
        yield from sorted(found, key=lambda home: (_version((home / "release").read_text("utf-8")), home), reverse=True)


def _version(release: str) -> int:
    match = re.search(r'^JAVA_VERSION="?(\d+)', release, re.MULTILINE)
    return int(match[1]) if match else 0


def _modules(release: str) -> frozenset[str]:
    match = re.search(r'^MODULES="?([^"\n]*)', release, re.MULTILINE)
    return frozenset(match[1].split()) if match else frozenset()


def _jmods(home: Path) -> frozenset[str]:
    return frozenset(file.stem for file in (home / "jmods").glob("*.jmod"))
