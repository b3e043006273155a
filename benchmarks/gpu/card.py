"""What the programs on the GPU machine share: calls of our libraries, float64 references, peers, clocks."""
import ctypes as ct, json, os, random, subprocess, time

import torch, torch.nn.functional as F
from torch.nn.attention import sdpa_kernel

dev = "cuda"
EXTRA = {}  # further names that `visible` may use
DTYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float16: 2, torch.int64: 3, torch.int32: 4, torch.int8: 6}


class Tensor(ct.Structure):
    _fields_ = [("data", ct.c_void_p), ("rank", ct.c_int32), ("dtype", ct.c_int32), ("sizes", ct.c_int64 * 4), ("strides", ct.c_int64 * 4)]

    def __init__(self, x):
        super().__init__(x.data_ptr(), x.dim(), DTYPES[x.dtype], (*x.shape, *[1] * (4 - x.dim())), (*x.stride(), *[1] * (4 - x.dim())))


def function_of(library, name):
    """A function of a library of ours; functions of one library share it."""
    function = getattr(ct.CDLL(library), name)
    function.argtypes = [ct.c_void_p, ct.c_int64, ct.c_void_p]
    return function


def load(folder):
    """Cases of a folder of build_cases.py, each with its entry point."""
    cases = json.load(open(f"{folder}/cases.json"))
    for c in cases.values(): c["entry"] = function_of(f"{folder}/{c['library']}", c["name"])
    return cases


def open_bundle(folder, name):
    """The kernel of a bundle of bundles.py, for `bind`."""
    return dict(name=name, entry=function_of(f"{folder}/{name}/lib{name}.so", "attend"))


def bind(c, *tensors):
    """A launch on the current stream; it keeps its tensors alive."""
    args = (Tensor * len(tensors))(*map(Tensor, tensors))
    def go(keep=tensors):
        code = c["entry"](args, len(args), torch.cuda.current_stream().cuda_stream)
        if code: raise RuntimeError(f"{c['name']}: code {code}")
    return go


def finish(name, limit=20, save=lambda: None):
    """Waits; a kernel that hangs ends the program with code 99, after `save`."""
    e = torch.cuda.Event(); e.record(); t = time.time()
    while not e.query():
        if time.time() - t > limit: print(f"{name}: HANGS", flush=True); save(); os._exit(99)
        time.sleep(0.0002)


def visible(c, b, h, rows, keys, offset, m=()):
    """Boolean [rows, keys] of one head; `rows` are row numbers."""
    r, k = rows[:, None], torch.arange(keys, device=dev)[None]
    where = torch.ones(len(rows), keys, dtype=torch.bool, device=dev)
    if not c["visible"]: return where
    value = eval(c["visible"], {"q": r + offset, "r": r, "k": k, "b": b, "h": h, "m": m, "torch": torch, **EXTRA})
    return value & where if torch.is_tensor(value) else where & bool(value)


def reference(c, q, k, v, offset, sinks=None, m=(), rows=None):
    """Output and log-sum-exp in float64 of the given rows (all), head by head. A key that a row does not see is left out, not
    weighted with zero."""
    B, _, Sq, _ = q.shape
    rows = torch.arange(Sq, device=dev) if rows is None else rows
    out = torch.zeros(B, c["heads"], len(rows), c["Dv"], device=dev, dtype=torch.float64)
    lse = torch.full((B, c["heads"], len(rows)), float("-inf"), device=dev, dtype=torch.float64)
    kp = torch.arange(k.shape[2], device=dev)[None]
    for b in range(B):
        for h in range(c["heads"]):
            qh, kh, vh = q[b, c["query_map"][h]][rows].double(), k[b, c["key_map"][h]].double(), v[b, c["value_map"][h]].double()
            s = qh @ kh.T * c["scale"]
            if c["score"]: s = eval(c["score"], {"s": s, "b": b, "h": h, "q": rows[:, None] + offset, "k": kp, "torch": torch})
            see = visible(c, b, h, rows, k.shape[2], offset, m)
            s = s.masked_fill(~see, float("-inf"))
            if sinks is not None: s = torch.cat([s, sinks[h].double().expand(len(rows), 1)], -1)
            if s.shape[-1] == 0: continue
            lse[b, h] = torch.logsumexp(s, -1)
            p = torch.exp(s - lse[b, h][:, None]).nan_to_num(0)[:, :k.shape[2]]
            out[b, h] = p @ vh
    return out, lse


def relative(x, y):
    n = y.double().norm().item()
    return (x.double() - y.double()).norm().item() / (n or 1)


def facts():
    def said(*command):
        try: return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
        except Exception: return ""
    return dict(device=torch.cuda.get_device_name(), driver=said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
                torch=torch.__version__, cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())


def sdpa(backend, q, k, v, causal=False, scale=None):
    """A launch of PyTorch's attention: cuDNN or FlashAttention-2."""
    def go():
        with sdpa_kernel([backend]), torch.no_grad():
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
    return go


def blocks_by_head(see, heads, S):
    """FlexAttention's blocks of a mask that differs by head, made head by head: the dense mask of all of them does not fit."""
    from torch.nn.attention.flex_attention import BlockMask, create_block_mask
    parts = [create_block_mask(lambda b, h, q, k, head=head: see(b, head, q, k), None, None, S, S, device=dev) for head in range(heads)]
    names = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices")
    return BlockMask.from_kv_blocks(*(torch.cat([getattr(part, n) for part in parts], 1) for n in names), mask_mod=see, seq_lengths=(S, S))


def flex(q, k, v, scale, visible, score, tables=None, heads=None):
    """A launch of FlexAttention, compiled. `visible` and `score` are expressions, which may use `T[name]` of `tables`; "" for none. `heads`: of a mask that differs by head."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    S = q.shape[2]
    see = eval("lambda b, h, q, k: " + (visible or "q >= 0"), {"torch": torch, "T": {n: torch.tensor(t, device=dev) for n, t in (tables or {}).items()}})
    score_mod = eval("lambda s, b, h, q, k: " + score, {"torch": torch}) if score else None
    blocks = None if not visible else blocks_by_head(see, heads, S) if heads else create_block_mask(see, None, None, S, S, device=dev)
    run = torch.compile(flex_attention)
    return lambda: run(q, k, v, score_mod=score_mod, block_mask=blocks, scale=scale, enable_gqa=q.shape[1] != k.shape[1])


def captured(f, count):
    """A replay of `count` launches in a graph: the host's launch cost stays out."""
    f(); torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(count): f()
    return graph.replay


def medians(runs, rest, rounds=5, per=3, warm=2, ahead=1, alone=None):
    """Milliseconds per run. `rest`: seconds of idling before each group; 0 keeps the card busy (sustained), unless groups are to
    run `alone`. `warm`: runs before all; `ahead`: untimed runs of each group."""
    alone = rest > 0 if alone is None else alone
    for f in runs.values():
        for _ in range(warm): f()
    times = {n: [] for n in runs}
    for _ in range(rounds):
        for n in random.sample(list(runs), len(runs)):
            if alone: torch.cuda.synchronize(); time.sleep(rest)
            for _ in range(ahead): runs[n]()
            for _ in range(per):
                a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                a.record(); runs[n](); b.record(); times[n].append((a, b))
            if alone: torch.cuda.synchronize()
    torch.cuda.synchronize()
    return {n: sorted(a.elapsed_time(b) for a, b in ev)[len(ev) // 2] for n, ev in times.items()}


def ceilings():
    """Copy in GB/s (bytes read plus written) and a matrix product in TFLOP/s, rested."""
    x = torch.randn(1 << 28, device=dev); y = torch.empty_like(x)
    a, b = (torch.randn(8192, 8192, device=dev, dtype=torch.bfloat16) for _ in range(2))
    ms = medians({"copy": lambda: y.copy_(x), "matmul": lambda: a @ b}, 0.08, 3)
    return dict(copy_gb_per_s=2 * x.nbytes / ms["copy"] / 1e6, matmul_tflops=2 * 8192 ** 3 / ms["matmul"] / 1e9)
