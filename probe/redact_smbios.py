"""Identifiers in the SMBIOS table (/sys/firmware/dmi/tables/DMI): strings named by a byte of their structure.

Source: DMTF DSP0134, System Management BIOS Reference Specification 3.7, section 7.
"""

from collections.abc import Callable, Iterator

_SERIAL_FIELDS = {
    1: (0x07,),  # system: serial number
    2: (0x07, 0x08),  # board: serial number, asset tag
    3: (0x07, 0x08),  # chassis
    4: (0x20, 0x21),  # processor
    17: (0x18, 0x19),  # memory device
    22: (0x07,),  # battery
    39: (0x08, 0x09),  # power supply
}
_UUID_FIELD = 0x08  # of the system, 16 bytes
_FREE_TYPES = {11, 12, 42}  # OEM strings, options, the management controller's own addresses and names
_FIRST_OEM_TYPE = 128
_END_TYPE = 127


def smbios_serials(table: bytes) -> Iterator[str]:
    """The serial numbers and asset tags."""
    for start, end, strings in _structures(table):
        for field in _serial_strings(table, start, end, strings):
            yield table[slice(*field)].decode("latin-1").strip()


def redact_smbios(table: bytes, serial: Callable[[str], str], uuid: Callable[[str], str]) -> bytes:
    """The table with serial numbers and UUIDs replaced, what only its maker understands blanked; same length."""
    out = bytearray(table)
    after = 0
    for start, end, strings in _structures(table):
        kind = table[start]
        for first, last in _serial_strings(table, start, end, strings):
            raw = table[first:last].decode("latin-1")
            value = raw.strip()
            if value:
                out[first:last] = (
                    raw.replace(value, serial(value)).encode("latin-1")[: last - first].ljust(last - first)
                )
        if kind == 1 and end - start >= _UUID_FIELD + 16:
            place = slice(start + _UUID_FIELD, start + _UUID_FIELD + 16)
            out[place] = _swapped(bytes.fromhex(uuid(_swapped(table[place]).hex())))
        if kind >= _FIRST_OEM_TYPE or kind in _FREE_TYPES:
            out[start + 4 : end] = bytes(end - start - 4)
            for first, last in strings:
                out[first:last] = b"x" * (last - first)
        after = strings[-1][1] + 2 if strings else end + 2
    # What follows the last structure that could be read is not known to be harmless.
    out[after:] = bytes(max(len(out) - after, 0))
    return bytes(out)


def _swapped(uuid: bytes) -> bytes:
    """SMBIOS keeps the first three fields of a UUID in little-endian order; and back."""
    return uuid[3::-1] + uuid[5:3:-1] + uuid[7:5:-1] + uuid[8:]


def _serial_strings(table: bytes, start: int, end: int, strings: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for field in _SERIAL_FIELDS.get(table[start], ()):
        if start + field < end and 0 < table[start + field] <= len(strings):
            yield strings[table[start + field] - 1]


def _structures(table: bytes) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Start and end of each structure's formatted part, and the places of its strings; ends where it is damaged."""
    start = 0
    while start + 4 <= len(table) and table[start + 1] >= 4:
        end = start + table[start + 1]
        stop = table.find(b"\0\0", end)
        if stop < 0:
            return
        strings = []
        place = end
        while place < stop:
            last = table.find(b"\0", place, stop)
            last = stop if last < 0 else last
            strings.append((place, last))
            place = last + 1
        yield start, end, strings
        if table[start] == _END_TYPE:
            return
        start = stop + 2
