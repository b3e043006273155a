"""Attention cases for the GPU benchmarks and tests: as IR, and as what PyTorch has to compute for the same.

A case is a dictionary that survives JSON. `visible` and `score` are Python expressions over tensors: positions `q` and `k`,
row `r`, batch entry `b`, head `h` (a number), score `s`, and mask operands `m[0]`, `m[1]`, …
"""
DTYPES = {"bfloat16": "bf16", "float16": "f16"}
REGION = "^bb0(%x: f32, %b: index, %h: index, %qp: index, %kp: index): "


def even(count, heads):
    return [h * heads // count for h in range(count)]


def case(name, H, Hk, D, Dv=None, Hv=None, mask="", visible="", dtype="bfloat16", sinks=False, score="", region="", scale=None,
         schedule="", offset=False, maps=None, operands=(), **more):
    """`operands`: types of the mask's operands, such as "?x?xi32"."""
    Hv = Hk if Hv is None else Hv
    qm, km, vm = maps or (list(range(H)), even(H, Hk), even(H, Hv))
    return dict(name=name, q_heads=H, k_heads=Hk, v_heads=Hv, heads=len(qm), query_map=qm, key_map=km, value_map=vm, maps=bool(maps), D=D,
                Dv=Dv or D, mask=mask, visible=visible, dtype=dtype, sinks=sinks, score=score, region=region,
                scale=D ** -0.5 if scale is None else scale, schedule=schedule, offset=offset, operands=list(operands), **more)


def text(c, function=None):
    """The function that defines the case, under its name or another."""
    element = DTYPES[c["dtype"]]
    tensor = lambda heads, size: f"tensor<?x{heads}x?x{size}x{element}>"
    q, k, v = tensor(c["q_heads"], c["D"]), tensor(c["k_heads"], c["D"]), tensor(c["v_heads"], c["Dv"])
    out, lse = tensor(c["heads"], c["Dv"]), f"tensor<?x{c['heads']}x?xf32>"
    names = [("q", q, "query"), ("k", k, "key"), ("v", v, "value")]
    names += [(f"m{i}", f"tensor<{t}>", f"mask{i}") for i, t in enumerate(c["operands"])]
    if c["sinks"]: names.append(("sinks", f"tensor<{c['heads']}xf32>", "sinks"))
    arguments = [f'%{n}: {t} {{attn.name = "{label}"}}' for n, t, label in names]
    if c["offset"]: arguments.append('%offset: index {attn.name = "offset"}')
    mask = c["mask"] and f"mask(<{c['mask']}>"
    if c["operands"]:
        mask += ", " + ", ".join(f"%m{i}" for i in range(len(c["operands"]))) + " : " + ", ".join(f"tensor<{t}>" for t in c["operands"])
    words = [f"scale({c['scale']!r})", mask and mask + ")",
             c["maps"] and f"heads(query = {c['query_map']}, key = {c['key_map']}, value = {c['value_map']})",
             c["sinks"] and f"sinks(%sinks : tensor<{c['heads']}xf32>)", c["offset"] and "offset(%offset)",
             c["schedule"] and f"schedule<{c['schedule']}>", c["region"] and f"score {{ {REGION}{c['region']} }}"]
    attributes = f' attributes {{attn.entry = "{c["entry"]}"}}' if c.get("entry") else ""
    return f"""func.func @{function or c['name']}({', '.join(arguments)}) -> ({out} {{attn.name = "out"}}, {lse} {{attn.name = "lse"}}){attributes} {{
  %o, %l = attn.attention %q, %k, %v {' '.join(w for w in words if w)} : {q}, {k}, {v} -> {out}, {lse}
  return %o, %l : {out}, {lse}
}}
"""


def schedule(consumers, keys, stages, overlap=1, pingpong=0, order="longest_first"):
    return (f"rows = {64 * consumers}, keys = {keys}, stages = {stages}, roles = specialised, consumers = {consumers}, p_in_registers = 1, "
            f"overlap = {overlap}, pingpong = {pingpong}, persistent = 1, order = {order}")


def softcap(cap):
    """-> (region, score)."""
    return (f"%c = arith.constant {float(cap)} : f32 %i = arith.constant {1 / cap!r} : f32 %y = arith.mulf %x, %i : f32 "
            f"%t = math.tanh %y : f32 %z = arith.mulf %t, %c : f32 attn.yield %z : f32", f"{cap} * torch.tanh(s / {cap})")


def alibi(heads):
    slopes = [2.0 ** (-8 * (h + 1) / heads) for h in range(heads)]
    return (f"%m = attn.lookup %h in {slopes} %d = arith.subi %kp, %qp : index %i = arith.index_cast %d : index to i32 "
            "%f = arith.sitofp %i : i32 to f32 %p = arith.mulf %m, %f : f32 %z = arith.addf %x, %p : f32 attn.yield %z : f32",
            f"s + 2.0 ** (-8 * (h + 1) / {heads}) * (k - q)")
