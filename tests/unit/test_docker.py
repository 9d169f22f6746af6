"""The Dockerfile and the compose files: what their linters say, and what has to agree with the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from api.metrics import Metrics
from nlq.elastic import package
from nlq.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text("utf-8")
FILES = ("docker/compose.yml", "docker/compose.gpu.yml")
WITH_PASSWORD = {**os.environ, "ELASTIC_PASSWORD": "for the tests"}


def services(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text("utf-8"))["services"]
    return found


def run(*command: str) -> tuple[int, str]:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=WITH_PASSWORD)
    return ran.returncode, ran.stdout + ran.stderr


def copied() -> list[str]:
    """The paths of the repository that the image takes."""
    return [
        source.removeprefix("./").rstrip("/")
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    ]


def test_the_linter_has_nothing_to_say_about_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if hadolint is None:
        pytest.skip("hadolint is not installed")

    assert run(hadolint, "docker/Dockerfile") == (0, "")


def test_the_compose_files_fit_the_specification() -> None:
    code, said = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *FILES)

    assert (code, said.strip()) == (0, "ok -- validation done")


@pytest.mark.parametrize("files", [FILES[:1], FILES], ids=["cpu", "gpu"])
def test_docker_itself_can_read_the_compose_files(files: tuple[str, ...]) -> None:
    if shutil.which("docker") is None or run("docker", "compose", "version")[0]:
        pytest.skip("docker compose is not installed")
    code, said = run("docker", "compose", *(part for file in files for part in ("-f", file)), "config", "--quiet")

    assert (code, said) == (0, "")


def test_every_image_is_pinned() -> None:
    images = {s["image"] for file in FILES for s in services(file).values() if "image" in s and "build" not in s}
    images |= set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    images |= set(re.findall(r"--from=(\S+/\S+)", DOCKERFILE))

    assert {image for image in images if not re.search(r":v?\d+\.\d+", image)} == set()


def test_elasticsearch_is_the_version_that_is_tested() -> None:
    image = services("docker/compose.yml")["elasticsearch"]["image"]

    assert image.rpartition(":")[2] == package.VERSION


def test_the_image_runs_as_a_user_without_rights_and_holds_no_secret() -> None:
    _, _, final = DOCKERFILE.rpartition("\nFROM ")
    user = re.findall(r"^USER (\S+)", final, re.MULTILINE)[-1]

    assert int(user) > 0
    assert not re.search(r"(PASSWORD|TOKEN|SECRET|API_KEY)\b", DOCKERFILE)


def test_a_change_of_the_code_leaves_the_layers_of_the_dependencies() -> None:
    sources = copied()

    assert sources.index("pyproject.toml") < min(sources.index(code) for code in ("api", "examples_db", "nlq"))
    assert DOCKERFILE.index("--requirements pyproject.toml") < DOCKERFILE.index("COPY nlq")


def test_the_build_is_sent_what_the_image_takes_and_nothing_else() -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}

    assert rules[0] == "*"
    assert sent == set(copied())
    assert {path for path in sent if not (ROOT / path).exists()} == set()


def test_the_image_takes_every_package_of_the_wheel_and_extras_that_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = set(re.findall(r"--extra (\S+)", DOCKERFILE))

    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(copied())
    assert extras <= set(project["project"]["optional-dependencies"])


def test_every_variable_of_the_service_is_a_setting() -> None:
    named = set(re.findall(r"\bNLQ_([A-Z_]+)=", DOCKERFILE))
    named |= {k.removeprefix("NLQ_") for file in FILES for k in services(file)["api"]["environment"] if "NLQ_" in k}

    assert {name for name in named if name.lower() not in Settings.model_fields} == set()


@pytest.mark.parametrize("file", FILES)
def test_a_service_waits_for_others_that_say_when_they_are_healthy(file: str) -> None:
    for service in services(file).values():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services(file)[other]


def test_only_this_machine_reaches_what_is_published() -> None:
    ports = [port for file in FILES for service in services(file).values() for port in service.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_a_container_is_given_longer_to_end_than_the_service_takes() -> None:
    api = services("docker/compose.yml")["api"]

    assert int(api["stop_grace_period"].removesuffix("s")) > int(api["environment"]["NLQ_SHUTDOWN_SECONDS"])


def test_the_page_on_deployment_names_metrics_that_there_are() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    known = set(re.findall(r"^# TYPE (\S+)", generate_latest(Metrics().registry).decode(), re.MULTILINE))
    named = set(re.findall(r"\b(?:nlq|process)_[a-z_]+(?=[\[{`| ])", page))
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}

    assert len(plain) > 10
    assert plain - known == set()
