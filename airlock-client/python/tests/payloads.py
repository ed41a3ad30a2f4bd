"""Random JSON texts: every kind of literal, escape and white space that a parser must read."""

import random
import struct

CHARS = ["a", "Z", "\u20ac", "\U0001f600", "\uffff", "\ue000", "\u2028", "\u2029", "\x7f", "/", "<", ">", "&", "é", "ß", "\u0300", "中"]
ESCAPES = ['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0000", "\\u001f", "\\u001F", "\\u20ac", "\\ud83d\\ude00", "\\u0041"]
NUMBERS = ["0", "-0", "-0.0", "0.0", "1", "1.0", "1e0", "1E5", "1e15", "1e16", "-1e15", "999999999999999.9", "1000000000000001.0",
           "123456789012345678901234567890", "-1" + "0" * 40, "1e-4", "1e-5", "0.0001", "0.00001", "1.5e300", "5e-324", "1.7976931348623157e308",
           "2.2250738585072014e-308", "1e-400", "9007199254740993", "9007199254740993.0", "0.1", "3.14", "100.0", "1e22", "1e23", "1E+2", "1.10"]  # fmt: skip


class Payloads:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        """One JSON text, mostly an object."""
        value = self._object(4) if self.random.random() < 0.9 else self._value(4)
        return self._space() + value + self._space()

    def _space(self):
        return "".join(self.random.choices(" \t\r\n", k=self.random.choice([0, 0, 0, 1, 2])))

    def _value(self, depth):
        kind = self.random.randrange(8 if depth else 6)
        if kind < 2:
            return self._string()
        if kind < 4:
            return self._number()
        if kind < 6:
            return self.random.choice(["true", "false", "null", self._number()])
        return self._object(depth - 1) if kind == 6 else self._array(depth - 1)

    def _array(self, depth):
        items = [self._space() + self._value(depth) + self._space() for _ in range(self.random.randrange(5))]
        return "[" + ",".join(items) + "]"

    def _object(self, depth):
        pairs = []
        for _ in range(self.random.randrange(6)):
            pairs.append(f"{self._space()}{self._string()}{self._space()}:{self._space()}{self._value(depth)}")
        if pairs and self.random.random() < 0.2:
            pairs.append(self.random.choice(pairs))
        return "{" + ",".join(pairs) + "}"

    def _string(self):
        parts = [self.random.choice(self.random.choice([CHARS, ESCAPES])) for _ in range(self.random.randrange(6))]
        return '"' + "".join(parts) + '"'

    def _number(self):
        kind = self.random.randrange(6)
        if kind == 0:
            return self.random.choice(NUMBERS)
        if kind == 1:
            return str(self.random.randrange(-(10**20), 10**20))
        if kind == 2:
            return repr(self.random.uniform(-1000, 1000))
        if kind == 3:
            whole, power = self.random.randrange(-999, 999), self.random.randrange(-30, 30)
            return f"{whole}.{self.random.randrange(999)}{self.random.choice('eE')}{power}"
        if kind == 4:
            # Half-way between two shortest texts: the even one is written.
            return repr(self.random.randrange(2**52, 2**53) / self.random.choice([2, 4, 8, 1024]))
        # Any finite double, by its bits.
        while True:
            (value,) = struct.unpack("<d", self.random.randbytes(8))
            if value - value == 0:
                return repr(value)
