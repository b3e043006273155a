#!/usr/bin/env python3
"""On a GPU machine: checks decode kernels whose values are columns of the cache against float64, then times them.

    latent.py BUNDLES [--json FILE] [--only REGEX] [--nobench] [--nocheck] [--tiny]
BUNDLES comes from latent_bundles.py. A kernel that crashes or hangs loses its own results only. Times: medians of
groups of launches between events; the ceilings (matrix product 8192^3, copy) are measured in the same process.
"""
import argparse, json, os, re, subprocess, sys, time

ap = argparse.ArgumentParser()
ap.add_argument("bundles")
ap.add_argument("--json", default="")
ap.add_argument("--only", default=".")
ap.add_argument("--nobench", action="store_true")
ap.add_argument("--nocheck", action="store_true")
ap.add_argument("--tiny", action="store_true", help="check the small shapes only, as under compute-sanitizer")
ap.add_argument("--shapes", default="", help="kernel:batch:queries:keys, separated by commas, instead of the usual ones")
ap.add_argument("--worker", default="", help=argparse.SUPPRESS)
A = ap.parse_args()
cases = {n: c for n, c in json.load(open(f"{A.bundles}/cases.json")).items() if re.search(A.only, n)}


def parent():
    """Restarts the worker behind the job that killed it."""
    jobs = ([] if A.nocheck else [f"check {n}" for n in cases]) + ([] if A.nobench else ["bench"])
    results = []
    while jobs:
        args = [sys.executable, __file__, A.bundles, "--only", A.only, "--shapes", A.shapes, *["--tiny"] * A.tiny, "--worker", json.dumps(jobs)]
        child = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        done = 0
        for line in child.stdout:
            if line.startswith("DONE"): done += 1
            elif line.startswith("RESULT "): results.append(json.loads(line[7:]))
            else: print(line, end="", flush=True)
        child.wait()
        if done < len(jobs): print(f"  LOST {jobs[done]} (exit {child.returncode})", flush=True); done += 1
        jobs = jobs[done:]
    checks = [r for r in results if r["kind"] == "check"]
    if not A.nocheck:
        print(f"right: {sum(r['right'] for r in checks)} of {len(cases)}, worst error {max((r['error'] for r in checks), default=0):.2e}, "
              f"worst lse error {max((r['lse_error'] for r in checks), default=0):.2e}")
    if A.json: json.dump(results, open(A.json, "w"), indent=1)


if not A.worker:
    parent()
    sys.exit()

import card, torch
from card import dev

torch.manual_seed(int(time.time()))


def bind(name, *tensors):
    return card.bind(card.open_bundle(A.bundles, name), *tensors)


def finish():
    card.finish(f"  {job}", 15)


def reference(c, q, k, sinks):
    B, H, Sq, D = q.shape
    Sk, group = k.shape[2], H // c["k_heads"]
    out, lse = torch.zeros(B, H, Sq, c["Dv"], device=dev, dtype=torch.float64), torch.zeros(B, H, Sq, device=dev, dtype=torch.float64)
    qp, kp = torch.arange(Sq, device=dev)[:, None] + Sk - Sq, torch.arange(Sk, device=dev)[None]
    see = eval(c["visible"], {"q": qp, "k": kp})
    see = see if torch.is_tensor(see) else torch.ones(Sq, Sk, dtype=torch.bool, device=dev)
    for h in range(H):
        kh = k[:, h // group].double()
        x = q[:, h].double() @ kh.transpose(-1, -2) * c["scale"]
        if c["score"]: x = eval(c["score"], {"s": x, "h": h, "q": qp, "k": kp, "torch": torch})
        x = x.masked_fill(~see, float("-inf"))
        if sinks is not None: x = torch.cat([x, sinks[h].double().expand(B, Sq, 1)], -1)
        l = torch.logsumexp(x, -1) if x.shape[-1] else torch.full((B, Sq), float("-inf"), device=dev, dtype=torch.float64)
        p = torch.exp(x - l[..., None]).nan_to_num(0)
        out[:, h], lse[:, h] = p[..., :Sk] @ kh[..., c["column"]:c["column"] + c["Dv"]], l
    return out, lse


SHAPES = ((1, 1, 1), (2, 1, 63), (1, 2, 64), (3, 3, 65), (2, 4, 777), (1, 1, 4096), (2, 2, 4096), (1, 4, 1999), (5, 1, 130), (1, 4, 2), (1, 2, 0), (140, 1, 300), (1, 1, 20000))


def check(name):
    c, worst, worst_lse, right = cases[name], 0.0, 0.0, True
    dt = getattr(torch, c["dtype"])
    for n, (B, Sq, Sk) in enumerate(SHAPES):
        if c["heads"] == 128 and B == 140: continue
        if A.tiny and (Sk > 800 or B > 5): continue
        if n % 2: q = torch.randn(B, Sq, c["heads"], c["D"], device=dev).to(dt).transpose(1, 2)
        else: q = torch.randn(B, c["heads"], Sq, c["D"], device=dev).to(dt)
        k = torch.randn(B, c["k_heads"], Sk, c["D"], device=dev).to(dt)
        if Sk == 1999: k[:, :, 5::97] *= 8
        out = torch.full((B, c["heads"], Sq, c["Dv"]), float("nan"), device=dev, dtype=dt)
        lse = torch.full((B, c["heads"], Sq), float("nan"), device=dev)
        sinks = torch.randn(c["heads"], device=dev) * 3 if c["sinks"] else None
        go = bind(name, q, k, *([sinks] if c["sinks"] else []), out, lse)
        go(); finish()
        first, same = out.clone(), True
        for _ in range(5): go(); finish(); same &= torch.equal(first.view(torch.int16), out.view(torch.int16))
        want, want_lse = reference(c, q, k, sinks)
        live = ~torch.isinf(want_lse)
        e = ((out.double() - want).norm() / want.norm().clamp(min=1e-30)).item()
        el = (lse.double() - want_lse)[live].abs().max().item() if live.any() else 0.0
        dead = bool((lse[~live] == float("-inf")).all() and (out[~live] == 0).all())
        if not (e < 8e-3 and el < 2e-2 and dead and same):
            bad = (out.double() - want).abs().nan_to_num(99).amax(-1)
            where = (bad > 0.1).nonzero()
            print(f"  WRONG {name} B{B} Sq{Sq} Sk{Sk}: error {e:.2e} lse {el:.2e} dead {'ok' if dead else 'BAD'} repeat {'same' if same else 'DIFFERS'}; "
                  f"bad rows {len(where)} of {bad.numel()}, first {where[0].tolist() if len(where) else ''}", flush=True)
            right = False
            if e > 1e-1 or e != e: break
        worst, worst_lse = max(worst, e if e == e else 9.0), max(worst_lse, el)
    print(f"{name}: {'right' if right else 'WRONG'}, error {worst:.2e}, lse {worst_lse:.2e}", flush=True)
    print("RESULT", json.dumps(dict(kind="check", name=name, right=right, error=worst, lse_error=worst_lse)), flush=True)


def median(f, least=0.2, groups=10):
    """Seconds per call: median of groups of calls between events, after a warm-up."""
    f(); finish(); a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    a.record(); f(); f(); b.record(); finish()
    per = max(1, round(least * 1000 / groups / max(a.elapsed_time(b) / 2, 1e-3)))
    events = []
    for _ in range(groups):
        torch.cuda.synchronize(); time.sleep(0.01)
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record()
        for _ in range(per): f()
        b.record(); events.append((a, b))
    finish()
    return sorted(a.elapsed_time(b) for a, b in events)[groups // 2] / per / 1e3


def ceilings():
    x, y = (torch.randn(8192, 8192, device=dev, dtype=torch.bfloat16) for _ in range(2))
    z = torch.empty_like(x)
    flops = 2 * 8192 ** 3 / median(lambda: torch.mm(x, y, out=z))
    u = torch.randn(1 << 29, device=dev, dtype=torch.float32); w = torch.empty_like(u)
    rate = 8 * u.numel() / median(lambda: w.copy_(u))
    print(f"ceilings: matrix product {flops / 1e12:.0f} TFLOP/s, copy {rate / 1e9:.0f} GB/s", flush=True)
    return flops, rate


# (kernel, batch, queries, keys)
TIMED = [("h128", 128, 1, 4096), ("h128_one_part", 128, 1, 4096), ("h128_one_part", 128, 1, 8192), ("h64_one_part", 128, 1, 8192), ("h16_one_part", 128, 1, 8192),
          ("h128", 128, 1, 8192), ("h64", 128, 2, 4096), ("h64", 128, 1, 4096), ("h64", 128, 1, 8192), ("h16", 128, 1, 8192),
         ("h8", 128, 1, 8192), ("h20", 128, 1, 8192), ("h40", 128, 1, 8192), ("h16", 128, 4, 8192), ("h128", 132, 1, 8192), ("h128", 64, 1, 8192), ("h128", 1, 1, 65536),
         ("h16", 1, 1, 131072), ("h16", 16, 1, 8192), ("h128", 16, 1, 8192), ("minicpm3", 128, 1, 8192), ("rank256", 128, 1, 8192), ("no_rope", 128, 1, 8192)]


def bench():
    flops, rate = ceilings()
    cache = torch.randn(132 * 8192 * 576, device=dev, dtype=torch.bfloat16)
    given = [(n, int(b), int(q), int(k)) for n, b, q, k in (x.split(":") for x in A.shapes.split(",") if x)]
    for name, B, Sq, Sk in given or TIMED:
        if name not in cases: continue
        c = cases[name]
        k = cache[:B * Sk * c["D"]].view(B, 1, Sk, c["D"])
        q = torch.randn(B, c["heads"], Sq, c["D"], device=dev, dtype=torch.bfloat16)
        out, lse = torch.empty(B, c["heads"], Sq, c["Dv"], device=dev, dtype=torch.bfloat16), torch.empty(B, c["heads"], Sq, device=dev)
        seconds = median(bind(name, q, k, out, lse))
        work, read = 2 * B * c["heads"] * Sq * Sk * (c["D"] + c["Dv"]), 2 * B * Sk * c["D"]
        tiles = B * -(-c["heads"] * Sq // 64)
        print(f"{name:9s} B{B:<4d} Sq{Sq} Sk{Sk:<6d} {seconds * 1e6:8.1f} us  {work / seconds / 1e12:5.0f} TFLOP/s ({work / seconds / flops:5.1%})  "
              f"{read / seconds / 1e9:5.0f} GB/s ({read / seconds / rate:5.1%})  {seconds / tiles * 1e9 / Sk * 64:6.2f} ns per row tile and 64 keys", flush=True)
        print("RESULT", json.dumps(dict(kind="time", name=name, B=B, Sq=Sq, Sk=Sk, seconds=seconds, tflops=work / seconds / 1e12, of_product=work / seconds / flops,
                                        gbps=read / seconds / 1e9, of_copy=read / seconds / rate, product=flops / 1e12, copy=rate / 1e9)), flush=True)


for job in json.loads(A.worker):
    try: bench() if job == "bench" else check(job.split()[1])
    except RuntimeError as x:
        print(f"  {job}: {str(x)[:200]}", flush=True)
        if "CUDA" in str(x): os._exit(98)
    print("DONE", flush=True)
