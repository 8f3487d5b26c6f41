"""Downloads through the real client from a repository on loopback that can be made to misbehave."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from headrace.platform.stack.artifacts import Coordinates, LockedArtifact
from headrace.platform.stack.errors import ArtifactMismatch, ArtifactUnavailable, LowResources
from headrace.platform.stack.fetch import fetch, unpack
from headrace.platform.stack.report import Report

CONTENT = b"class file " * 20_000
JAR = Coordinates("org.example", "thing", "jar", "", "1.0")
LOCKED = LockedArtifact("kafka", JAR, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Repository:
    """What the server gives for each path, and how often it was asked; `cut` answers break off in the middle."""

    def __init__(self) -> None:
        self.files = {f"/{JAR.path}": CONTENT}
        self.asked: list[str] = []
        self.cut = 0


class Counting(Report):
    def __init__(self) -> None:
        self.total = 0
        self.arrived = 0
        self.finished = 0

    def download_started(self, files: int, size: int) -> None:
        self.total = size

    def downloaded(self, size: int) -> None:
        self.arrived += size

    def download_finished(self) -> None:
        self.finished += 1


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    served = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if body is not None and served.cut:
                served.cut -= 1
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("HEADRACE_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_file_arrives_once_and_is_counted(repository: Repository, tmp_path: Path) -> None:
    report = Counting()
    (path,) = fetch([LOCKED], tmp_path, report)
    assert path.read_bytes() == CONTENT
    assert (report.total, report.arrived, report.finished) == (len(CONTENT), len(CONTENT), 1)
    asked = len(repository.asked)
    assert fetch([LOCKED], tmp_path, Counting()) == [path]
    assert len(repository.asked) == asked


def test_other_content_is_refused_and_thrown_away(repository: Repository, tmp_path: Path) -> None:
    repository.files[f"/{JAR.path}"] = b"<html>please sign in</html>"
    with pytest.raises(ArtifactMismatch, match=r"org\.example:thing:jar::1\.0: downloaded 27 bytes"):
        fetch([LOCKED], tmp_path)
    assert files_in(tmp_path) == []


def test_broken_download_is_tried_again_and_leaves_no_half_file(repository: Repository, tmp_path: Path) -> None:
    repository.cut = 1
    report = Counting()
    (path,) = fetch([LOCKED], tmp_path, report)
    assert path.read_bytes() == CONTENT
    assert report.arrived == len(CONTENT)
    assert files_in(tmp_path) == [f"artifacts/{JAR.path}"]


def test_download_that_stays_broken_is_an_error_without_a_half_file(repository: Repository, tmp_path: Path) -> None:
    repository.cut = 100
    with pytest.raises(ArtifactUnavailable, match=r"cannot download org\.example:thing.*HEADRACE_MAVEN_REPOSITORY"):
        fetch([LOCKED], tmp_path)
    assert files_in(tmp_path) == []


def test_absent_artifact_is_an_error_at_once(repository: Repository, tmp_path: Path) -> None:
    repository.files.clear()
    with pytest.raises(ArtifactUnavailable, match="cannot download"):
        fetch([LOCKED], tmp_path)
    assert repository.asked == [f"/{JAR.path}"]


def test_damaged_file_in_the_cache_is_fetched_anew(repository: Repository, tmp_path: Path) -> None:
    (path,) = fetch([LOCKED], tmp_path)
    path.write_bytes(b"X" * len(CONTENT))
    assert fetch([LOCKED], tmp_path) == [path]
    assert path.read_bytes() == CONTENT


def test_full_disk_is_told_before_anything_is_asked(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(LowResources, match="HEADRACE_CACHE"):
        fetch([LockedArtifact("kafka", JAR, 10**18, LOCKED.sha256)], tmp_path)
    assert repository.asked == []


def test_archive_is_unpacked_once(tmp_path: Path) -> None:
    archive = tmp_path / "thing-1.0-all.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        member = tarfile.TarInfo("lib/a.jar")
        member.size = 3
        content.addfile(member, io.BytesIO(b"abc"))
    folder = unpack(archive, "0" * 64, tmp_path)
    assert folder.name == "thing-1.0-all-0000000000000000"
    assert (folder / "lib" / "a.jar").read_bytes() == b"abc"
    archive.unlink()
    assert unpack(archive, "0" * 64, tmp_path) == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
