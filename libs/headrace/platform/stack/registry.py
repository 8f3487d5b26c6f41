"""The schema registry: Apicurio, with its schemas in a file database below the data folder."""

from __future__ import annotations

from pathlib import Path

from headrace.platform.stack.config import StackConfig
from headrace.platform.stack.errors import StackError
from headrace.platform.stack.java import jvm

NAME = "registry"


def command(config: StackConfig, port: int, folder: Path) -> list[str]:
    """Return the command line of the registry.

    Schemas lie in an H2 file rather than in a Kafka topic: the registry then starts beside the brokers instead of after
    them, and a fault test that ends a broker tests the broker alone. `WRITE_DELAY=0` writes every commit at once, so
    that a schema id which was handed out survives a SIGKILL.

    Args:
        config: the stack's configuration.
        port: where it listens on 127.0.0.1.
        folder: the unpacked archive.

    Raises:
        StackError: the archive has no runner.
    """
    runner = next(folder.glob("apicurio-registry-app-*-runner.jar"), None)
    if runner is None:
        raise StackError(f"{folder}: no apicurio-registry-app-*-runner.jar; delete the folder and start again")
    database = config.data_dir / NAME / "schemas"
    database.parent.mkdir(parents=True, exist_ok=True)
    if ";" in str(database):
        raise StackError(f"{database}: the registry's database cannot lie below a folder with ';' in its name")
    settings = {
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.port": port,
        "quarkus.http.access-log.enabled": "false",
        "apicurio.storage.kind": "sql",
        "apicurio.storage.sql.kind": "h2",
        "apicurio.datasource.url": f"jdbc:h2:file:{database};WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE",
        "apicurio.rest.deletion.artifact.enabled": "true",
        "apicurio.rest.deletion.artifact-version.enabled": "true",
    }
    flags = [f"-D{name}={value}" for name, value in settings.items()]
    return jvm(config.data_dir, NAME, config.registry_heap_mb, config.jvm_options, [*flags, "-jar", str(runner)])
