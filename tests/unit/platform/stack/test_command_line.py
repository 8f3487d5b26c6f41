from pathlib import Path

from typer.testing import CliRunner

from headrace.cli.stack import app

run = CliRunner().invoke


def test_status_of_a_stack_that_never_ran(tmp_path: Path) -> None:
    result = run(app, ["status", "--data", str(tmp_path / "never")])
    assert result.exit_code == 3
    assert "never started" in result.output
    assert not (tmp_path / "never").exists()


def test_down_of_a_stack_that_never_ran_is_no_error(tmp_path: Path) -> None:
    assert run(app, ["down", "--data", str(tmp_path / "never")]).exit_code == 0


def test_only_one_or_three_brokers(tmp_path: Path) -> None:
    result = run(app, ["up", "--data", str(tmp_path), "--nodes", "2"])
    assert result.exit_code == 2
    assert "1 or 3" in result.output


def test_failure_is_a_message_and_exit_code_one(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{}")
    for command in ("up", "status", "down"):
        result = run(app, [command, "--data", str(tmp_path)])
        assert result.exit_code == 1
        assert "error:" in result.output
        assert "stack.json" in result.output
