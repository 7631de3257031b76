#!/usr/bin/python3
"""Writes vector.h: torch.optim.Adam's parameters and both moments, step by step.
Run with Debian's python3-torch."""
import pathlib

import torch

N, STEPS = 37, 4
LR, BETAS, EPS = 2e-3, (0.9, 0.999), 1e-8

torch.manual_seed(3)
p = torch.nn.Parameter(torch.randn(N))
optimizer = torch.optim.Adam([p], lr=LR, betas=BETAS, eps=EPS, foreach=False)
gradients = torch.randn(STEPS, N) * torch.logspace(-6, 2, N)
gradients[2] = 0
rows = {"start": [p.detach().clone()], "gradients": list(gradients), "p": [], "m": [], "v": []}
for gradient in gradients:
    p.grad = gradient.clone()
    optimizer.step()
    state = optimizer.state[p]
    for name, value in (("p", p.detach()), ("m", state["exp_avg"]), ("v", state["exp_avg_sq"])):
        rows[name].append(value.clone())

text = "/* Written by golden/vector.py: torch.optim.Adam, lr 2e-3, betas 0.9 and 0.999, eps 1e-8. */\n"
text += f"enum {{ ADAM_N = {N}, ADAM_STEPS = {STEPS} }};\n"
for name, values in rows.items():
    text += f"\nstatic const float adam_{name}[{len(values)}][ADAM_N] = {{\n"
    for row in values:
        numbers = [float(x).hex() + "F" for x in row]
        lines = [", ".join(numbers[i:i + 5]) for i in range(0, N, 5)]
        text += "    {" + ",\n     ".join(lines) + "},\n"
    text += "};\n"
pathlib.Path(__file__).with_suffix(".h").write_text(text)
