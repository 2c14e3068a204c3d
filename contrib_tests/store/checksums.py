"""Checksums of the local store: MD5, CRC-64/XZ and the ones S3 clients may ask for.

CRC-64 is liblzma's, called through ctypes, which lets other threads run meanwhile; so does hashlib.  A Digest is fed
with pieces of a body as they arrive from the socket.  combine() joins the CRCs of parts without reading them again.
"""

import base64
import ctypes
import hashlib
import struct
import zlib

_lzma = ctypes.CDLL("liblzma.so.5")
_lzma_crc64 = _lzma.lzma_crc64
_lzma_crc64.restype = ctypes.c_uint64
_lzma_crc64.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64]

CRC64_POLYNOMIAL = 0xC96C5795D7870F42


class Buffer:
    """A reusable piece of memory whose address the C function gets."""

    def __init__(self, size):
        self.memory = bytearray(size)
        self.view = memoryview(self.memory)
        self._pin = (ctypes.c_char * size).from_buffer(self.memory)
        self.address = ctypes.addressof(self._pin)


def crc64(data, value=0):
    """The CRC of bytes; chains through value."""
    data = bytes(data)
    return _lzma_crc64(data, len(data), value)


def crc64_buffer(buffer, size, value):
    return _lzma_crc64(buffer.address, size, value)


def _times(matrix, vector):
    total = 0
    row = 0
    while vector:
        if vector & 1:
            total ^= matrix[row]
        vector >>= 1
        row += 1
    return total


def _zero_byte_powers():
    """Operators that append 2^k zero bytes, k = 0..47."""
    matrix = [CRC64_POLYNOMIAL] + [1 << bit for bit in range(63)]
    for _ in range(3):
        matrix = [_times(matrix, row) for row in matrix]
    powers = []
    for _ in range(48):
        powers.append(matrix)
        matrix = [_times(matrix, row) for row in matrix]
    return powers


_POWERS = _zero_byte_powers()


def crc64_combine(first, second, second_size):
    """CRC of a concatenation from the CRCs of its two halves."""
    power = 0
    while second_size:
        if second_size & 1:
            first = _times(_POWERS[power], first)
        second_size >>= 1
        power += 1
    return first ^ second


def _table(polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return table


class TableCrc:
    """CRC-32C and CRC-64/NVME, byte by byte: slow, but rarely asked for."""

    def __init__(self, polynomial, bits):
        self.table = _table(polynomial)
        self.mask = (1 << bits) - 1
        self.format = ">I" if bits == 32 else ">Q"
        self.value = self.mask

    def update(self, data):
        value, table = self.value, self.table
        for byte in bytes(data):
            value = table[(value ^ byte) & 255] ^ value >> 8
        self.value = value

    def digest(self):
        return struct.pack(self.format, self.value ^ self.mask)


class ZlibCrc:
    def __init__(self):
        self.value = 0

    def update(self, data):
        self.value = zlib.crc32(data, self.value)

    def digest(self):
        return struct.pack(">I", self.value)


S3_ALGORITHMS = {
    "crc32": ZlibCrc,
    "crc32c": lambda: TableCrc(0x82F63B78, 32),
    "crc64nvme": lambda: TableCrc(0x9A6C9329AC4BC9B5, 64),
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
}


class Digest:
    """Everything that one body's pieces are run through.  extra: names out of S3_ALGORITHMS."""

    def __init__(self, md5=True, sha256=False, extra=()):
        self.md5 = hashlib.md5() if md5 else None
        self.crc = 0
        self.size = 0
        self.extra = {name: S3_ALGORITHMS[name]() for name in extra}
        self.sha256 = hashlib.sha256() if sha256 else None

    def update(self, buffer, size):
        """The first size bytes of a Buffer."""
        self.crc = _lzma_crc64(buffer.address, size, self.crc)
        self.size += size
        view = buffer.view[:size]
        if self.md5 is not None:
            self.md5.update(view)
        if self.sha256 is not None:
            self.sha256.update(view)
        for algorithm in self.extra.values():
            algorithm.update(view)

    def md5_hex(self):
        """A name of the content; from its CRC when MD5 is switched off."""
        if self.md5 is not None:
            return self.md5.hexdigest()
        return "%016x%016x" % (self.crc, self.size)

    def extra_base64(self, name):
        return base64.b64encode(self.extra[name].digest()).decode()
