#!/usr/bin/env python3
"""On the GPU machine: kernels of build_cases.py against float64. `card_tests.py FOLDER [--only REGEX] [--part …] [--json FILE]`.

nan         random with NaN in some keys and values (promise 3; of strict kernels)
random      every case on several random lengths, batches, layouts, data; outputs poisoned, memory between rows filled with NaN, equal bits twice
large       keys and values of more than 2^31 elements, sampled rows
repeats     1000 launches with equal bits; kernels named hazard_* have 65536 keys, since weights in registers of a matrix product must not
            be overwritten while it runs
sanitize    small shapes for compute-sanitizer (run it around this program), kernels in random order for --seconds; --share=2/6 takes every
            sixth kernel from the third on, for programs side by side (most of a tool's time is the processor's)
Exit code 1 when something is wrong.
"""
import argparse, json, random, re, sys, time

import card, torch
from card import dev

ap = argparse.ArgumentParser()
ap.add_argument("folder")
ap.add_argument("--only", default=".")
ap.add_argument("--part", default="random")
ap.add_argument("--lengths", type=int, default=5)
ap.add_argument("--seconds", type=float, default=1e9)
ap.add_argument("--share", default="0/1")
ap.add_argument("--json", default="")
A = ap.parse_args()
cases = {n: c for n, c in card.load(A.folder).items() if re.search(A.only, n)}
KINDS = {"i8": torch.int8, "i32": torch.int32, "i64": torch.int64}


def padded(shape, dtype, order, rng):
    """-> memory full of NaN and the cut of it that is the tensor, with gaps behind rows and heads. `order` 1: [batch][sequence][head][size]."""
    B, H, S, D = shape
    gap, more = 8 * rng.randrange(3), rng.randrange(2)
    memory = torch.full((B, S + more, H, D + gap) if order else (B, H + more, S + more, D + gap), float("nan"), device=dev, dtype=dtype)
    return memory, lambda x: x.transpose(1, 2)[:, :, :S, :D] if order else x[:, :H, :S, :D]


def fill(view, rng, spread=1.0):
    view.copy_(torch.randn(view.shape, device=dev) * spread)
    return view


def document_ids(B, n, dtype, rng):
    """Ascending ids with documents of uneven lengths; sometimes in any order, or beyond 32 bits."""
    ids, kind = torch.cumsum(torch.rand(B, n, device=dev) < rng.choice([0.002, 0.01, 0.1]), 1), rng.randrange(8)
    if kind == 0: ids = torch.randint(0, 3, (B, n), device=dev)
    if kind in (1, 2): ids = torch.randint(-9, 9, (64,), device=dev)[ids % 64]
    if kind == 3 and dtype == torch.int64: ids = (ids - 5) << 40
    return ids.to(dtype)


def operands(c, B, Sq, Sk, rng):
    """Tensors of the mask; axes are 1 where the type says so."""
    out = []
    for i, kind in enumerate(c["operands"]):
        *sizes, element = kind.split("x")
        dtype = KINDS[element]
        first = 1 if sizes[0] == "1" else B
        if len(sizes) == 1: out.append(torch.randint(0, Sk + 2, (first,), device=dev).to(dtype))
        elif len(sizes) == 2: out.append(document_ids(first, Sk, dtype, rng))
        else:
            found = re.search(rf"blocks<(\d+), (\d+), {i}>", c["mask"])
            nq, nk = map(int, found.groups()) if found else (1, 1)
            shape = [1 if s == "1" else n for s, n in zip(sizes, [B, c["heads"], -(-Sq // nq), -(-Sk // nk)])]
            x = (torch.rand(shape, device=dev) < 0.7)
            if rng.randrange(2): x &= torch.rand(*shape[:3], 1, device=dev) < 0.9
            out.append(x.to(dtype))
    return out


def see_prefix(lengths, b, k):
    return k < lengths[b if lengths.shape[0] > 1 else 0].long()


def see_document(ids, b, q, k):
    ids = ids[b if ids.shape[0] > 1 else 0].long()
    n = ids.shape[0]
    if n == 0: return torch.zeros(q.shape[0], k.shape[1], dtype=torch.bool, device=dev)
    return (q >= 0) & (q < n) & (ids[k[0]][None] == ids[q[:, 0].clamp(0, n - 1)][:, None])


def see_dense(x, b, h, r, k):
    at = lambda axis, i: i if x.shape[axis] > 1 else torch.zeros_like(i)
    plane = x[b if x.shape[0] > 1 else 0, h if x.shape[1] > 1 else 0]
    if plane.numel() == 0: return torch.zeros(r.shape[0], k.shape[1], dtype=torch.bool, device=dev)
    return plane[at(2, r), at(3, k)] != 0


card.EXTRA = dict(see_prefix=see_prefix, see_document=see_document, see_dense=see_dense)


def lengths(rng, number):
    fixed = [(1, 1, 1), (2, 64, 0), (1, 0, 64), (1, 300, 100)]
    if number == 0: return rng.choice(fixed)
    top = rng.choice([140, 400, 1100])
    Sk = rng.randrange(1, top)
    Sq = rng.choice([Sk, rng.randrange(1, top), rng.randrange(1, Sk + 1), 1])
    return rng.randrange(1, 4), Sq, Sk


def one(c, number, shape=None, bad=False):
    """-> what is wrong, or "", and the relative error. `bad`: some key and value rows are NaN; rows that do not see them must not notice."""
    rng = random.Random(c.get("seed", 0) * 100 + number)
    torch.manual_seed(rng.randrange(1 << 30))
    B, Sq, Sk = shape or lengths(rng, number)
    dtype = getattr(torch, c["dtype"])
    keep, cuts = zip(*(padded((B, H, S, D), dtype, rng.randrange(2), rng) for H, S, D in (
        (c["q_heads"], Sq, c["D"]), (c["k_heads"], Sk, c["D"]), (c["v_heads"], Sk, c["Dv"]), (c["heads"], Sq, c["Dv"]))))
    q, k, v, out = (cut(memory) for cut, memory in zip(cuts, keep))
    fill(q, rng, rng.choice([1, 1, 3])), fill(k, rng), fill(v, rng)
    bad_key, bad_values = (rng.randrange(Sk), sorted(rng.randrange(Sk) for _ in range(3))) if bad and Sk else (None, [])
    clean_k, clean_v = k.clone(), v.clone()
    for j in bad_values: v[:, :, j] = float("nan"); clean_v[:, :, j] = 0
    if bad_values: k[:, :, bad_key] = float("nan"); clean_k[:, :, bad_key] = 0
    lse = torch.full((B, c["heads"], Sq), float("nan"), device=dev)
    m = operands(c, B, Sq, Sk, rng)
    offset = Sk - Sq
    extra = [*m]
    sinks = torch.randn(c["heads"], device=dev) * 3 if c["sinks"] else None
    if c["sinks"]: extra.append(sinks)
    if c["offset"]: offset = rng.choice([0, Sk - Sq, rng.randrange(-40, 400)]); extra.append(torch.tensor(offset))
    before = [x.clone() for x in keep]
    go = card.bind(c, q, k, v, *extra, out, lse)
    go(); card.finish(c["name"])
    first = out.clone()
    go(); card.finish(c["name"])
    where = f"B{B} Sq{Sq} Sk{Sk} offset {offset}"
    bits = lambda x: x.contiguous().view(torch.int16)
    if any(not torch.equal(bits(a), bits(b)) for a, b in zip(keep[:3], before[:3])): return f"{where}: inputs changed", 0
    inside = torch.zeros_like(keep[3], dtype=torch.bool)
    cuts[3](inside)[:] = True
    if not torch.isnan(keep[3][~inside]).all(): return f"{where}: wrote outside of the output", 0
    if not torch.equal(bits(first), bits(out)): return f"{where}: other bits the second time", 0
    if Sq == 0: return "", 0
    want, want_lse = card.reference(c, q, clean_k, clean_v, offset, sinks, m)
    if bad_values:
        rows = torch.arange(Sq, device=dev)
        see = torch.stack([torch.stack([card.visible(c, b, h, rows, Sk, offset, m)[:, [bad_key, *bad_values]] for h in range(c["heads"])]) for b in range(B)])
        spoiled, spoiled_lse = see.any(-1), see[..., 0]
        if not torch.isnan(out[spoiled]).all() or not torch.isnan(lse[spoiled_lse]).all(): return f"{where}: a NaN that rows see did not reach them", 0
        if torch.isnan(out[~spoiled]).any() or torch.isnan(lse[~spoiled_lse]).any(): return f"{where}: a NaN that rows do not see reached them", 0
        out, want = out.clone(), want.clone(); lse = lse.clone()
        out[spoiled], want[spoiled], lse[spoiled_lse] = 0, 0, want_lse[spoiled_lse].float()
    live = ~torch.isinf(want_lse)
    e = card.relative(out, want)
    el = (lse.double() - want_lse)[live].abs().max().item() if live.any() else 0.0
    if not bool((lse[~live] == want_lse[~live].float()).all() and (out[~live] == 0).all()): return f"{where}: a row without keys is not 0 and -inf", e
    if not e < 8e-3 or not el < 2e-2:
        worst = (out.double() - want).abs().nan_to_num(99).amax(-1)
        at = (worst > 0.1).nonzero()
        return f"{where}: error {e:.2e}, lse {el:.2e}, {len(at)} bad rows of {worst.numel()}, first {at[0].tolist() if len(at) else ''}", e
    return "", e


def part_nan():
    """Promise 3: NaN in excluded key and value rows."""
    return part_random(True)


def part_random(bad=False):
    wrong, count, worst, start = 0, 0, 0.0, time.time()
    for n, c in cases.items():
        if c.get("test") != "random": continue
        if time.time() - start > A.seconds: print(f"stopped after {A.seconds} s", flush=True); break
        for number in range(A.lengths):
            try: problem, e = one(c, number + 50 * bad, bad=bad)
            except RuntimeError as x: problem, e = str(x)[:150], 0
            count += 1; worst = max(worst, 0 if problem else e)
            if problem:
                wrong += 1
                if wrong <= 40: print(f"  WRONG {n} [{number}] D{c['D']}/{c['Dv']} heads {c['heads']} {c['dtype']} mask <{c['mask']}> {'score ' if c['score'] else ''}{'sinks ' if c['sinks'] else ''}: {problem}", flush=True)
    print(f"{'nan' if bad else 'random'}: {count - wrong} of {count} right ({len(cases)} kernels), worst error {worst:.2e}", flush=True)
    return wrong, dict(count=count, wrong=wrong, worst=worst)


def part_large():
    """K and V beyond 2^31 elements; rows are sampled."""
    wrong = 0
    for n, c in cases.items():
        if c.get("test") != "large": continue
        B, Sq, Sk = c["sizes"]
        dtype = getattr(torch, c["dtype"])
        k, v = (torch.empty(B, c["k_heads"], Sk, c["D"], device=dev, dtype=dtype).normal_() for _ in range(2))
        q = torch.randn(B, c["q_heads"], Sq, c["D"], device=dev).to(dtype)
        out, lse = torch.full_like(q, float("nan")), torch.empty(B, c["heads"], Sq, device=dev)
        go = card.bind(c, q, k, v, out, lse); go(); card.finish(n)
        rows = torch.cat([torch.arange(2, device=dev), torch.randint(0, Sq, (14,), device=dev)])
        worst, e = 0.0, 0.0
        for h in (0, c["heads"] // 2, c["heads"] - 1):
            one_head = dict(c, heads=1, query_map=[0], key_map=[0], value_map=[0])
            kh, vh = (x[:, m[h]:m[h] + 1] for x, m in ((k, c["key_map"]), (v, c["value_map"])))
            want, want_lse = card.reference(one_head, q[:, h:h + 1], kh, vh, Sk - Sq, rows=rows)
            e = max(e, card.relative(out[:, h:h + 1, rows], want)); worst = max(worst, (lse[:, h:h + 1, rows].double() - want_lse).abs().max().item())
        good = e < 8e-3 and worst < 2e-2
        wrong += not good
        print(f"large {n}: K and V of {k.numel() / 2 ** 31:.2f} x 2^31 elements: error {e:.2e}, lse {worst:.2e} {'' if good else 'WRONG'}", flush=True)
        del k, v, q, out, lse; torch.cuda.empty_cache()
    return wrong, {}


def part_repeats():
    wrong = 0
    for n, c in cases.items():
        if c.get("test") != "repeats": continue
        B, Sq, Sk, count = *c["sizes"], c["count"]
        dtype = getattr(torch, c["dtype"])
        r = lambda heads, rows, size: torch.randn(B, heads, rows, size, device=dev).to(dtype)
        q, k, v = r(c["q_heads"], Sq, c["D"]), r(c["k_heads"], Sk, c["D"]), r(c["v_heads"], Sk, c["Dv"])
        out, lse = torch.full((B, c["heads"], Sq, c["Dv"]), float("nan"), device=dev, dtype=dtype), torch.empty(B, c["heads"], Sq, device=dev)
        go = card.bind(c, q, k, v, out, lse); go(); card.finish(n)
        rows = torch.randint(0, Sq, (64,), device=dev)
        want, want_lse = card.reference(c, q, k, v, Sk - Sq, rows=rows)
        e = card.relative(out[:, :, rows], want)
        first, first_lse, differ = out.clone(), lse.clone(), torch.zeros((), device=dev, dtype=torch.int64)
        for _ in range(count):
            go(); differ += (out.view(torch.int16) != first.view(torch.int16)).any() | (lse.view(torch.int32) != first_lse.view(torch.int32)).any()
        card.finish(n, 60)
        good = e < 8e-3 and differ.item() == 0
        wrong += not good
        print(f"repeats {n}: {differ.item()} of {count} launches differ, error {e:.2e} {'' if good else 'WRONG'}", flush=True)
    return wrong, {}


def part_sanitize():
    wrong, done, start = 0, 0, time.time()
    names = [n for n, c in cases.items() if c.get("test") in ("random", "repeats")]
    first, step = map(int, A.share.split("/"))
    names = names[first::step]
    for n in random.sample(names, len(names)):
        if time.time() - start > A.seconds: break
        done += 1
        for shape in ((1, 70, 150), (2, 1, 33)):
            problem, _ = one(cases[n], 1, shape)
            wrong += bool(problem)
            if problem: print(f"sanitize {n}: {problem}", flush=True)
    print(f"sanitize: {done} of {len(names)} kernels, {wrong} wrong", flush=True)
    return wrong, dict(kernels=done)


failed, record = 0, dict(card.facts())
PARTS = dict(nan=part_nan, random=part_random, large=part_large, repeats=part_repeats, sanitize=part_sanitize)
for part in A.part.split(","):
    bad, facts = PARTS[part]()
    failed += bad
    record[part] = dict(facts, wrong=bad)
    if A.json: json.dump(record, open(A.json, "w"), indent=1)
sys.exit(failed > 0)
