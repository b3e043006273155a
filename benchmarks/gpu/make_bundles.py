#!/usr/bin/env python3
"""Writes the kernels that check_and_time.py runs: `make_bundles.py ATTN_COMPILE FOLDER [REGEX [TARGET]]`; needs no GPU."""
import sys

import spec
from bundles import ALIBI, SOFTCAP, compile_all

compiler, folder, only = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "."
target = sys.argv[4] if len(sys.argv) > 4 else "sm_90a"
portable = target != "sm_90a"
cases, sources = {}, {}


def add(name, H, Hk, D, Dv=None, visible="True", schedule="", maps=None, bench="", shapes=(), peer="cudnn", group="", entry="", checked=True, **more):
    if schedule and portable != ("roles = uniform" in schedule): return
    Hv = max(maps[2]) + 1 if maps else None
    cases[name] = spec.case(name, H, Hk, D, Dv, Hv, visible=visible, schedule=schedule, maps=maps, bench=bench, shapes=shapes, peer=peer, group=group or name,
                            entry=entry, checked=checked, **more)
    sources[name] = spec.text(cases[name], "attend")


def schedule(consumers, keys, stages, overlap=1, pingpong=0, order="longest_first", maximum="exact"):
    return f"{spec.schedule(consumers, keys, stages, overlap, pingpong, order)}, maximum = {maximum}"


CAUSAL = "k <= q"
# Schedules of the portable form that are timed beside the planner's: head size, then the arguments of warps().
WARPS = ((64, 4, 2, 64, 2, 2, 1, "exact"), (64, 4, 2, 64, 3, 2, 1), (64, 4, 2, 64, 2, 2, 1, "lazy", 32), (64, 4, 2, 64, 2, 2, 1, "lazy", 32, 1), (64, 4, 2, 32, 3, 2, 1),
         (64, 4, 2, 64, 2, 2, 1, "lazy", 16), (128, 4, 2, 32, 3, 2, 0, "exact"), (128, 4, 2, 32, 2, 2, 0, "lazy"), (128, 4, 2, 32, 2, 2, 0, "lazy", 16), (128, 4, 2, 32, 3, 2, 0, "lazy", 16),
         (128, 4, 2, 32, 2, 2, 0, "exact", 16), (128, 4, 2, 16, 4, 2), (256, 8, 1, 64, 1, 1, 0, "exact"), (256, 8, 1, 64, 1, 1, 0, "lazy", 32), (256, 8, 1, 64, 1, 1, 0, "lazy", 32, 1))
for D in (64, 128, 256):
    for mask in ("causal", "full"):
        add(f"bench_d{D}_{mask}", 2048 // D, 2048 // D, D, mask="causal" if mask == "causal" else "", visible=CAUSAL if mask == "causal" else "True", bench=mask)
# Other schedules, timed beside the planner's choice.
for mask in ("causal", "full"):
    order = "longest_first" if mask == "causal" else "linear"
    more = dict(mask="causal" if mask == "causal" else "", visible=CAUSAL if mask == "causal" else "True", bench=mask)
    for name, D, *how in (("exact", 64, 3, 128, 4, 1, 1, "exact"), ("3wg", 64, 3, 128, 4, 0, 1, "lazy"), ("exact", 128, 2, 128, 2, 1, 0, "exact"),
                         ("exact", 256, 2, 80, 2, 1, 0, "exact"), ("n80", 256, 2, 80, 2, 1, 0, "lazy")):
        consumers, keys, stages, overlap, pingpong, maximum = how
        add(f"bench_d{D}_{mask}_{name}", 2048 // D, 2048 // D, D, schedule=schedule(consumers, keys, stages, overlap, pingpong, order, maximum), **more)


def warps(count, tiles, keys, stages, blocks, queries=0, maximum="lazy", part=0, overlap=0, order="longest_first"):
    """Schedules of the portable form: warps, tiles of 16 rows of each, keys of a tile and of a part of it."""
    return (f"rows = {16 * count * tiles}, keys = {keys}, register_keys = {part or keys}, stages = {stages}, roles = uniform, consumers = {count}, blocks = {blocks}, "
            f"q_in_registers = {queries}, p_in_registers = 1, overlap = {overlap}, maximum = {maximum}, order = {order}")


for D, *how in WARPS:
    for mask in ("causal", "full"):
        add(f"bench_d{D}_{mask}_{'_'.join(map(str, how))}", 2048 // D, 2048 // D, D, schedule=warps(*how, order="longest_first" if mask == "causal" else "linear"),
            mask="causal" if mask == "causal" else "", visible=CAUSAL if mask == "causal" else "True", bench=mask)
add("gqa5", 10, 2, 128, mask="causal", visible=CAUSAL)
add("gqa3_full", 6, 2, 64)
add("window", 4, 2, 64, mask="causal and window<100>", visible="(k <= q) & (k > q - 100)")
add("window_sink", 4, 2, 128, mask="causal and window<200> or causal and sink<4>", visible="(k <= q) & ((k > q - 200) | (k < 4))")
add("window_both", 2, 2, 64, mask="window<70, 90>", visible="(k > q - 70) & (k < q + 90)")
add("chunk", 2, 2, 64, mask="causal and chunk<300>", visible="(k <= q) & (k // 300 == q // 300)")
add("stride", 2, 2, 64, mask="causal and stride<7>", visible="(k <= q) & ((k == q) | ((k + 1) % 7 == 0))")
add("not_window", 2, 2, 64, mask="not window<64>", visible="~(k > q - 64)")
add("prefix", 2, 2, 64, mask="causal or prefix<150>", visible="(k <= q) | (k < 150)")
add("per_head", 4, 4, 128, mask="per_head<[causal, causal and window<128>], [0, 1, 1, 0]>", visible="(k <= q) & (k > q - 128) if h in (1, 2) else (k <= q)")
add("sinks", 4, 2, 64, mask="causal", visible=CAUSAL, sinks=True)
add("f16", 4, 2, 128, mask="causal", visible=CAUSAL, dtype="float16")
add("f16_full", 4, 2, 64, dtype="float16")
for D in (8, 16, 32, 40, 72, 80, 96, 112, 160, 192):
    add(f"d{D}", 2, 1, D, mask="causal", visible=CAUSAL)
add("d192_128", 2, 2, 192, 128, mask="causal", visible=CAUSAL)
add("d64_256", 2, 2, 64, 256)
add("d128_40", 2, 2, 128, 40)
add("softcap", 2, 2, 128, mask="causal", visible=CAUSAL, **SOFTCAP)
add("alibi", 4, 4, 64, mask="causal", visible=CAUSAL, **ALIBI)
add("offset", 2, 2, 64, mask="causal", visible=CAUSAL, offset=True)
add("negative_scale", 2, 2, 64, mask="causal", visible=CAUSAL, scale=-0.1)
add("tables", 4, 3, 64, mask="causal", visible=CAUSAL, maps=([0, 3, 1, 2, 2], [0, 2, 1, 0, 0], [1, 1, 0, 0, 1]))


# Other shapes of the bar: [batch, length] each; the peer is cuDNN, or FlexAttention where cuDNN has no such mask or score.
for H, Hk, sizes in ((32, 8, [[1, 8192], [1, 32768], [1, 65536]]), (16, 8, [[1, 65536]]), (8, 8, [[1, 65536]]), (8, 4, [[1, 65536]])):
    add(f"shape_{H}_{Hk}", H, Hk, 128, mask="causal", visible=CAUSAL, shapes=sizes)
for H, Hk in ((16, 16), (8, 4), (4, 4)):
    more = dict(shapes=[[1, 32768]], group=f"d16_{H}_{Hk}")
    add(f"shape_d16_{H}_{Hk}", H, Hk, 16, **more)
    add(f"shape_d16_{H}_{Hk}_overlap", H, Hk, 16, schedule=schedule(4, 96, 4, 1, 1, "linear", "lazy"), **more)
    add(f"shape_d16_{H}_{Hk}_exact", H, Hk, 16, schedule=schedule(4, 96, 4, 1, 1, "linear"), **more)
for D in (24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 192):
    more = dict(mask="causal", visible=CAUSAL, shapes=[[2, 8192]], group=f"d{D}")
    add(f"shape_d{D}", 16, 16, D, **more)
for D, consumers, keys, overlap in ((24, 4, 80, 0), (32, 3, 128, 1), (32, 4, 80, 0), (40, 4, 80, 1), (48, 4, 80, 0), (56, 4, 48, 0), (72, 4, 48, 1), (72, 3, 112, 0), (88, 3, 112, 0), (104, 4, 32, 0), (120, 2, 128, 1)):
    add(f"shape_d{D}_{consumers}x{keys}_{overlap}", 16, 16, D, mask="causal", visible=CAUSAL, shapes=[[2, 8192]], group=f"d{D}",
        schedule=schedule(consumers, keys, 2, overlap, int(consumers > 2), maximum="lazy"))
add("shape_d192_128", 16, 16, 192, 128, mask="causal", visible=CAUSAL, shapes=[[2, 4096]])
add("shape_mla", 128, 128, 192, 128, mask="causal", visible=CAUSAL, shapes=[[1, 4096], [1, 16384]])
add("shape_window4096", 32, 8, 128, mask="causal and window<4096>", visible="(k <= q) & (k > q - 4096)", shapes=[[1, 32768]], peer="flex")
add("shape_softcap_d256", 16, 8, 256, mask="causal", visible=CAUSAL, score="50 * torch.tanh(s / 50)", shapes=[[1, 8192]], peer="flex",
    region="%c = arith.constant 50.0 : f32 %i = arith.constant 0.02 : f32 %y = arith.mulf %x, %i : f32 %t = math.tanh %y : f32 %z = arith.mulf %t, %c : f32 attn.yield %z : f32")
add("shape_alibi", 32, 32, 128, mask="causal", visible=CAUSAL, score="s + 2.0 ** (-(h + 1) / 4) * (k - q)", shapes=[[1, 8192]], peer="flex",
    region=f"%m = attn.lookup %h in {[2.0 ** (-(h + 1) / 4) for h in range(32)]} %d = arith.subi %kp, %qp : index %i = arith.index_cast %d : index to i32 "
           "%f = arith.sitofp %i : i32 to f32 %p = arith.mulf %m, %f : f32 %z = arith.addf %x, %p : f32 attn.yield %z : f32")


# Decoding: one or many queries per sequence.
def stream(keys, stages, overlap=1, splits=256):
    return (f"rows = 64, keys = {keys}, stages = {stages}, roles = specialised, consumers = 1, p_in_registers = 1, overlap = {overlap}, persistent = 1, "
            f"splits = {splits}, form = stream")


def decode(name, H, Hk, D, mask="causal", visible=CAUSAL, **more):
    add(f"decode_{name}", H, Hk, D, mask=mask, visible=visible, entry="decode", **more)


BARS = [[1, 131072], [16, 8192], [64, 8192]]
decode("gqa", 32, 8, 128, shapes=BARS + [[1, 2048], [1, 16384], [8, 2048], [17, 8192], [25, 8192], [3, 32768]])
decode("mqa", 32, 1, 128, shapes=[[64, 8192], [4, 4096]])
for keys, stages, overlap in ((64, 3, 0), (64, 2, 1), (64, 4, 1), (128, 2, 1)):
    decode(f"gqa_k{keys}_s{stages}_o{overlap}", 32, 8, 128, schedule=stream(keys, stages, overlap), shapes=BARS, checked=False)
    decode(f"mqa_k{keys}_s{stages}_o{overlap}", 32, 1, 128, schedule=stream(keys, stages, overlap), shapes=[[64, 8192]], checked=False)
decode("few", 4, 1, 64)
decode("mha", 3, 3, 128)
decode("gqa5", 10, 2, 128)
decode("group80", 80, 1, 64)
decode("full", 4, 2, 64, mask="", visible="True")
decode("window", 8, 2, 128, mask="causal and window<100>", visible="(k <= q) & (k > q - 100)")
decode("window_sink", 4, 2, 64, mask="causal and window<200> or causal and sink<4>", visible="(k <= q) & ((k > q - 200) | (k < 4))")
decode("chunk", 2, 1, 64, mask="causal and chunk<300>", visible="(k <= q) & (k // 300 == q // 300)")
decode("stride", 2, 1, 64, mask="causal and stride<7>", visible="(k <= q) & ((k == q) | ((k + 1) % 7 == 0))")
decode("not_window", 2, 1, 64, mask="not window<64>", visible="~(k > q - 64)")
decode("per_head", 4, 2, 128, mask="per_head<[causal, causal and window<128>], [0, 1, 1, 0]>", visible="(k <= q) & (k > q - 128) if h in (1, 2) else (k <= q)")
decode("sinks", 8, 2, 64, sinks=True)
decode("f16", 4, 2, 128, dtype="float16")
for D in (8, 16, 24, 32, 40, 72, 80, 96, 112, 160, 192, 256):
    decode(f"d{D}", 4, 1, D)
decode("d40_groups", 32, 8, 40)
decode("d192_128", 4, 2, 192, Dv=128)
decode("d64_256", 4, 2, 64, Dv=256)
decode("d128_40", 4, 2, 128, Dv=40)
decode("offset", 4, 2, 64, offset=True)
decode("negative_scale", 2, 2, 64, scale=-0.1)
decode("tables", 4, 3, 64, maps=([0, 3, 1, 2, 2], [0, 2, 1, 0, 0], [1, 1, 0, 0, 1]))
decode("softcap", 4, 2, 128, **SOFTCAP)
decode("alibi", 4, 2, 64, **ALIBI)

sys.exit(compile_all(compiler, folder, cases, sources, only, target))
