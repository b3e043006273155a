"""Random attention cases, and the edge cases of the design, for card_tests.py. Needs no GPU."""
import random

from spec import alibi, case, softcap

SIZES = [8, 16, 24, 32, 40, 48, 64, 64, 64, 72, 80, 96, 104, 112, 128, 128, 128, 160, 184, 192, 224, 256]


def word(rng, heads, operands):
    """-> (mask, visible, binds): one word of the mask algebra and the same for PyTorch. New operands are appended."""
    n = rng.choice([1, 2, 7, 31, 64, 100, 129, 300, 700])
    other = rng.choice([1, 3, 50, 150, 400])
    def operand(kind, text, see):
        operands.append(kind)
        return text.format(i=len(operands) - 1), see.format(i=len(operands) - 1)
    table = [rng.randrange(2) for _ in range(heads)]
    choices = [lambda: ("causal", "(k <= q)")] * 4 + [
        lambda: (f"window<{n}>", f"(k > q - {n})"),
        lambda: (f"window<{n}, {other}>", f"((k > q - {n}) & (k < q + {other}))"),
        lambda: (f"sink<{n}>", f"(k < {n})"), lambda: (f"prefix<{n}>", f"(k < {n})"),
        lambda: (f"chunk<{n}>", f"(torch.div(k, {n}, rounding_mode='floor') == torch.div(q, {n}, rounding_mode='floor'))"),
        lambda: (f"stride<{n}>", f"((k == q) | ((k + 1) % {n} == 0))"),
        lambda: (f"per_head<[causal, causal and window<{n}>], {table}>", f"((k <= q) & (k > q - (1 << 30 if {table}[h] == 0 else {n})))"),
        lambda: ("all", "(k >= 0)")]
    if operands is not None:
        axis = lambda full: rng.choice([full, full, "1"])
        one_or_all = "x".join([axis("?"), axis(str(heads)), axis("?"), axis("?")])
        choices += [
            lambda: operand(f"{axis('?')}xi32", "prefix_length<{i}>", "see_prefix(m[{i}], b, k)"), lambda: operand("?xi64", "prefix_length<{i}>", "see_prefix(m[{i}], b, k)"),
            lambda: operand(f"{axis('?')}x?xi32", "document<{i}>", "see_document(m[{i}], b, q, k)"), lambda: operand("?x?xi64", "document<{i}>", "see_document(m[{i}], b, q, k)"),
            lambda: operand(f"{one_or_all}xi8", "dense<{i}>", "see_dense(m[{i}], b, h, r, k)"),
            lambda: operand(f"{one_or_all}xi32", f"blocks<{n}, {other}, {{i}}>", f"see_dense(m[{{i}}], b, h, torch.div(r, {n}, rounding_mode='floor'), torch.div(k, {other}, rounding_mode='floor'))")]
    return rng.choice(choices)()


def mask(rng, heads, with_operands):
    operands = [] if with_operands else None
    def tree(depth):
        kind = rng.randrange(8) if depth else 0
        if kind < 4: return word(rng, heads, operands)
        if kind == 4:
            inner, see = tree(depth - 1)
            return f"not ({inner})", f"~{see}"
        parts = [tree(depth - 1) for _ in range(2)]
        return f" {'and' if kind < 7 else 'or'} ".join(f"({p})" for p, _ in parts), "(" + (" & " if kind < 7 else " | ").join(s for _, s in parts) + ")"
    while True:
        if operands: operands.clear()
        text, see = tree(rng.choice([0, 1, 1, 2]))
        if not with_operands or operands: break
    return text, see, operands or []


def score(rng, heads):
    kind = rng.randrange(6)
    if kind == 0: return softcap(rng.choice([5, 20, 50]))
    if kind == 1: return alibi(heads)
    if kind == 2:
        return ("%c = arith.constant 0.5 : f32 %y = arith.mulf %x, %x : f32 %z = arith.mulf %y, %c : f32 attn.yield %z : f32", "s * s * 0.5")
    if kind == 3:
        return ("%d = arith.subi %qp, %kp : index %i = arith.index_cast %d : index to i32 %f = arith.sitofp %i : i32 to f32 %c = arith.constant -0.02 : f32 "
                "%e = arith.mulf %f, %c : f32 %a = math.absf %e : f32 %n = arith.negf %a : f32 %g = math.exp %n : f32 %z = arith.mulf %x, %g : f32 attn.yield %z : f32",
                "s * torch.exp(-(0.02 * (q - k)).abs().double())")
    if kind == 4:
        return ("%c = arith.constant 3 : index %m = arith.remui %kp, %c : index %i = arith.index_cast %m : index to i32 %f = arith.sitofp %i : i32 to f32 "
                "%z = arith.subf %x, %f : f32 attn.yield %z : f32", "s - k % 3")
    return ("%one = arith.constant 1.0 : f32 %two = arith.constant 2.0 : f32 %p = arith.addf %x, %one : f32 %z = arith.divf %p, %two : f32 %w = arith.subf %two, %z : f32 "
            "attn.yield %w : f32", "2 - (s + 1) / 2")


def random_case(rng, name, with_operands):
    D = rng.choice(SIZES)
    Dv = D if rng.randrange(3) else rng.choice(SIZES)
    Hk = rng.choice([1, 1, 2, 3, 4])
    H = Hk * rng.choice([1, 1, 2, 3, 5, 8]) if rng.randrange(4) else rng.randrange(1, 7)
    maps = None
    heads, Hq, Hv = H, H, Hk
    if H % Hk or rng.randrange(5) == 0:
        Hq, Hv = rng.randrange(1, 5), rng.randrange(1, 4)
        heads = rng.randrange(max(Hq, Hk, Hv), 9)
        maps = tuple([*range(n), *(rng.randrange(n) for _ in range(heads - n))] for n in (Hq, Hk, Hv))
        for m in maps: rng.shuffle(m)
    text, see, operands = mask(rng, heads, with_operands) if with_operands or rng.randrange(6) else ("", "", [])
    region, program = score(rng, heads) if rng.randrange(3) == 0 else ("", "")
    return case(name, Hq, Hk, D, Dv, Hv, mask=text, visible=see, operands=operands, region=region, score=program, maps=maps,
                dtype=rng.choice(["bfloat16", "bfloat16", "float16"]), sinks=rng.randrange(5) == 0, offset=rng.randrange(4) == 0,
                scale=rng.choice([None, None, None, 0.05, -0.1, 1.0 / 16]), test="random", seed=rng.randrange(1 << 30))


def documents(rng, name, number):
    """Masks with documents, whose key ranges the kernel finds from the ids."""
    kinds = [("causal and document<0>", "(k <= q) & see_document(m[0], b, q, k)"), ("document<0>", "see_document(m[0], b, q, k)"),
             ("document<0> or sink<4>", "see_document(m[0], b, q, k) | (k < 4)"), ("causal and not document<0>", "(k <= q) & ~see_document(m[0], b, q, k)"),
             ("window<300> and document<0>", "(k > q - 300) & see_document(m[0], b, q, k)"),
             ("document<1> and document<0>", "see_document(m[1], b, q, k) & see_document(m[0], b, q, k)"),
             ("per_head<[causal, causal and document<0>], [0, 1, 1, 0]>", "(k <= q) & (see_document(m[0], b, q, k) if h in (1, 2) else (k >= 0))")]
    text, see = kinds[number % len(kinds)]
    operands = [f"{rng.choice(['?', '?', '1'])}x?x{rng.choice(['i32', 'i64'])}" for _ in range(2 if "<1>" in text else 1)]
    return case(name, 4, 2, rng.choice([40, 64, 128, 256]), mask=text, visible=see, operands=operands, dtype=rng.choice(["bfloat16", "bfloat16", "float16"]),
                offset=rng.randrange(3) == 0, test="random", seed=rng.randrange(1 << 30))


def edges():
    """Fixed cases: more than 2^31 elements, equal bits, long sums for the register hazard of weights that a product reads."""
    C = dict(mask="causal", visible="k <= q")
    out = [case("large_causal", 64, 64, 128, test="large", sizes=[1, 192, 300000], **C),
           case("large_group", 64, 8, 128, test="large", sizes=[8, 64, 280000])]
    for i, (H, Hk, D, more) in enumerate(((8, 8, 64, {}), (8, 2, 128, C), (4, 4, 256, C), (8, 8, 16, {}), (8, 8, 96, C), (4, 4, 192, dict(Dv=128, **C)))):
        out.append(case(f"repeats_{i}", H, Hk, D, test="repeats", sizes=[1, 1500, 1500], count=1000, **more))
    for i, (H, D, more) in enumerate(((8, 64, {}), (8, 128, {}), (8, 128, C), (4, 256, {}))):
        out.append(case(f"hazard_{i}", H, H, D, test="repeats", sizes=[1, 1024, 65536], count=100, **more))
    return out


def cases(what):
    """`random:N[:SEED]`: masks without operands. `operands:N[:SEED]`: with. `documents:N[:SEED]`, `edges`: see above."""
    if what == "edges": return edges()
    kind, count, *seed = what.split(":")
    rng = random.Random(what)
    if kind == "documents": return [documents(rng, f"documents_{i}", i) for i in range(int(count))]
    assert kind in ("random", "operands"), what
    return [random_case(rng, f"{kind}_{i}", kind == "operands") for i in range(int(count))]
