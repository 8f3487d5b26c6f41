"""What services/Dockerfile promises: reproducible, without root, nothing needed at run time that it does not hold."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.contract.compose.files import ROOT

DOCKERFILE = (ROOT / "services" / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def of(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def final_stage() -> list[tuple[str, str]]:
    everything = instructions()
    last = max(index for index, (word, _) in enumerate(everything) if word == "FROM")
    return everything[last:]


def test_runs_as_a_numeric_user_without_root() -> None:
    (user,) = [rest for word, rest in final_stage() if word == "USER"]

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "Kubernetes can tell runAsNonRoot only from a number"


def test_commands_are_lists_so_that_signals_arrive() -> None:
    for word in ("CMD", "ENTRYPOINT"):
        assert all(rest.startswith("[") for rest in of(word))
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert of("HEALTHCHECK") == ["NONE"]


def test_nothing_comes_from_elsewhere() -> None:
    assert not of("ADD")
    assert {rest.split()[0] for rest in of("FROM")} == {"${PYTHON_IMAGE}"}
    assert not re.search(r"https?://", DOCKERFILE)


def test_dependencies_are_those_of_the_lock() -> None:
    syncs = [rest for rest in of("RUN") if rest.startswith("uv sync")]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert len(syncs) == 2
    for sync in syncs:
        assert {"--frozen", "--no-dev"} <= set(sync.split())
        assert set(re.findall(r"--extra (\S+)", sync)) == set(extras) - {"stack"}
    assert "--no-editable" in syncs[-1]


def test_uv_is_the_one_of_the_makefile() -> None:
    (pinned,) = [rest.partition("=")[2] for rest in of("ARG") if rest.startswith("UV_VERSION=")]

    assert f"UV_VERSION := {pinned}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    sources = [word for rest in of("COPY") if not rest.startswith("--from") for word in rest.split()[:-1]]

    assert IGNORED[1] == "*"
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in IGNORED, source
    assert {line[1:] for line in IGNORED if line.startswith("!")} == set(sources), "no more than is copied"


def test_state_folder_of_the_settings_is_a_volume() -> None:
    (environment,) = [rest for word, rest in final_stage() if word == "ENV"]
    given = dict(re.findall(r"(\S+)=(\S+)", environment))

    assert of("VOLUME") == [f'["{given["HEADRACE_STATE_DIR"]}"]']
    assert given["HEADRACE_ROOT"] == "/app"


@pytest.mark.timeout(120)
def test_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "libs/headrace", "services"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wanted = {name.removeprefix("libs/") for name in tracked if (ROOT / name).is_file()}
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT)]

    built = subprocess.run(build, capture_output=True, text=True, check=False)  # noqa: S603 - our own command line

    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())
