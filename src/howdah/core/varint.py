"""Lengths as protobuf and our own contents write them: seven bits a byte, the lowest first."""


def varint(value: int) -> bytes:
    """`value` is not negative."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
