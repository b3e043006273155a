#!/usr/bin/env python3
"""On the GPU machine: masks and score programs next to FlexAttention, FlashAttention-2 and cuDNN.

    peers.py FOLDER [--json FILE] [--only REGEX] [--commit ID] [--nopeers]
FOLDER comes from build_cases.py. Cases of one `shape` are schedules of it: all are timed in one call (a sweep), the best and the
planner's are named. Two regimes: rested (80 ms idle before each group of launches) and sustained (the card never idles).
"""
import argparse, json, re

import card, torch
from card import dev
from torch.nn.attention import SDPBackend

ap = argparse.ArgumentParser()
ap.add_argument("folder")
ap.add_argument("--json", default="")
ap.add_argument("--only", default=".")
ap.add_argument("--commit", default="")
ap.add_argument("--nopeers", action="store_true")
A = ap.parse_args()
cases = {n: c for n, c in card.load(A.folder).items() if "shape" in c and re.search(A.only, n)}


def pairs(c, S):
    """Visible pairs of all heads."""
    if c.get("documents"): return c["heads"] * sum(n * (n + 1) / 2 for n in c["documents"])
    if c["window"]: one = lambda w: S * w - w * (w - 1) / 2
    else: one = None
    total = 0
    for h in range(c["heads"]):
        w = c["window"][h] if c["window"] else 0
        total += one(w) if w else S * (S + 1) / 2
    return total


def measure(shape, group, result):
    c = next(iter(group.values()))
    B, S = c["shape_sizes"]
    dtype = getattr(torch, c["dtype"])
    r = lambda heads, size: torch.randn(B, heads, S, size, device=dev).to(dtype)
    q, k, v = r(c["q_heads"], c["D"]), r(c["k_heads"], c["D"]), r(c["v_heads"], c["Dv"])
    runs, wrong, outs = {}, {}, []
    rows = torch.cat([torch.arange(3, device=dev), torch.randint(0, S, (61,), device=dev)])
    m = [torch.tensor([c["tables"]["ids"]], device=dev, dtype=torch.int32)] if c.get("documents") else []
    want, want_lse = card.reference(c, q, k, v, 0, m=m, rows=rows)
    for n, o in group.items():
        out, lse = torch.full((B, c["heads"], S, c["Dv"]), float("nan"), device=dev, dtype=dtype), torch.empty(B, c["heads"], S, device=dev)
        go = card.bind(o, q, k, v, *m, out, lse); go(); card.finish(n)
        wrong[n] = card.relative(out[:, :, rows], want)
        runs[n] = go; outs.append(out)
    errors = {}
    if not A.nopeers:
        heads = c["heads"] if c["by_head"] else None
        plain = lambda backend: card.sdpa(backend, q, k, v, causal=True, scale=c["scale"])  # what a fixed kernel takes without score program and other masks
        for n, make in (("flex", lambda: card.flex(q, k, v, c["scale"], c["flex_visible"], c["flex_score"], c["tables"], heads)),
                        ("fa2_plain_causal", lambda: plain(SDPBackend.FLASH_ATTENTION)), ("cudnn_plain_causal", lambda: plain(SDPBackend.CUDNN_ATTENTION))):
            try:
                f = make(); out = f(); torch.cuda.synchronize()
                errors[n] = card.relative(out[:, :, rows], want)
                runs[n] = f
            except Exception as x: print(f"  {shape}: {n}: {str(x)[:120]}", flush=True)
    fl = 2 * B * pairs(c, S) * (c["D"] + c["Dv"])
    record = dict(shape=shape, B=B, S=S, flops=fl, ours={}, peers={})
    for regime, rest, rounds in (("rested", 0.08, 4), ("sustained", 0, 12)):
        for n, t in card.medians(runs, rest, rounds).items():
            side = record["ours" if n in group else "peers"].setdefault(n, dict(error=wrong.get(n, errors.get(n))))
            side[regime + "_ms"], side[regime + "_tflops"] = t, (fl / t / 1e9 if n in group or n == "flex" else None)
    base = record["peers"].get("flex")
    best = min(group, key=lambda n: record["ours"][n]["rested_ms"])
    for n in sorted(group, key=lambda n: record["ours"][n]["rested_ms"]):
        o = record["ours"][n]
        ratio = [base[g + "_ms"] / o[g + "_ms"] for g in ("rested", "sustained")] if base else [float("nan")] * 2
        o["ratio_to_flex"] = dict(zip(("rested", "sustained"), ratio))
        print(f"{n:34s} {o['rested_tflops']:5.0f} / {o['sustained_tflops']:5.0f} TF/s  x flex {ratio[0]:5.2f} / {ratio[1]:5.2f}  error {o['error']:.1e}"
              f"{'' if o['error'] < 8e-3 else ' WRONG'}{' best' if n == best and len(group) > 1 else ''}", flush=True)
    print("   " + ", ".join(f"{n} {p['rested_ms']:.2f} ms" + (f" = {p['rested_tflops']:.0f} TF/s" if p["rested_tflops"] else "") + f" error {p['error']:.1e}"
                            for n, p in record["peers"].items()), flush=True)
    result["shapes"].append(record)


result = dict(card.facts(), commit=A.commit, ceilings=card.ceilings(), shapes=[])
print(result["device"], result["ceilings"], flush=True)
torch._dynamo.config.cache_size_limit = 64
for shape in dict.fromkeys(c["shape"] for c in cases.values()):
    try: measure(shape, {n: c for n, c in cases.items() if c["shape"] == shape}, result)
    except Exception as x: print(f"{shape}: {type(x).__name__} {str(x)[:200]}", flush=True)
    torch.cuda.empty_cache()
    if A.json: json.dump(result, open(A.json, "w"), indent=1)
