#!/usr/bin/env python3
"""On a GPU machine: is the time of Sparse Query Attention in proportion to its query heads? `proportion.py SHAPES [--json FILE]`.

SHAPES: a folder of make_bundles.py with shape_8_8, shape_16_8, shape_32_8. Their longest launches take 10 to 45 ms, and a card that
idled keeps its highest clock for some 30 ms only, then its power limit lowers it. So kernels are compared at equal clocks:
rested      single launches, each after --rest seconds of idling, medians
sustained   launches of all kernels in turn without a pause, after --seconds of it: all at the clock that the power limit leaves
"""
import argparse, json, random, time

import card, torch
from card import dev

ap = argparse.ArgumentParser()
ap.add_argument("bundles")
ap.add_argument("--json", default="")
ap.add_argument("--length", type=int, default=65536)
ap.add_argument("--rest", type=float, default=0.5)
ap.add_argument("--rounds", type=int, default=9)
ap.add_argument("--seconds", type=float, default=2)
A = ap.parse_args()
NAMES = ("shape_8_8", "shape_16_8", "shape_32_8")
cases = json.load(open(f"{A.bundles}/cases.json"))


def launch(name):
    c, S = cases[name], A.length
    r = lambda h, d: torch.randn(1, h, S, d, device=dev, dtype=torch.bfloat16)
    tensors = r(c["q_heads"], c["D"]), r(c["k_heads"], c["D"]), r(c["v_heads"], c["Dv"]), r(c["heads"], c["Dv"]), torch.empty(1, c["heads"], S, device=dev)
    return card.bind(card.open_bundle(A.bundles, name), *tensors)


def timed(f):
    a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    a.record(); f(); b.record()
    return a, b


def rested(runs):
    times = {n: [] for n in runs}
    for _ in range(A.rounds):
        for n in random.sample(list(runs), len(runs)):
            torch.cuda.synchronize(); time.sleep(A.rest)
            times[n].append(timed(runs[n]))
    return times


def sustained(runs):
    """The card stays busy: launches are queued well before they start."""
    times = {n: [] for n in runs}
    for keep in (False, True):
        start = time.time()
        while time.time() - start < A.seconds:
            for n in random.sample(list(runs), len(runs)):
                events = timed(runs[n])
                if keep: times[n].append(events)
            while not events[0].query(): time.sleep(1e-3)
    return times


def report(regime, times):
    torch.cuda.synchronize()
    ms = {n: sorted(a.elapsed_time(b) for a, b in ev)[len(ev) // 2] for n, ev in times.items()}
    heads = {n: cases[n]["heads"] for n in ms}
    unit = ms["shape_8_8"] / heads["shape_8_8"]
    rows = [dict(regime=regime, name=n, heads=heads[n], ms=t, of_proportion=t / heads[n] / unit) for n, t in ms.items()]
    print(f"{regime}: " + ", ".join(f"{r['name']} {r['ms']:.2f} ms ({r['of_proportion']:.3f})" for r in rows), flush=True)
    return rows


runs = {n: launch(n) for n in NAMES}
for f in runs.values(): f()
result = dict(card.facts(), length=A.length, rows=report("rested", rested(runs)) + report("sustained", sustained(runs)))
if A.json: json.dump(result, open(A.json, "w"), indent=1)
worst = max(abs(r["of_proportion"] - 1) for r in result["rows"])
print(f"worst difference from proportion {worst:.1%}")
