"""Sobol's low-discrepancy sequence, up to 13 dimensions.

Source of the direction numbers: S. Joe and F. Y. Kuo, new-joe-kuo-6.21201.
"""

import random

BITS = 32
# For each dimension after the first: the coefficients of its primitive polynomial, and the first numbers.
_DIRECTIONS = (
    (0, (1,)),
    (1, (1, 3)),
    (1, (1, 3, 1)),
    (2, (1, 1, 1)),
    (1, (1, 1, 3, 3)),
    (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)),
    (4, (1, 1, 5, 5, 5)),
    (7, (1, 1, 7, 11, 19)),
    (11, (1, 1, 5, 1, 1)),
    (13, (1, 1, 1, 3, 11)),
    (14, (1, 3, 5, 5, 31)),
)


def point(index: int, dimensions: int, seed: str) -> list[float]:
    """The point at an index as numbers in (0, 1), moved by a digital shift that the seed decides."""
    shift = random.Random(seed)
    gray = index ^ (index >> 1)
    return [
        (_coordinate(gray, dimension) ^ shift.getrandbits(BITS)) / 2**BITS + 2 ** -(BITS + 1)
        for dimension in range(dimensions)
    ]


def _coordinate(gray: int, dimension: int) -> int:
    found = 0
    for bit, direction in enumerate(_directions(dimension, gray.bit_length())):
        if gray >> bit & 1:
            found ^= direction
    return found


def _directions(dimension: int, count: int) -> list[int]:
    if dimension == 0:
        return [1 << (BITS - 1 - index) for index in range(count)]
    coefficients, first = _DIRECTIONS[dimension - 1]
    degree = len(first)
    found = [number << (BITS - 1 - index) for index, number in enumerate(first)]
    for index in range(degree, count):
        value = found[index - degree] ^ (found[index - degree] >> degree)
        for term in range(1, degree):
            if coefficients >> (degree - 1 - term) & 1:
                value ^= found[index - term]
        found.append(value)
    return found[:count]
