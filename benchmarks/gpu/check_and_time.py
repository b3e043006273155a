#!/usr/bin/env python3
"""On a GPU machine: checks every bundle in a folder against float64 and times the bench_* ones next to cuDNN or FlashAttention-2.

    check_and_time.py BUNDLES [--json FILE] [--only REGEX] [--nobench] [--nocheck] [--cool 0.08]
BUNDLES holds one folder per kernel and cases.json (see make_bundles.py). Nothing is compiled here. Timings: both
sides captured in CUDA graphs, launches in random order after a rest, medians.
"""
import argparse, json, math, re, time

import card, torch
from card import dev, relative
from torch.nn.attention import SDPBackend

ap = argparse.ArgumentParser()
ap.add_argument("bundles")
ap.add_argument("--json", default="")
ap.add_argument("--only", default=".")
ap.add_argument("--nobench", action="store_true")
ap.add_argument("--nocheck", action="store_true")
ap.add_argument("--cool", type=float, default=0.08)
ap.add_argument("--spoil", action="store_true", help="also check keys and values that a lazy maximum must notice")
ap.add_argument("--cliff", action="store_true", help="time lazy kernels beside exact ones where every tile runs again")
ap.add_argument("--rounds", type=int, default=5)
ap.add_argument("--seqs", default="1024,4096,16384")
ap.add_argument("--repeats", type=int, default=0, help="launches that must give equal bits, per kernel")
ap.add_argument("--large", action="store_true", help="decode: keys beyond 2^31 elements")
ap.add_argument("--flash", action="store_true", help="time next to FlashAttention-2 instead of cuDNN")
ap.add_argument("--tiny", action="store_true", help="check the small shapes only, as under compute-sanitizer")
A = ap.parse_args()
cases = {n: c for n, c in json.load(open(f"{A.bundles}/cases.json")).items() if re.search(A.only, n)}
torch.manual_seed(int(time.time()))


class Kernel:
    def __init__(self, name):
        self.name, self.case, self.bundle = name, cases[name], card.open_bundle(A.bundles, name)

    def bind(self, *tensors):
        return card.bind(self.bundle, *tensors)


def visible(c, h, q, k):
    """The mask of a case as a boolean [rows, keys]; q and k are positions. Expressions are Python over q, k, h."""
    value = eval(c["visible"], {"q": q, "k": k, "h": h, "torch": torch})
    return value if torch.is_tensor(value) else torch.full(torch.broadcast_shapes(q.shape, k.shape), bool(value), device=dev)


def reference(c, q, k, v, sinks, offset):
    """Float64, head by head."""
    Hs = c["heads"]
    B, _, Sq, _ = q.shape
    Sk, Dv = k.shape[2], v.shape[3]
    out, lse = torch.zeros(B, Hs, Sq, Dv, device=dev, dtype=torch.float64), torch.zeros(B, Hs, Sq, device=dev, dtype=torch.float64)
    qp = torch.arange(Sq, device=dev)[:, None] + offset
    kp = torch.arange(Sk, device=dev)[None]
    for h in range(Hs):
        qh, kh, vh = (x[:, m[h]].double() for x, m in ((q, c["query_map"]), (k, c["key_map"]), (v, c["value_map"])))
        s = qh @ kh.transpose(-1, -2) * c["scale"]
        if c["score"]: s = eval(c["score"], {"s": s, "h": h, "q": qp, "k": kp, "torch": torch})
        s = s.masked_fill(~visible(c, h, qp, kp), float("-inf"))
        if sinks is not None: s = torch.cat([s, sinks[h].double().expand(B, Sq, 1)], -1)
        # An infinite score makes the row NaN, as inf - inf does.
        l = torch.logsumexp(s, -1) if s.shape[-1] else torch.full((B, Sq), float("-inf"), device=dev, dtype=torch.float64)
        l = l.masked_fill(l == float("inf"), float("nan"))
        p = torch.exp(s - l[..., None]).nan_to_num(0)
        out[:, h], lse[:, h] = p[..., :Sk] @ vh, l
        out[:, h].masked_fill_(l.isnan()[..., None], float("nan"))
    return out, lse


def make(c, B, Sq, Sk, layout):
    dt = getattr(torch, c["dtype"])
    def r(h, s, d):
        if layout: return torch.randn(B, s, h, d, device=dev).to(dt).transpose(1, 2)      # [batch][sequence][head][size] in memory
        return torch.randn(B, h, s, d, device=dev).to(dt)
    return r(c["q_heads"], Sq, c["D"]), r(c["k_heads"], Sk, c["D"]), r(c["v_heads"], Sk, c["Dv"])


def finish(name):
    card.finish(name, save=save)


def spoil(how, k, v):
    """Keys and values that a lazy maximum must notice: scores that jump far above the first tile's, values that overflow
    with large weights, and a NaN or an infinity that some rows see."""
    third = k.shape[2] // 3
    if how == "jump": k[:, :, :third] *= 60
    if how == "one": k[:, :, third:third + 1] *= 200
    if how == "large": k[:, :, :third] *= 8; v *= 1e30 if v.dtype == torch.bfloat16 else 1
    if how == "low": k[:, :, third:] *= 60
    if how == "nan": k[:, :, third, 0] = float("nan")
    if how == "inf": k[:, :, third, 0] = float("inf")


SPOILED = [(1, 700, 700, how) for how in ("jump", "one", "large", "low", "nan", "inf")] + [(2, 257, 1999, "jump"), (1, 1500, 1500, "one")]
SHAPES = ((2, 512, 512), (1, 257, 777), (1, 640, 1999), (3, 1, 130), (1, 900, 900), (2, 300, 100), (1, 64, 0), (1, 0, 64), (1, 1, 1), (2, 129, 127))


DECODE_SHAPES = ((2, 1, 777), (1, 1, 64), (3, 1, 1), (1, 1, 0), (2, 4, 1000), (1, 16, 513), (1, 17, 3000), (40, 1, 4096), (1, 1, 40000), (2, 3, 2), (1, 70, 300), (16, 2, 129), (1, 0, 5))


def check(kernel):
    c, worst, worst_lse = kernel.case, 0.0, 0.0
    sizes = DECODE_SHAPES if c["entry"] == "decode" else SHAPES
    for n, (B, Sq, Sk, how) in enumerate([(*s, "") for s in sizes] + (SPOILED if A.spoil else [])):
        if A.tiny and Sk > 1000: continue
        q, k, v = make(c, B, Sq, Sk, n % 2)
        q = q * 2
        if Sk == 900: k[:, :, 5::97] *= 20
        if Sk == 1999: k[:, :, :3] *= 16; k[:, :, 1500:1503] *= 4
        spoil(how, k, v)
        out = torch.full((B, c["heads"], Sq, c["Dv"]), 7.0 if how else float("nan"), device=dev, dtype=q.dtype)
        lse = torch.full((B, c["heads"], Sq), float("nan"), device=dev)
        sinks = torch.randn(c["heads"], device=dev) * 3 if c["sinks"] else None
        offset, extra = Sk - Sq, []
        if c["sinks"]: extra.append(sinks)
        if c["offset"]: offset = 17 * n - 30; extra.append(torch.tensor(offset))
        go = kernel.bind(q, k, v, *extra, out, lse)
        go(); finish(kernel.name)
        first = out.clone(); go(); finish(kernel.name)
        if Sq == 0: continue
        want, want_lse = reference(c, q, k, v, sinks, offset)
        live, broken = ~(torch.isinf(want_lse) | want_lse.isnan()), want_lse.isnan()
        nan_ok = bool((out.isnan() == broken[..., None]).all())
        if broken.any(): out_seen, want = out.masked_fill(broken[..., None], 0), want.masked_fill(broken[..., None], 0)
        else: out_seen = out
        e = relative(out_seen, want)
        el = (lse.double() - want_lse)[live].abs().max().item() if live.any() else 0.0
        dead = torch.isinf(want_lse)
        dead_ok = nan_ok and bool((lse[dead] == float("-inf")).all() and (out[dead] == 0).all())
        same = torch.equal(first.view(torch.int16), out.view(torch.int16))
        if not (e < 8e-3 and el < 2e-2 and dead_ok and same):
            bad = (out.double() - want).abs().nan_to_num(99).amax(-1)
            where = (bad > 0.1).nonzero()
            print(f"  WRONG {kernel.name} B{B} Sq{Sq} Sk{Sk} {how}: error {e:.2e} lse {el:.2e} dead and NaN rows {'ok' if dead_ok else 'BAD'} repeat "
                  f"{'same' if same else 'DIFFERS'}; bad rows {len(where)} of {bad.numel()}, first {where[0].tolist() if len(where) else ''}", flush=True)
            return False, e, el
        worst, worst_lse = max(worst, e), max(worst_lse, el)
    return True, worst, worst_lse


def large(kernel):
    """Keys and values beyond 2^31 elements each: the last sequence is right."""
    c = kernel.case
    per = c["k_heads"] * 8192 * c["D"]
    B = (1 << 31) // per + 2
    q, k, v = make(c, B, 1, 8192, 0)
    out, lse = torch.full((B, c["heads"], 1, c["Dv"]), float("nan"), device=dev, dtype=q.dtype), torch.empty(B, c["heads"], 1, device=dev)
    kernel.bind(q, k, v, out, lse)(); finish(kernel.name)
    want, _ = reference(c, q[-1:], k[-1:], v[-1:], None, 8191)
    print(f"{kernel.name}: {B * per} elements of keys, error of the last sequence {relative(out[-1:], want):.1e}, not written {int(out.isnan().sum())}", flush=True)


def repeats(kernel, count):
    c = kernel.case
    B, Sq, Sk = (3, 2, 5000) if c["entry"] == "decode" else (2, 2048, 2048)
    q, k, v = make(c, B, Sq, Sk, 0)
    out, lse = torch.empty(B, c["heads"], Sq, c["Dv"], device=dev, dtype=q.dtype), torch.empty(B, c["heads"], Sq, device=dev)
    go = kernel.bind(q, k, v, out, lse); go(); torch.cuda.synchronize()
    first, differ = out.clone(), torch.zeros((), device=dev, dtype=torch.int64)
    for _ in range(count):
        go(); differ += (out.view(torch.int16) != first.view(torch.int16)).any()
    return differ.item()


result = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "checks": [], "timings": []}
def save():
    if A.json: json.dump(result, open(A.json, "w"), indent=1)


PEER = "FlashAttention-2" if A.flash else "cuDNN"


def bench(D, causal, kernels):
    H = 2048 // D
    for S in map(int, A.seqs.split(",")):
        B = 16384 // S
        q, k, v = (torch.randn(B, H, S, D, device=dev, dtype=torch.bfloat16) for _ in range(3))
        fl = 4 * B * H * S * S * D * (0.5 if causal else 1)
        theirs = card.sdpa(SDPBackend.FLASH_ATTENTION if A.flash else SDPBackend.CUDNN_ATTENTION, q, k, v, causal)
        runs, note, kept, want = {PEER: theirs}, {}, [], theirs()
        for kr in kernels:
            out, lse = torch.full_like(q, float("nan")), torch.empty(B, H, S, device=dev)
            go = kr.bind(q, k, v, out, lse); go(); finish(kr.name)
            note[kr.name], runs[kr.name] = relative(out, want), go
            kept.append((out, lse))         # the launches hold bare addresses
        per = max(1, round(1.5 / (fl / 500e9)))
        median = rested_median(runs, per, ahead=2)
        base = fl / median[PEER] / 1e9
        for n in sorted(note, key=lambda n: median[n]):
            tf = fl / median[n] / 1e9
            result["timings"].append(dict(name=n, D=D, causal=causal, B=B, H=H, S=S, tflops=tf, peer=PEER, peer_tflops=base, ratio=tf / base,
                                          ms=median[n], difference=note[n], rest_s=A.cool))
            print(f"D{D} {'causal' if causal else 'full  '} B{B} S{S}: {n:26s} {tf:6.0f} TF/s, {PEER} {base:4.0f}  {tf / base:5.3f}x {'' if note[n] < 6e-3 else f'DIFFERS {note[n]:.1e}'}", flush=True)
        del q, k, v, runs, kept, want
        torch.cuda.empty_cache()


def cliff(D, causal, kernels):
    """What a lazy maximum costs where every tile outgrows it, next to the exact kernel."""
    H = 2048 // D
    for S in (1024, 4096):
        q, k, v = (torch.randn(16384 // S, H, S, D, device=dev, dtype=torch.bfloat16) for _ in range(3))
        k[:, :, 0] *= 1000    # half of the rows prefer the first key by far
        out, lse, times = torch.empty_like(q), torch.empty(16384 // S, H, S, device=dev), {}
        for kr in kernels:
            go = kr.bind(q, k, v, out, lse); go(); finish(kr.name)
            samples = []
            for _ in range(9):
                a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                a.record(); [go() for _ in range(5)]; b.record(); finish(kr.name); samples.append(a.elapsed_time(b) / 5)
            times[kr.name] = sorted(samples)[4]
        exact = next((x for n, x in times.items() if n.endswith("_exact")), float("nan"))
        result["timings"] += [dict(name=n, S=S, every_tile_again_ms=x, of_exact=x / exact) for n, x in times.items()]
        print(f"D{D} {'causal' if causal else 'full'} S{S}, every tile again: " + ", ".join(f"{n} {x:.3f} ms ({x / exact:.2f})" for n, x in times.items()), flush=True)


def peer(c, q, k, v):
    if c["peer"] == "flex": return card.flex(q, k, v, c["scale"], c["visible"], c["score"])
    return card.sdpa(SDPBackend.CUDNN_ATTENTION, q, k, v, "causal" in c["visible"] or "<=" in c["visible"], c["scale"])


def pairs(c, S):
    if "4096" in c["visible"]: return S * 4096 - 4096 * 4095 / 2
    return S * S / 2 if "<=" in c["visible"] else S * S


def shapes(group):
    """Times the kernels of one group on the same tensors, next to their peer."""
    c = group[0].case
    for B, S in c["shapes"]:
        q, k, v = make(c, B, S, S, 0)
        runs, differences, kept = {}, {}, []
        try:
            runs["peer"] = peer(c, q, k, v)
            want = runs["peer"]()
        except Exception as x: print(f"  {c['peer']}: {str(x)[:150]}", flush=True); runs.pop("peer", None)
        for kernel in group:
            out, lse = torch.full((B, c["heads"], S, c["Dv"]), float("nan"), device=dev, dtype=q.dtype), torch.empty(B, c["heads"], S, device=dev)
            runs[kernel.name] = kernel.bind(q, k, v, out, lse); runs[kernel.name](); finish(kernel.name)
            differences[kernel.name] = relative(out, want) if "peer" in runs else float("nan")
            kept.append((out, lse))
        fl = 2 * B * c["heads"] * pairs(c, S) * (c["D"] + c["Dv"])
        tf = {n: fl / t / 1e9 for n, t in card.medians(runs, A.cool, A.rounds, alone=True).items()}
        for n in sorted(differences, key=lambda n: -tf[n]):
            ratio = tf[n] / tf["peer"] if "peer" in tf else float("nan")
            result["timings"].append(dict(name=n, B=B, S=S, tflops=tf[n], peer=c["peer"], peer_tflops=tf.get("peer"), ratio=ratio, difference=differences[n]))
            print(f"{n:24s} B{B} S{S}: {tf[n]:6.0f} TF/s, {c['peer']} {tf.get('peer', float('nan')):5.0f}  {ratio:5.3f}x  difference {differences[n]:.1e}", flush=True)
        del q, k, v, kept, runs
        torch.cuda.empty_cache()


def rested_median(runs, per, ahead=1):
    """Milliseconds per launch of each run, captured, in random order after a rest."""
    graphs = {n: card.captured(f, per) for n, f in runs.items()}
    return {n: t / per for n, t in card.medians(graphs, A.cool, A.rounds, warm=0, ahead=ahead, alone=True).items()}


def copy_ceiling():
    """Read plus written bytes of a large copy by a kernel, GB/s: a graph gives a plain copy to the copy engine, which is slower."""
    x = torch.randn(1 << 28, device=dev); y = torch.empty_like(x)
    return 8 * x.numel() / rested_median({"copy": lambda: torch.neg(x, out=y)}, 2)["copy"] / 1e6


def decode(H, Hk, D, Dv, B, S, same):
    """One query per sequence: GB/s of keys and values read once, next to cuDNN, for kernels of one head layout. Launches take turns on
    several sets of tensors, so that none is left in the second-level cache."""
    c, moved = same[0].case, 2 * B * Hk * S * (D + Dv)
    sets = [[torch.randn(B, h, s, d, device=dev, dtype=torch.bfloat16) for h, s, d in ((H, 1, D), (Hk, S, D), (Hk, S, Dv))] for _ in range(max(1, math.ceil(3e8 / moved)))]
    cudnn = [card.sdpa(SDPBackend.CUDNN_ATTENTION, *s, scale=c["scale"]) for s in sets]
    def turns(calls):
        number = [0]
        def go():
            number[0] += 1
            calls[number[0] % len(calls)]()
        return go
    runs, note, kept, want = {"cuDNN": turns(cudnn)}, {}, [], cudnn[0]()
    for kr in same:
        outs = [(torch.full((B, H, 1, Dv), float("nan"), device=dev, dtype=torch.bfloat16), torch.empty(B, H, 1, device=dev)) for _ in sets]
        calls = [kr.bind(*s, *o) for s, o in zip(sets, outs)]
        try: calls[0](); finish(kr.name)
        except RuntimeError as x: print(f"  {kr.name}: {x}", flush=True); continue
        note[kr.name], runs[kr.name] = relative(outs[0][0], want), turns(calls)
        kept.append(outs)
    median = rested_median(runs, max(1, round(6e8 / moved)))
    rate = {n: moved / t / 1e6 for n, t in median.items()}
    for n in sorted(note, key=lambda n: -rate[n]):
        result["timings"].append(dict(name=n, entry="decode", H=H, Hk=Hk, D=D, B=B, S=S, gbs=rate[n], cudnn_gbs=rate["cuDNN"], ms=median[n],
                                      ratio=rate[n] / rate["cuDNN"], difference_from_cudnn=note[n]))
        print(f"decode {H}/{Hk} D{D} B{B} S{S}: {n:32s} {rate[n]:6.0f} GB/s, cuDNN {rate['cuDNN']:5.0f}  {rate[n] / rate['cuDNN']:5.3f}x "
              f"{median[n] * 1e3:7.1f} us {'' if note[n] < 6e-3 else f'DIFFERS {note[n]:.1e}'}", flush=True)
    torch.cuda.empty_cache()


def decode_groups(kernels):
    groups = {}
    for kr in kernels:
        c = kr.case
        for B, S in c["shapes"]:
            groups.setdefault((c["heads"], c["k_heads"], c["D"], c["Dv"], B, S), []).append(kr)
    return groups


kernels = {n: Kernel(n) for n in cases}
print(result["device"], "torch", result["torch"], "cuDNN", result["cudnn"], flush=True)
good = 0
for n, kr in kernels.items():
    if A.nocheck or not kr.case["checked"]: continue
    try: ok, e, el = check(kr)
    except RuntimeError as x: ok, e, el = False, float("nan"), float("nan"); print(f"  {n}: {x}", flush=True)
    result["checks"].append(dict(name=n, right=ok, error=e, lse_error=el)); good += ok
if not A.nocheck:
    print(f"right: {good} of {sum(k.case['checked'] for k in kernels.values())}, worst error {max((c['error'] for c in result['checks'] if c['right']), default=0):.2e}, "
          f"worst lse error {max((c['lse_error'] for c in result['checks'] if c['right']), default=0):.2e}", flush=True)
    save()
for n, kr in kernels.items():
    if A.large and kr.case["entry"] == "decode" and kr.case["shapes"]: large(kr)
for n, kr in kernels.items():
    if A.repeats and (kr.case["bench"] or kr.case["entry"] == "decode" and not (kr.case["sinks"] or kr.case["offset"])): print(f"{n}: {repeats(kr, A.repeats)} of {A.repeats} repeats differ", flush=True)
if not A.nobench:
    groups = sorted({(kr.case["D"], kr.case["bench"] == "causal") for kr in kernels.values() if kr.case["bench"]})
    for D, causal in groups:
        if A.cliff: cliff(D, causal, [kr for kr in kernels.values() if kr.case["D"] == D and kr.case["bench"] == ("causal" if causal else "full")]); save(); continue
        bench(D, causal, [kr for kr in kernels.values() if kr.case["D"] == D and kr.case["bench"] == ("causal" if causal else "full")])
        save()
    decoding = [kr for kr in kernels.values() if kr.case["entry"] == "decode" and kr.case["shapes"]]
    if decoding:
        result["copy_gbs"] = copy_ceiling()
        print(f"copy {result['copy_gbs']:.0f} GB/s", flush=True)
    for layout, same in decode_groups(decoding).items():
        try: decode(*layout, same)
        except RuntimeError as x: print(f"  decode {layout}: {str(x)[:200]}", flush=True)
        save()
    for name in dict.fromkeys(kr.case["group"] for kr in kernels.values() if kr.case["shapes"] and kr.case["entry"] != "decode"):
        try: shapes([kr for kr in kernels.values() if kr.case["shapes"] and kr.case["group"] == name])
        except RuntimeError as x: print(f"  {name}: {str(x)[:200]}", flush=True)
        save()
    best = {}
    for t in result["timings"]:
        if "causal" not in t: continue
        key = (t["D"], t["causal"], t["S"])
        best[key] = max(best.get(key, 0), t["ratio"])
    if best: print(f"geometric mean of the best per cell: {math.exp(sum(map(math.log, best.values())) / len(best)):.3f}, worst {min(best.values()):.3f}, cells {len(best)}", flush=True)
save()
