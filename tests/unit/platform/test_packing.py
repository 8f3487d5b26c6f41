"""Packed values come back as they were, and take less room once there are some of their kind."""

import os

from headrace.platform.packing import Packing


def value(number: int) -> bytes:
    return b'\x00{"AddressCity":"San Francisco","CustomerAccount":"US-%06d","CustomerGroupId":"10"}' % number * 8


def test_every_value_comes_back() -> None:
    packing = Packing()
    values = [value(number) for number in range(100)] + [b"", b"\x00", b"\x01", os.urandom(5000), value(7) * 100]
    packed = [packing.pack(each) for each in values]
    assert [packing.unpack(each) for each in packed] == values


def test_values_alike_take_a_fraction() -> None:
    packing = Packing()
    sizes = [len(packing.pack(value(number))) for number in range(100)]
    assert sizes[-1] < len(value(99)) / 4


def test_what_cannot_be_packed_takes_one_byte_more() -> None:
    packing = Packing()
    for number in range(20):
        packing.pack(value(number))
    noise = os.urandom(300)
    assert len(packing.pack(noise)) == 301
