#!/usr/bin/env python3
"""Bars of a peers.py result as SVG: `plot.py RESULT.json OUT.svg`. Ours (best schedule) and FlexAttention in TFLOP/s, rested; the sustained
value is the line across a bar. Needs nothing but Python."""
import json, sys
from xml.sax.saxutils import escape

result = json.load(open(sys.argv[1]))
rows = []
for shape in result["shapes"]:
    if "flex" not in shape["peers"]: continue
    best = min(shape["ours"].values(), key=lambda o: o["rested_ms"])
    rows.append((shape["shape"], shape["S"], best, shape["peers"]["flex"]))
left, top, width, bar, gap = 190, 56, 470, 15, 16
most = max(max(o["rested_tflops"], f["rested_tflops"]) for _, _, o, f in rows) * 1.08
matmul = result["ceilings"]["matmul_tflops"]
most = max(most, matmul * 1.02)
x = lambda tflops: left + width * tflops / most
height = top + len(rows) * (2 * bar + gap) + 40
out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 90}" height="{height}" font-family="sans-serif" font-size="12">',
       '<rect width="100%" height="100%" fill="white"/>',
       f'<text x="{left}" y="20" font-size="14">Masks and score programs, {escape(result["device"])}, TFLOP/s</text>',
       f'<rect x="{left}" y="30" width="12" height="10" fill="#2b6cb0"/><text x="{left + 17}" y="39">attn-mlir</text>',
       f'<rect x="{left + 90}" y="30" width="12" height="10" fill="#b0b7c3"/><text x="{left + 107}" y="39">FlexAttention</text>',
       f'<text x="{left + 210}" y="39">line: sustained; dashes: bf16 matrix product</text>']
for i, (name, S, ours, flex) in enumerate(rows):
    y = top + i * (2 * bar + gap)
    out.append(f'<text x="{left - 8}" y="{y + bar + 4}" text-anchor="end">{escape(name)}, S {S}</text>')
    for n, (side, color) in enumerate(((ours, "#2b6cb0"), (flex, "#b0b7c3"))):
        at, value, held = y + n * bar, side["rested_tflops"], side["sustained_tflops"]
        out.append(f'<rect x="{left}" y="{at}" width="{x(value) - left:.1f}" height="{bar - 2}" fill="{color}"/>')
        out.append(f'<line x1="{x(held):.1f}" x2="{x(held):.1f}" y1="{at}" y2="{at + bar - 2}" stroke="black" stroke-width="2"/>')
        label = f"{value:.0f}" + (f" ({value / flex['rested_tflops']:.2f}x)" if n == 0 else "")
        out.append(f'<text x="{x(max(value, held)) + 5:.1f}" y="{at + bar - 4}">{label}</text>')
out += [f'<line x1="{x(matmul):.1f}" x2="{x(matmul):.1f}" y1="{top - 6}" y2="{height - 30}" stroke="#888" stroke-dasharray="4 3"/>',
        f'<text x="{x(matmul):.1f}" y="{height - 14}" text-anchor="middle">{matmul:.0f}</text>', "</svg>"]
open(sys.argv[2], "w").write("\n".join(out) + "\n")
