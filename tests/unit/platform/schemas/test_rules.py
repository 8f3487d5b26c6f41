"""What `headrace schemas check` finds: breaches of the rules, and promises that git remembers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.cli.schemas import app
from headrace.core.errors import ConfigurationError
from headrace.platform.paths import schemas_dir
from headrace.platform.schema_history import broken_promises, read_history
from headrace.platform.schema_rules import broken_rules
from headrace.platform.schemas import Schemas

SCHEMAS = Schemas(schemas_dir())
TEXTS = {f"{name}.avsc": json.dumps(SCHEMAS.raw(name)) for name in (*SCHEMAS.shared(), *SCHEMAS.names())}
Change = Callable[[dict[str, Any]], None]


def field(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in document["fields"] if item["name"] == name)
    return found


def broken(name: str, change: Change) -> list[str]:
    document = json.loads(TEXTS[f"{name}.avsc"])
    change(document)
    return broken_rules(Schemas({**TEXTS, f"{name}.avsc": json.dumps(document)}))


def data(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = field(document, "data")["type"]
    return found


def test_our_contracts_keep_the_rules() -> None:
    assert broken_rules(SCHEMAS) == []


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("internal/link.v1", lambda d: field(d, "object").pop("doc"), "internal/link.v1.avsc: object: has no doc"),
        ("internal/link.v1", lambda d: d.pop("doc"), "record: Link has no doc"),
        ("internal/link.v1", lambda d: d.update(version=2), "the file's name says version 1, the record 2"),
        ("internal/link.v1", lambda d: d.update(namespace="com.x"), "the namespace must be com.headrace.internal"),
        ("internal/link.v1", lambda d: d.update(name="Lnk"), "asks for the record Link, it defines Lnk"),
        (
            "internal/link.v1",
            lambda d: field(d, "origin")["type"].pop("default"),
            "origin: LinkOrigin needs the symbol",
        ),
        ("internal/link.v1", lambda d: field(d, "written_fingerprint").pop("default"), "a nullable field"),
        ("internal/command.v1", lambda d: field(d, "argument").update(default="{}"), "argument: registries refuse"),
        ("internal/emitted.v1", lambda d: field(d, "entities").pop("default"), "entities: has the default []"),
        ("internal/cursor.v1", lambda d: field(d, "values").pop("default"), "values: has the default {}"),
        ("internal/link.v1", lambda d: field(d, "object").update(type="double"), "object: double is not allowed"),
        ("internal/link.v1", lambda d: field(d, "object").update(type=["string", "int"]), "object: a union may only"),
        ("common/money", lambda d: field(d, "amount")["type"].update(scale=2), "amount: decimals have precision 28"),
        (
            "internal/link.v1",
            lambda d: field(d, "updated_at").update(type={"type": "long", "logicalType": "timestamp-micros"}),
            "updated_at: the logical type timestamp-micros is not allowed",
        ),
        (
            "canonical/contact.v1",
            lambda d: field(data(d), "email").update(type="string", default=""),
            None,
        ),
        (
            "canonical/contact.v1",
            lambda d: data(d)["fields"].append({"name": "nick", "type": "string", "doc": "x"}),
            "canonical/contact.v1.avsc: data.nick: make it nullable with default null",
        ),
        (
            "canonical/product.v1",
            lambda d: field(field(data(d), "prices")["type"]["items"], "unit").pop("default"),
            "data.prices[].unit: make it nullable with default null",
        ),
        ("canonical/contact.v1", lambda d: d["fields"].reverse(), "a canonical event has the fields meta and data"),
    ],
)
def test_a_breach_is_told_with_file_and_field(name: str, change: Change, problem: str | None) -> None:
    found = broken(name, change)
    if problem is None:
        assert found == []
    else:
        assert any(problem in line for line in found), found


def test_a_file_name_outside_the_scheme() -> None:
    found = broken_rules(
        Schemas({**TEXTS, "internal/Link.avsc": TEXTS["internal/link.v1.avsc"].replace("Link", "Lonk")})
    )
    assert any(line.startswith("internal/Link.avsc: name the file") for line in found)


# --- history ---


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own arguments


def write(folder: Path, name: str, change: Change) -> None:
    file = folder / "schemas" / f"{name}.avsc"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(schemas_dir(), folder / "schemas")
    git(tmp_path, "init", "-q", str(folder))
    commit(folder)
    return folder


def problems(folder: Path, since: str | None = None) -> list[str]:
    return broken_promises(Schemas(folder / "schemas"), read_history(folder / "schemas", since).versions)


def test_a_change_of_a_shared_type_breaks_every_contract_that_uses_it(repository: Path) -> None:
    write(repository, "common/money", lambda d: field(d, "currency").update(type="int"))
    found = problems(repository)
    assert any(line.startswith("canonical/product.v1.avsc: data.prices[].price.currency: ") for line in found)
    assert any(line.startswith("canonical/sales_order.v1.avsc: data.discount_amount.currency: ") for line in found)
    assert not any(line.startswith("internal/") for line in found)


def test_a_promise_of_long_ago_is_kept_too(repository: Path) -> None:
    nick = {"name": "nick", "type": ["null", "string"], "default": None, "doc": "x"}
    write(repository, "internal/link.v1", lambda d: d["fields"].append(nick))
    commit(repository)
    write(repository, "internal/link.v1", lambda d: d["fields"].pop())
    commit(repository)
    assert problems(repository) == []
    write(repository, "internal/link.v1", lambda d: d["fields"].append({**nick, "type": ["null", "int"]}))
    found = problems(repository)
    assert len(found) == 2
    assert all(line.startswith("internal/link.v1.avsc: nick: the reader knows null, ") for line in found)
    assert problems(repository, since="HEAD") == []
    with pytest.raises(ConfigurationError, match="--since nowhere: no such commit"):
        problems(repository, since="nowhere")


def test_a_contract_that_is_gone_is_told(repository: Path) -> None:
    (repository / "schemas" / "internal" / "link.v1.avsc").unlink()
    commit(repository)
    assert [line.partition(",")[0] for line in problems(repository)] == [
        "internal/link.v1.avsc: was removed; its records are still in topics"
    ]


def test_an_unreadable_commit_is_a_gap_not_a_crash(repository: Path) -> None:
    file = repository / "schemas" / "internal" / "link.v1.avsc"
    before = file.read_text(encoding="utf-8")
    file.write_text("{", encoding="utf-8")
    commit(repository)
    file.write_text(before, encoding="utf-8")
    commit(repository)
    history = read_history(repository / "schemas")
    assert len(history.versions) == 2
    assert [gap for gap in history.gaps if "cannot be read" in gap and "link.v1.avsc" in gap]


def test_gaps_are_named(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, "internal/link.v1", lambda d: d.update(doc="y"))
    commit(repository)
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), str(tmp_path / "shallow"))
    assert "shallow" in " ".join(read_history(tmp_path / "shallow" / "schemas").gaps)
    shutil.copytree(schemas_dir(), tmp_path / "plain" / "schemas")
    assert "not in a git work tree" in " ".join(read_history(tmp_path / "plain" / "schemas").gaps)
    git(tmp_path, "init", "-q", str(tmp_path / "plain"))
    assert "no commit yet" in " ".join(read_history(tmp_path / "plain" / "schemas").gaps)
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in " ".join(read_history(repository / "schemas").gaps)


# --- the command ---


def test_check_succeeds_and_says_what_it_looked_at(repository: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--dir", str(repository / "schemas"), "--require-history"])
    assert result.exit_code == 0, result.output
    assert f"{len(SCHEMAS.names())} contracts" in result.output


def test_check_reports_everything_and_fails(repository: Path) -> None:
    write(repository, "internal/link.v1", lambda d: field(d, "object").pop("doc"))
    write(repository, "internal/cursor.v1", lambda d: field(d, "object").update(type="boolean"))
    result = CliRunner().invoke(app, ["check", "--dir", str(repository / "schemas")])
    assert result.exit_code == 1
    assert "internal/link.v1.avsc: object: has no doc" in result.output
    assert "internal/cursor.v1.avsc: object: the reader expects boolean, the writer writes string" in result.output
    assert "3 problems" in result.output


def test_missing_history_fails_only_if_it_is_required(tmp_path: Path) -> None:
    shutil.copytree(schemas_dir(), tmp_path / "schemas")
    arguments = ["check", "--dir", str(tmp_path / "schemas")]
    relaxed, strict = (CliRunner().invoke(app, [*arguments, *more]) for more in ([], ["--require-history"]))
    assert relaxed.exit_code == 0
    assert "note:" in relaxed.output
    assert strict.exit_code == 1


def test_register_says_what_to_do_when_the_registry_is_down() -> None:
    result = CliRunner().invoke(app, ["register", "--registry-url", "http://127.0.0.1:9/apis"])
    assert result.exit_code == 1
    assert "does not answer" in result.output
    assert "check --registry-url" in result.output
