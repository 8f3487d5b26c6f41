"""How a Kafka client reaches the brokers and proves who it is: the same for every client of a process.

Settings of clients: Apache Kafka documentation, "Security"; of aiokafka: its documentation, "SSL" and "SASL".
"""

from __future__ import annotations

import ssl
from typing import Any

from headrace.core.errors import ConfigurationError
from headrace.platform.settings import KafkaSettings


def client_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what every aiokafka client is made with: brokers, encryption, sign-in.

    Files are read at each call, so that a client that is made after a certificate was renewed takes the new one.

    Raises:
        ConfigurationError: a certificate file cannot be read; the process must not start.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap,
        "security_protocol": kafka.security_protocol,
        "ssl_context": tls_context(kafka),
    }
    if kafka.signs_in:
        options["sasl_mechanism"] = kafka.sasl_mechanism
        options["sasl_plain_username"] = kafka.user
        options["sasl_plain_password"] = kafka.password.get_secret_value()
    return options


def tls_context(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """Return how TLS is spoken with the brokers, None without TLS. Host names are always checked.

    Raises:
        ConfigurationError: names the setting whose file cannot be read.
    """
    if not kafka.encrypts:
        return None
    context = ssl.create_default_context()
    if kafka.ca_file is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # this authority alone, not those of the system as well
        try:
            context.load_verify_locations(kafka.ca_file)
        except OSError as error:
            raise _unusable("ca_file", error) from None
    if kafka.certificate_file is not None:
        try:
            context.load_cert_chain(kafka.certificate_file, kafka.private_key_file)
        except OSError as error:
            raise _unusable("certificate_file and private_key_file", error) from None
    return context


def _unusable(setting: str, error: OSError) -> ConfigurationError:
    reason = "not PEM, or not a pair" if isinstance(error, ssl.SSLError) else error.strerror
    return ConfigurationError(f"kafka.{setting}: cannot be used: {reason}; expected PEM files that this user can read")
