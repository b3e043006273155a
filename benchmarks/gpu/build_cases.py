#!/usr/bin/env python3
"""Compiles cases for the GPU machine; needs no GPU: `build_cases.py ATTN_COMPILE FOLDER WHAT...`.

WHAT: `target:sm_80` (for the rest; else sm_90a); `strict` (kernels that keep promise 3, for the part `nan` of card_tests.py); `scores` (masks and score programs for peers.py, with other schedules beside the planner's; `planned`: without those), or cases for
card_tests.py: `random:N[:SEED]`, `operands:N[:SEED]` (masks that depend on data), `documents:N[:SEED]`, `edges`. FOLDER gets one library per group of cases and cases.json.
"""
import json, os, random, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

from spec import alibi, case, schedule, softcap, text

CAUSAL = "k <= q"


def scores():
    """Shapes of performance.md. Flex expressions are over scalars; a leading planner's case, then schedules."""
    out = []
    def add(shape, sizes, H, Hk, D, schedules, flex_visible=CAUSAL, flex_score="", by_head=False, window=None, tables=None, **more):
        for i, words in enumerate(["", *schedules]):
            out.append(case(f"{shape}_{i}" if i else shape, H, Hk, D, schedule=words, shape=shape, shape_sizes=sizes, flex_visible=flex_visible,
                            flex_score=flex_score, by_head=by_head, window=window, tables=tables or {}, **more))
    wide = [schedule(2, n, 2) for n in (64, 80)] + [schedule(2, 64, 2, overlap=0)]
    usual = [schedule(c, n, 2, pingpong=p) for c, n, p in ((2, 128, 0), (2, 128, 1), (2, 96, 1), (2, 112, 1), (2, 112, 0), (3, 80, 0), (3, 64, 1), (2, 144, 0))]
    cap, cap_score = softcap(50)
    add("softcap_d256", [1, 8192], 16, 8, 256, wide, mask="causal", visible=CAUSAL, region=cap, score=cap_score, flex_score=cap_score)
    add("softcap_d128", [1, 8192], 32, 8, 128, usual, mask="causal", visible=CAUSAL, region=cap, score=cap_score, flex_score=cap_score)
    fast = cap.replace("math.tanh %y", "math.tanh %y fastmath<afn>")
    add("softcap_fast_d256", [1, 8192], 16, 8, 256, wide[1:2], mask="causal", visible=CAUSAL, region=fast, score=cap_score, flex_score=cap_score)
    slopes, alibi_score = alibi(32)
    add("alibi", [1, 8192], 32, 32, 128, usual, mask="causal", visible=CAUSAL, region=slopes, score=alibi_score,
        flex_score="s + torch.exp2(-8 * (h + 1) / 32) * (k - q)")
    # Distance decay and a bonus for the own block of 64.
    region = ("%d = arith.subi %qp, %kp : index %i = arith.index_cast %d : index to i32 %f = arith.sitofp %i : i32 to f32 %c = arith.constant -0.01 : f32 "
              "%e = arith.mulf %f, %c : f32 %g = math.exp %e : f32 %n = arith.constant 0.5 : f32 %w = arith.addf %g, %n : f32 %z = arith.mulf %x, %w : f32 attn.yield %z : f32")
    add("decay", [1, 8192], 32, 8, 128, usual, mask="causal", visible=CAUSAL, region=region, score="s * (torch.exp(-0.01 * (q - k).double()) + 0.5)",
        flex_score="s * (torch.exp(-0.01 * (q - k)) + 0.5)")
    kinds = [0, 1024, 0, 4096] * 8
    add("per_head", [1, 16384], 32, 8, 128, usual, mask=f"per_head<[causal, causal and window<1024>, causal and window<4096>], {[{0: 0, 1024: 1, 4096: 2}[w] for w in kinds]}>",
        visible=f"(k <= q) & (k > q - ({kinds}[h] or 1 << 30))", flex_visible="(k <= q) & (k > q - T['w'][h])", tables={"w": [w or 1 << 30 for w in kinds]}, by_head=True,
        window=kinds)
    add("window4096", [1, 32768], 32, 8, 128, usual, mask="causal and window<4096>", visible="(k <= q) & (k > q - 4096)",
        flex_visible="(k <= q) & (k > q - 4096)", window=[4096] * 32)
    for mean in (512, 2048):
        ids = documents(16384, mean)
        add(f"documents{mean}", [1, 16384], 16, 16, 128, [], mask="causal and document<0>", visible="(k <= q) & (m[0][b][q] == m[0][b][k])", operands=["?x?xi32"],
            flex_visible="(k <= q) & (T['ids'][q] == T['ids'][k])", tables={"ids": ids}, documents=[ids.count(i) for i in range(ids[-1] + 1)])
    return out


def documents(length, mean):
    """Ascending ids of documents of uneven lengths."""
    rng, ids = random.Random(mean), []
    while len(ids) < length: ids += [ids[-1] + 1 if ids else 0] * max(1, min(length - len(ids), int(rng.expovariate(1 / mean))))
    return ids


def kinds(word):
    if word == "scores": return scores()
    if word == "planned": return [c for c in scores() if not c["schedule"]]
    import random_cases
    return random_cases.cases(word)


def build(job):
    """One library of several functions; -> the cases that are in it."""
    number, group = job
    source, bundle = f"{folder}/{number}.mlir", f"{folder}/{number}.bundle"
    open(source, "w").write("\n".join(map(text, group)))
    done = subprocess.run([compiler, source, f"--target={target}", *options, "-o", bundle], capture_output=True, text=True)
    os.remove(source)
    if done.returncode or "warning" in done.stderr: print(f"{[c['name'] for c in group]}: {done.stderr.strip()[:1500]}", flush=True)
    if done.returncode: return build_each(number, group) if len(group) > 1 else []
    shutil.copy(next(f"{bundle}/{f}" for f in os.listdir(bundle) if f.endswith(".so")), f"{folder}/{number}.so")
    shutil.rmtree(bundle)
    return [dict(c, library=f"{number}.so") for c in group]


def build_each(number, group):
    return [c for i, one in enumerate(group) for c in build((f"{number}_{i}", [one]))]


if __name__ == "__main__":
    compiler, folder, *words = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    target = next((w[7:] for w in words if w.startswith("target:")), "sm_90a")
    options = ["--strict"] if "strict" in words else []
    wanted = [c for word in words if word != "strict" and not word.startswith("target:") for c in kinds(word)]
    with ThreadPoolExecutor(2) as pool:
        good = [c for group in pool.map(build, enumerate([wanted[i:i + 8] for i in range(0, len(wanted), 8)])) for c in group]
    json.dump({c["name"]: c for c in good}, open(f"{folder}/cases.json", "w"), indent=1)
    print(f"{len(good)} of {len(wanted)} cases in {folder}")
    sys.exit(len(good) != len(wanted))
