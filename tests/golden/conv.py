#!/usr/bin/python3
"""Writes conv.bin and conv_pool.bin: torch's conv2d, alone and with max_pool2d, forward and backward.

Layout, little endian: uint32 cases; per case uint32 n c h w k kh kw sh sw ph pw and groups (relu, where
pooled), then float32 x, w, bias, dy, y, dx, dw, dbias (computed in float64, rounded once).
"""
import pathlib
import struct

import torch

CONV = [  # n c h w k kh kw sh sw ph pw groups
    (2, 3, 9, 11, 10, 2, 2, 1, 1, 0, 0, 1),
    (1, 1, 8, 8, 4, 5, 5, 1, 1, 2, 2, 1),
    (2, 4, 7, 10, 5, 3, 3, 2, 2, 1, 1, 1),
    (1, 2, 9, 6, 3, 3, 2, 2, 1, 1, 0, 1),
    (1, 3, 5, 12, 2, 1, 5, 1, 3, 0, 4, 1),
    (1, 12, 7, 7, 16, 5, 5, 1, 1, 2, 2, 1),
    (2, 16, 8, 6, 17, 3, 3, 1, 1, 1, 1, 1),
    (1, 2, 4, 4, 3, 1, 1, 2, 2, 0, 0, 1),
]
GROUPED = [
    (2, 6, 5, 7, 6, 3, 3, 1, 1, 1, 1, 6),
    (1, 3, 9, 33, 6, 3, 3, 1, 1, 1, 1, 3),
    (1, 6, 9, 8, 6, 3, 3, 2, 2, 1, 1, 6),
    (1, 2, 7, 17, 4, 5, 5, 1, 1, 2, 2, 2),
    (1, 6, 8, 7, 9, 3, 2, 2, 1, 1, 0, 3),
    (2, 8, 3, 5, 12, 1, 1, 1, 1, 0, 0, 4),
    (1, 32, 4, 5, 32, 3, 3, 1, 1, 1, 1, 2),
]
POOLED = [  # and relu
    (2, 3, 9, 34, 10, 2, 2, 1, 1, 0, 0, 0),
    (1, 1, 12, 31, 4, 5, 5, 1, 1, 2, 2, 1),
    (2, 4, 9, 10, 5, 3, 3, 2, 2, 1, 1, 1),
    (1, 16, 7, 8, 12, 3, 3, 1, 1, 1, 1, 1),
    (1, 12, 7, 7, 16, 5, 5, 1, 1, 2, 2, 0),
]


def main():
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]

    def uniform(generator, *shape):
        return (torch.rand(*shape, generator=generator) * 2 - 1).double()

    def write(name, cases):
        with open(pathlib.Path(__file__).with_name(name), "wb") as out:
            out.write(struct.pack("<I", len(cases)))
            for case in cases:
                n, c, h, w_, k, kh, kw, sh, sw, ph, pw = case[:11]
                generator = generators[case in GROUPED]
                x = uniform(generator, n, c, h, w_).requires_grad_()
                is_pooled, groups = cases is POOLED, 1 if cases is POOLED else case[11]
                w = uniform(generator, k, c // groups, kh, kw).requires_grad_()
                bias = uniform(generator, k).requires_grad_()
                y = torch.nn.functional.conv2d(x, w, bias, (sh, sw), (ph, pw), groups=groups)
                if is_pooled:
                    y = torch.nn.functional.max_pool2d(y.relu() if case[11] else y, 2)
                dy = uniform(generator, *y.shape)
                y.backward(dy)
                out.write(struct.pack(f"<{len(case)}I", *case))
                for tensor in (x, w, bias, dy, y, x.grad, w.grad, bias.grad):
                    out.write(tensor.detach().float().contiguous().numpy().tobytes())

    write("conv.bin", CONV + GROUPED)
    write("conv_pool.bin", POOLED)


main()
