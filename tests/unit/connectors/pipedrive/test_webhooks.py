import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.pipedrive import webhooks
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import Definitions
from headrace.core.contracts import WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord
from headrace.core.event import Ref

DEFINITIONS = Definitions(
    [
        {"field_code": "a" * 40, "field_name": "ERP no.", "field_type": "varchar", "is_custom_field": True},
        {
            "field_code": "b" * 40,
            "field_name": "Legal entity",
            "field_type": "enum",
            "is_custom_field": True,
            "options": [{"id": 7, "label": "demf"}],
        },
    ]
)


def config(**webhook: Any) -> PipedriveConfig:
    given = {"version": "both", "user": "hook", "password": "password-1", **webhook}
    return PipedriveConfig.model_validate(
        {"base_url": "https://acme.pipedrive.com", "api_token": "t", "integration_user_id": 9, "webhook": given}
    )


def request(body: Any, **headers: str) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest({"content-type": "application/json; charset=utf-8", **headers}, raw)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def v2(action: str = "change", entity: str = "deal", id_: str = "55", **parts: Any) -> dict[str, Any]:
    meta = {"action": action, "entity": entity, "entity_id": id_, "id": "uuid-1", "version": "2.0", "attempt": 1}
    meta |= {"timestamp": "2026-11-02T09:05:01.375Z", "user_id": "9", "change_source": "api", **parts.pop("meta", {})}
    return {"meta": meta, "data": {}, "previous": None, **parts}


def v1(action: str = "updated", obj: str = "deal", id_: int = 55, **parts: Any) -> dict[str, Any]:
    meta = {"action": action, "object": obj, "id": id_, "webhook_id": "471", "timestamp": 1793610301}
    meta |= {"timestamp_micro": 1793610301375000, "user_id": 9, "change_source": "api"}
    return {"v": 1, "meta": meta, "retry": 0, "event": f"{action}.{obj}", "current": None, "previous": None, **parts}


@pytest.mark.parametrize("action", [[], {"delete": 1}, None, 7])
def test_an_action_that_is_no_word_deletes_nothing(action: Any) -> None:
    body = json.dumps(v2(meta={"action": action})).encode()
    assert webhooks.decode(config(), Ref("deal", "55"), body, DEFINITIONS) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["deal_id", "id", "value", "custom_fields", "type", "values"]), inner)
    ),
    max_leaves=6,
)
META = st.fixed_dictionaries(
    {"version": st.just("2.0"), "action": st.sampled_from(["delete", "deleted", "change"])},
    optional={
        "entity": st.sampled_from(["deal", "deal_product"]) | ANYTHING,
        "object": st.just("person") | ANYTHING,
        "entity_id": st.just("5") | ANYTHING,
        "id": st.just(5) | ANYTHING,
        "timestamp": st.integers() | ANYTHING,
        "merged_to_id": ANYTHING,
    },
)


class TestVerify:
    @pytest.mark.parametrize("text", ["hook:password-1", "next:password-2"])
    def test_both_logins_pass_while_one_is_changed(self, text: str) -> None:
        both = config(logins=[{"user": "next", "password": "password-2"}])
        webhooks.verify(both, request({}, authorization=basic(text)))

    @pytest.mark.parametrize(
        "header",
        ["", "Basic", "Basic !!!", basic("hook:password-"), basic("hook:password-11"), basic("Hook:password-1"),
         basic("hookpassword-1"), "Bearer aG9vazpwYXNzd29yZC0x", basic("")],
    )  # fmt: skip
    def test_anything_else_is_refused(self, header: str) -> None:
        with pytest.raises(DeliveryRefused) as caught:
            webhooks.verify(config(), request({}, authorization=header))
        assert caught.value.status == 401
        assert "password-1" not in str(caught.value)

    @pytest.mark.parametrize("secret", ["relay-key-1", "relay-key-2"])
    def test_signature_of_a_relay_over_the_raw_body(self, secret: str) -> None:
        signing = config(secret="relay-key-1", secrets=["relay-key-2"], signature_header="X-Relay-Signature")
        body = b'{"a" : 1}'
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        webhooks.verify(signing, request(body, **{"x-relay-signature": signature.upper()}))
        for bad in (signature[:-1], "", "0" * 64):
            with pytest.raises(DeliveryRefused):
                webhooks.verify(signing, request(body, **{"x-relay-signature": bad}))
        with pytest.raises(DeliveryRefused):
            webhooks.verify(signing, request(body + b" ", **{"x-relay-signature": signature}))

    def test_no_secret_configured_means_no_signature_passes(self) -> None:
        signature = hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
        with pytest.raises(DeliveryRefused):
            webhooks.verify(config(), request(b"{}", **{"x-headrace-signature": signature}))

    @pytest.mark.parametrize("media_type", ["text/plain", "", "application/xml", "application/jsonx"])
    def test_other_content_types(self, media_type: str) -> None:
        with pytest.raises(DeliveryRefused) as caught:
            webhooks.verify(
                config(), request({}, authorization=basic("hook:password-1"), **{"content-type": media_type})
            )
        assert caught.value.status == 415

    def test_unconfigured(self) -> None:
        bare = PipedriveConfig.model_validate({"base_url": "https://acme.pipedrive.com", "api_token": "t"})
        with pytest.raises(DeliveryRefused):
            webhooks.verify(bare, request({}, authorization=basic("hook:password-1")))


class TestNotice:
    def test_v2(self) -> None:
        notice = webhooks.notice(config(), request(v2()))
        assert (notice.ref, notice.delivery_id) == (Ref("deal", "55"), "uuid-1")

    def test_v1(self) -> None:
        notice = webhooks.notice(config(), request(v1()))
        assert (notice.ref, notice.delivery_id) == (Ref("deal", "55"), "471:1793610301375000:deal:55")

    @pytest.mark.parametrize("message", [v2(), v1()])
    def test_retries_keep_the_delivery_id(self, message: dict[str, Any]) -> None:
        again = json.loads(json.dumps(message))
        again["retry"] = 2
        again["meta"]["attempt"] = 3
        first, second = (webhooks.notice(config(), request(each)) for each in (message, again))
        assert first == second

    @pytest.mark.parametrize(
        "parts", [{"data": {"id": 901, "deal_id": 55}}, {"data": None, "previous": {"id": 901, "deal_id": 55}}]
    )
    def test_lines_point_to_their_deal(self, parts: dict[str, Any]) -> None:
        notice = webhooks.notice(config(), request(v2(entity="deal_product", id_="901", **parts)))
        assert notice.ref == Ref("deal", "55")

    @pytest.mark.parametrize("message", [v2(entity="activity"), v1(obj="note"), v2(entity="deal_product", data={})])
    def test_what_needs_no_work(self, message: dict[str, Any]) -> None:
        assert webhooks.notice(config(), request(message)).ref is None

    @pytest.mark.parametrize(
        ("version", "accepted", "refused"), [("2", v2(), v1()), ("1", v1(), v2()), (2, v2(), v1())]
    )
    def test_only_the_configured_version(self, version: Any, accepted: Any, refused: Any) -> None:
        webhooks.notice(config(version=version), request(accepted))
        with pytest.raises(DeliveryRefused) as caught:
            webhooks.notice(config(version=version), request(refused))
        assert caught.value.status == 400

    @pytest.mark.parametrize(
        "body",
        [b"", b"nonsense", b"\xff", b"[]", b"{}", b'{"meta":7}', b'{"meta":{}}', b"[" * 100_000, b'{"meta":NaN}'],
    )
    def test_other_bodies(self, body: bytes) -> None:
        with pytest.raises(DeliveryRefused) as caught:
            webhooks.notice(config(), request(body))
        assert caught.value.status == 400

    @given(st.fixed_dictionaries({}, optional={"meta": META | ANYTHING, "data": ANYTHING, "previous": ANYTHING}))
    def test_any_json_is_taken_or_refused(self, body: Any) -> None:
        try:
            notice = webhooks.notice(config(), request(body))
        except DeliveryRefused:
            return
        if notice.ref is not None:
            try:
                webhooks.decode(config(), notice.ref, json.dumps(body).encode(), DEFINITIONS)
            except RejectRecord:
                return


class TestDecode:
    def test_changes_are_fetched(self) -> None:
        for message in (v2(), v2("create"), v1(), v1("added"), v1("merged")):
            assert webhooks.decode(config(), Ref("deal", "55"), json.dumps(message).encode(), None) is None

    def test_a_deletion_in_v2_carries_its_last_state(self) -> None:
        previous = {
            "id": 55,
            "title": "Pump",
            "value": 1200.5,
            "status": "won",
            "won_time": "2026-11-02T09:05:01Z",
            "custom_fields": {
                "a" * 40: {"type": "varchar", "value": "ERP-1"},
                "b" * 40: {"type": "enum", "id": 7},
                "c" * 40: None,
            },
        }
        body = json.dumps(v2("delete", previous=previous, data=None, meta={"merged_to_id": "60"})).encode()
        record = webhooks.decode(config(), Ref("deal", "55"), body, DEFINITIONS)
        assert record is not None
        assert (record.deleted, record.own, record.version) == (True, True, "2026-11-02T09:05:01.000Z")
        assert record.modified_at == datetime(2026, 11, 2, 9, 5, 1, 375000, UTC)
        assert record.data["custom"] == {"ERP no.": "ERP-1", "Legal entity": "demf", "c" * 40: None}
        assert record.data["won_time"] == datetime(2026, 11, 2, 9, 5, 1, tzinfo=UTC)
        assert record.data["merged_into"] == "60"
        assert str(record.data["value"]) == "1200.5"

    def test_a_deletion_in_v1(self) -> None:
        previous = {"id": 55, "title": "Pump", "org_id": {"value": 7, "name": "x"}, "won_time": "2026-11-02 09:05:01"}
        previous |= {"lost_time": "0000-00-00 00:00:00", "stage_order_nr": 3}
        body = json.dumps(v1("deleted", previous=previous)).encode()
        record = webhooks.decode(config(), Ref("deal", "55"), body, DEFINITIONS)
        assert record is not None
        assert record.data == {
            "id": 55,
            "title": "Pump",
            "org_id": 7,
            "won_time": datetime(2026, 11, 2, 9, 5, 1, tzinfo=UTC),
            "lost_time": None,
        }

    def test_deletion_of_a_line_is_no_deletion_of_its_deal(self) -> None:
        body = json.dumps(v2("delete", entity="deal_product", id_="55", previous={"deal_id": 55}, data=None)).encode()
        assert webhooks.decode(config(), Ref("deal", "55"), body, DEFINITIONS) is None

    @pytest.mark.parametrize("meta", [{"user_id": "10"}, {"change_source": "app"}])
    def test_deletions_by_people_are_not_our_own(self, meta: dict[str, Any]) -> None:
        body = json.dumps(v2("delete", meta=meta)).encode()
        record = webhooks.decode(config(), Ref("deal", "55"), body, None)
        assert record is not None
        assert not record.own

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"meta":null}'])
    def test_garbage_parks(self, body: bytes) -> None:
        with pytest.raises(RejectRecord):
            webhooks.decode(config(), Ref("deal", "55"), body, None)
