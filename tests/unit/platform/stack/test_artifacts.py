from pathlib import Path

import pytest

from headrace.platform.stack.artifacts import LOCK_FILE, Coordinates, read_lock, render_lock, version_of
from headrace.platform.stack.errors import StackError
from headrace.platform.stack.lock import KAFKA_VERSION, REGISTRY_VERSION


def test_committed_lock_is_what_its_rendering_says() -> None:
    assert render_lock(reversed(read_lock())) == LOCK_FILE.read_text(encoding="utf-8")


def test_committed_lock_pins_the_versions_of_the_code_and_every_kafka_jar_to_the_same_one() -> None:
    lock = read_lock()
    assert version_of(lock, "kafka_2.13") == KAFKA_VERSION
    assert version_of(lock, "apicurio-registry-app") == REGISTRY_VERSION
    assert {item.coordinates.version for item in lock if item.coordinates.group == "org.apache.kafka"} == {
        KAFKA_VERSION
    }
    assert version_of(lock, "log4j-slf4j-impl") == version_of(lock, "log4j-core")


def test_path_follows_the_maven_layout() -> None:
    plain = Coordinates("org.apache.kafka", "kafka-clients", "jar", "", "4.1.2")
    archive = Coordinates("io.apicurio", "apicurio-registry-app", "tar.gz", "all", "3.0.9")
    assert str(plain.path) == "org/apache/kafka/kafka-clients/4.1.2/kafka-clients-4.1.2.jar"
    assert str(archive.path) == "io/apicurio/apicurio-registry-app/3.0.9/apicurio-registry-app-3.0.9-all.tar.gz"


GOOD = f"kafka g:a:jar::1 10 {'0' * 64}\n"


@pytest.mark.parametrize(
    "line",
    [
        "kafka g:a:jar::1 10",
        f"kafka g:a:1 10 {'0' * 64}",
        f"broker g:a:jar::1 10 {'0' * 64}",
        f"kafka g:a:jar::1 ten {'0' * 64}",
        "kafka g:a:jar::1 10 abc",
        f"kafka g:a:jar::../../1 10 {'0' * 64}",
    ],
)
def test_bad_line_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "artifacts.lock"
    file.write_text(f"# comment\n{GOOD}{line}\n")
    with pytest.raises(StackError, match=r"artifacts\.lock:3: "):
        read_lock(file)


def test_lock_without_registry_or_file_names_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "artifacts.lock"
    with pytest.raises(StackError, match="headrace stack lock"):
        read_lock(file)
    file.write_text(GOOD)
    with pytest.raises(StackError, match="registry"):
        read_lock(file)
