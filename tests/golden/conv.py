#!/usr/bin/python3
"""Writes conv.bin and conv_pool.bin: torch's conv2d, alone and with max_pool2d, forward and backward.

Layout, little endian: uint32 cases; per case uint32 n c h w k kh kw sh sw ph pw (and relu, where
pooled), then float32 x, w, bias, dy, y, dx, dw, dbias (computed in float64, rounded once).
"""
import pathlib
import struct

import torch

CONV = [  # n c h w k kh kw sh sw ph pw
    (2, 3, 9, 11, 10, 2, 2, 1, 1, 0, 0),
    (1, 1, 8, 8, 4, 5, 5, 1, 1, 2, 2),
    (2, 4, 7, 10, 5, 3, 3, 2, 2, 1, 1),
    (1, 2, 9, 6, 3, 3, 2, 2, 1, 1, 0),
    (1, 3, 5, 12, 2, 1, 5, 1, 3, 0, 4),
    (1, 12, 7, 7, 16, 5, 5, 1, 1, 2, 2),
    (2, 16, 8, 6, 17, 3, 3, 1, 1, 1, 1),
    (1, 2, 4, 4, 3, 1, 1, 2, 2, 0, 0),
]
POOLED = [  # and relu
    (2, 3, 9, 34, 10, 2, 2, 1, 1, 0, 0, 0),
    (1, 1, 12, 31, 4, 5, 5, 1, 1, 2, 2, 1),
    (2, 4, 9, 10, 5, 3, 3, 2, 2, 1, 1, 1),
    (1, 16, 7, 8, 12, 3, 3, 1, 1, 1, 1, 1),
    (1, 12, 7, 7, 16, 5, 5, 1, 1, 2, 2, 0),
]


def main():
    generator = torch.Generator().manual_seed(1)

    def uniform(*shape):
        return (torch.rand(*shape, generator=generator) * 2 - 1).double()

    def write(name, cases):
        with open(pathlib.Path(__file__).with_name(name), "wb") as out:
            out.write(struct.pack("<I", len(cases)))
            for case in cases:
                n, c, h, w_, k, kh, kw, sh, sw, ph, pw = case[:11]
                x = uniform(n, c, h, w_).requires_grad_()
                w = uniform(k, c, kh, kw).requires_grad_()
                bias = uniform(k).requires_grad_()
                y = torch.nn.functional.conv2d(x, w, bias, (sh, sw), (ph, pw))
                if len(case) > 11:
                    y = torch.nn.functional.max_pool2d(y.relu() if case[11] else y, 2)
                dy = uniform(*y.shape)
                y.backward(dy)
                out.write(struct.pack(f"<{len(case)}I", *case))
                for tensor in (x, w, bias, dy, y, x.grad, w.grad, bias.grad):
                    out.write(tensor.detach().float().contiguous().numpy().tobytes())

    write("conv.bin", CONV)
    write("conv_pool.bin", POOLED)


main()
