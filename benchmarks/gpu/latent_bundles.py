#!/usr/bin/env python3
"""Writes the decode kernels that latent.py runs: `latent_bundles.py ATTN_COMPILE FOLDER [REGEX]`; needs no GPU.

One cache holds keys and values: [B, heads, S, Dqk], whose columns [column, column + Dv) are the values.
"""
import json, os, re, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

compiler, folder, only = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "."
os.makedirs(folder, exist_ok=True)
cases, sources = {}, {}
REGION = "^bb0(%x: f32, %b: index, %h: index, %qp: index, %kp: index): "


def add(name, H, Dqk=576, Dv=512, Hk=1, column=0, mask="causal", visible="k <= q", dtype="bfloat16", sinks=False, score="", region="", schedule=""):
    dt, scale = {"bfloat16": "bf16", "float16": "f16"}[dtype], 192 ** -0.5
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
add("softcap", 16, score="30 * torch.tanh(s / 30)",
    region="%c = arith.constant 30.0 : f32 %y = arith.divf %x, %c : f32 %t = math.tanh %y : f32 %z = arith.mulf %t, %c : f32 attn.yield %z : f32")
add("alibi", 4, score="s + 0.25 ** (h + 1) * (k - q)",
    region="%m = attn.lookup %h in [0.25, 0.0625, 0.015625, 0.00390625] %d = arith.subi %kp, %qp : index %i = arith.index_cast %d : index to i32 "
           "%f = arith.sitofp %i : i32 to f32 %p = arith.mulf %m, %f : f32 %z = arith.addf %x, %p : f32 attn.yield %z : f32")


def build(name):
    source = f"{folder}/{name}.mlir"
    open(source, "w").write(sources[name])
    done = subprocess.run([compiler, source, "--target=sm_90a", "-o", f"{folder}/{name}"], capture_output=True, text=True)
    os.remove(source)
    if done.stderr: print(f"{name}: {done.stderr.strip()[:900]}", flush=True)
    return done.returncode == 0


names = [n for n in cases if re.search(only, n)]
with ThreadPoolExecutor(2) as pool:
    good = dict(zip(names, pool.map(build, names)))
json.dump({n: cases[n] for n in names if good[n]}, open(f"{folder}/cases.json", "w"), indent=1)
print(f"{sum(good.values())} of {len(names)} bundles in {folder}")
sys.exit(0 if all(good.values()) else 1)
