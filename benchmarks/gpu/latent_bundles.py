#!/usr/bin/env python3
"""Writes the decode kernels that latent.py runs: `latent_bundles.py ATTN_COMPILE FOLDER [REGEX [TARGET]]`; needs no GPU.

One cache holds keys and values: [B, heads, S, Dqk], whose columns [column, column + Dv) are the values.
"""
import sys

from bundles import ALIBI, SOFTCAP, compile_all
from spec import DTYPES, REGION

compiler, folder, only = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "."
target = sys.argv[4] if len(sys.argv) > 4 else "sm_90a"
portable = target != "sm_90a"
cases, sources = {}, {}


def add(name, H, Dqk=576, Dv=512, Hk=1, column=0, mask="causal", visible="k <= q", dtype="bfloat16", sinks=False, score="", region="", schedule=""):
    if schedule and portable != ("roles = uniform" in schedule): return
    dt, scale = DTYPES[dtype], 192 ** -0.5
    t = lambda h, d: f"tensor<?x{h}x?x{d}x{dt}>"
    q, k, v, o, l = t(H, Dqk), t(Hk, Dqk), t(Hk, Dv), t(H, Dv), f"tensor<?x{H}x?xf32>"
    args = [f'%q: {q} {{attn.name = "query"}}', f'%k: {k} {{attn.name = "cache"}}']
    if sinks: args.append(f'%s: tensor<{H}xf32> {{attn.name = "sinks"}}')
    words = [f"scale({scale!r})", mask and f"mask(<{mask}>)", sinks and f"sinks(%s : tensor<{H}xf32>)",
             schedule and f"schedule<{schedule}>", region and f"score {{ {REGION}{region} }}"]
    columns = "" if Dqk == Dv else f"  %v = attn.columns %k from {column} : {k} -> {v}\n"
    values = "%v" if columns else "%k"
    sources[name] = f"""func.func @attend({', '.join(args)}) -> ({o} {{attn.name = "out"}}, {l} {{attn.name = "lse"}})
    attributes {{attn.entry = "decode"}} {{
{columns}  %o, %l = attn.attention %q, %k, {values} {' '.join(w for w in words if w)} : {q}, {k}, {v} -> {o}, {l}
  return %o, %l : {o}, {l}
}}
"""
    cases[name] = dict(heads=H, k_heads=Hk, D=Dqk, Dv=Dv, column=column, scale=scale, visible=visible, dtype=dtype, sinks=sinks, score=score)


for H in (1, 8, 16, 20, 40, 64, 128):
    add(f"h{H}", H)
ONE_PART = ("rows = 64, keys = 64, stages = 2, roles = specialised, consumers = 2, split_output = 2, values_in_keys = 1, "
            "p_in_registers = 1, overlap = 1, persistent = 1, splits = 1, form = stream")
add("h128_one_part", 128, schedule=ONE_PART)


def warps(rows, warps, keys, stages, overlap=1, blocks=1, splits=256):
    """Schedules of the portable form: rows and warps of a block, keys of a tile."""
    return (f"rows = {rows}, keys = {keys}, stages = {stages}, roles = uniform, consumers = {warps}, split_output = {warps}, values_in_keys = 1, "
            f"blocks = {blocks}, p_in_registers = 1, overlap = {overlap}, maximum = exact, splits = {splits}, form = stream")


# Schedules of the portable form that are timed beside the planner's: heads, then the arguments of warps().
WARPS = ((128, 64, 8, 32, 3), (128, 64, 8, 32, 2, 0), (128, 64, 8, 32, 3, 0), (128, 64, 8, 16, 4), (128, 64, 8, 16, 4, 0), (128, 64, 16, 32, 3), (128, 64, 16, 32, 2, 0), (128, 64, 16, 32, 3, 0),
         (128, 64, 16, 16, 3, 0), (128, 64, 16, 16, 4), (128, 32, 8, 16, 3, 0, 2), (128, 32, 8, 16, 3, 1, 2), (128, 32, 4, 16, 3, 0, 2), (128, 32, 8, 32, 2, 0),
         (16, 16, 4, 32, 3, 0), (16, 16, 4, 64, 2, 0), (16, 16, 4, 32, 2, 0, 2), (16, 16, 4, 16, 3, 0, 2), (16, 16, 4, 16, 4, 0, 2), (16, 16, 4, 16, 5, 0, 2), (16, 16, 4, 32, 4, 0),
         (16, 16, 4, 16, 2, 0, 3))
for H, *how in WARPS:
    add(f"h{H}_{'_'.join(map(str, how))}", H, schedule=warps(*how))
add("minicpm3", 40, 288, 256)
add("rope32", 16, 544, 512)
add("rank256", 16, 320, 256)
add("rank128", 4, 192, 128)
add("no_rope", 16, 512, 512)
add("rope_first", 16, 576, 512, column=64)
add("two_latents", 32, 320, 256, Hk=2)
add("f16", 16, dtype="float16")
add("full", 16, mask="", visible="True")
add("window", 16, mask="causal and window<300>", visible="(k <= q) & (k > q - 300)")
add("sinks", 16, sinks=True)
add("softcap", 16, **SOFTCAP)
add("alibi", 4, **ALIBI)

sys.exit(compile_all(compiler, folder, cases, sources, only, target))
