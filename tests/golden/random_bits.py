#!/usr/bin/python3
"""The numbers in tests/unit/test_base.c: SplitMix64's finaliser (Steele, Lea and Flood 2014, as
java.util.SplittableRandom has it) over the key that src/base/random.h describes, in Python's integers."""
MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15


def finalise(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


assert finalise(GAMMA) == 0xE220A8397B1DCDAF  # the published first number of seed 0


def bits(seed, stream, counter):
    key = finalise(finalise((seed + GAMMA) & MASK) ^ (stream * GAMMA & MASK))
    return finalise((key + (counter + 1) * GAMMA) & MASK)


for seed, stream, counter in ((0, 0, 0), (1, 1, 0), (1, 1, 1), (1, 2, 0), (2**64 - 1, 7, 2**40)):
    value = bits(seed, stream, counter)
    print("{UINT64_C(0x%x), UINT64_C(%d), UINT64_C(0x%x), UINT64_C(0x%016x), %d},"
          % (seed, stream, counter, value, value >> 40))
