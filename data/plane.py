"""Draws the features of held-out classes of several runs side by side as one SVG. Needs numpy.

    python3 data/plane.py OUT.svg BEGINNING "TITLE" RUN ["TITLE" RUN]...

Each panel shows the held-out classes whose names begin with BEGINNING in the plane of their two largest principal
components, and the share of the variance in it. Lines lead from a feature to the mean of its class.
"""
import colorsys
import sys
from html import escape

import numpy

SIDE, GAP, TOP, BOTTOM = 340, 20, 34, 26


def held_out(run, beginning):
    features = numpy.load(f"{run}/features.npy").astype(float)
    with open(f"{run}/features.tsv", encoding="utf-8") as file:
        head, *rows = [line.rstrip("\n").split("\t") for line in file]
    split, label = head.index("split"), head.index("class")
    keep = [i for i, row in enumerate(rows) if row[split] == "heldout" and row[label].startswith(beginning)]
    return features[keep], [rows[i][label] for i in keep]


def panel(left, title, features, labels, colours):
    features -= features.mean(0)
    _, scale, axes = numpy.linalg.svd(features, full_matrices=False)
    shown = (scale[:2] ** 2).sum() / (scale**2).sum()
    points = features @ axes[:2].T
    low, high = points.min(0), points.max(0)
    size = (high - low).max() * 1.06
    points = (points - (low + high) / 2) / size * SIDE + SIDE / 2
    points += [left, TOP]
    parts = [
        f'<rect x="{left}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="#fff" stroke="#bbb"/>',
        f'<text x="{left + SIDE / 2}" y="22" text-anchor="middle" font-size="15">{escape(title)}</text>',
        f'<text x="{left + SIDE / 2}" y="{TOP + SIDE + 18}" text-anchor="middle" font-size="11" fill="#555">'
        f"PCA: {100 * shown:.0f} % of the variance</text>",
    ]
    for name in sorted(set(labels)):
        rows = points[[i for i, label in enumerate(labels) if label == name]]
        x, y = rows.mean(0)
        lines = "".join(f"M{x:.1f} {y:.1f}L{a:.1f} {b:.1f}" for a, b in rows)
        parts.append(f'<path d="{lines}" stroke="{colours[name]}" stroke-opacity="0.35"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.4" fill="{colours[name]}"/>' for a, b in rows]
    return parts


def main(out, beginning, *panels):
    runs = [(title, *held_out(run, beginning)) for title, run in zip(panels[::2], panels[1::2])]
    names = sorted(set(runs[0][2]))
    colours = {}
    for i, name in enumerate(names):
        red, green, blue = colorsys.hls_to_rgb(i / len(names), (0.38, 0.5)[i % 2], 0.75)
        colours[name] = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
    width, height = len(runs) * (SIDE + GAP) + GAP, TOP + SIDE + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" role="img">',
        f"<title>{escape('; '.join(run[0] for run in runs))}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for i, run in enumerate(runs):
        parts += panel(GAP + i * (SIDE + GAP), *run, colours)
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>", ""]))


main(*sys.argv[1:])
