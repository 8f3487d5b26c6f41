import pytest

from headrace.platform.odata_batch import Dialect, Part, compose, parse

DIALECT = Dialect("/api/data/v9.2/", "application/json", most=3)


def test_reads_stand_alone_and_changes_in_their_set() -> None:
    boundary, content = compose([Part("GET", "accounts(1)"), [Part("PATCH", "accounts(2)", {"name": "Ä"})]], DIALECT)
    text = content.decode()
    assert text.startswith(f"--{boundary}\r\nContent-Type: application/http\r\n")
    assert "GET /api/data/v9.2/accounts(1) HTTP/1.1\r\n" in text
    assert 'PATCH /api/data/v9.2/accounts(2) HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"name":"Ä"}' in text
    assert text.count("multipart/mixed; boundary=changeset_") == 1
    assert text.endswith(f"--{boundary}--\r\n")


@pytest.mark.parametrize("items", [[], [[]], [Part("GET", "a")] * 4], ids=["none", "empty set", "too many"])
def test_what_is_no_batch(items: list[Part]) -> None:
    with pytest.raises(ValueError, match="batch"):
        compose(items, DIALECT)


def test_answers_bare_and_inside_a_set() -> None:
    lines = [
        "--b", "Content-Type: application/http", "", "HTTP/1.1 404 Not Found", "", '{"error":{}}',
        "--b", "Content-Type: multipart/mixed; boundary=c", "",
        "--c", "Content-Type: application/http", "Content-ID: 1", "", "HTTP/1.1 204 No Content",
        "OData-EntityId: x", "", "",
        "--c--", "", "--b--", "",
    ]  # fmt: skip
    first, second = parse("multipart/mixed; boundary=b", "\r\n".join(lines).encode())
    assert [answer.status_code for answer in (*first, *second)] == [404, 204]
    assert second[0].headers["odata-entityid"] == "x"


@pytest.mark.parametrize("content", [b"", b"--b\r\n", b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK"])
def test_an_answer_that_is_cut_off_tells_nothing(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not complete|holds no answer|starts with"):
        parse("multipart/mixed; boundary=b", content)
