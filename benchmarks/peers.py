"""Other programs that compute attention, for comparison. None is needed by the product; each is skipped where it is
not installed. A peer is a function (case, threads, timed) -> (rates, note): operations or bytes per second, as the case
counts them, and what was done differently."""
import pathlib, subprocess, sys, tempfile, time


def torch(case, threads, timed):
    """scaled_dot_product_attention on the same memory."""
    import torch
    torch.set_num_threads(threads)
    kinds = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
    tensor = lambda x: torch.from_numpy(x.view(case.np.int16) if x.dtype == case.np.uint16 else x).view(kinds[case.case["dtype"]])
    q, k, v = map(tensor, (case.q, case.k, case.v))
    causal = case.case["causal"] and case.case["q"] > 1
    grouped = case.case["heads"] != case.case["kv_heads"]
    with torch.no_grad():
        times = timed(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=grouped), threads)
    return [case.work() / t for t in times], ""


def expanded(case):
    """Queries, keys and values as float32 with as many key heads as query heads, made outside of the timing."""
    np, group = case.np, case.case["heads"] // case.case["kv_heads"]
    q, k, v = (case.decode(x).astype(np.float32) for x in (case.q, case.k, case.v))
    return q, np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)


def openvino(case, threads, timed):
    """The ScaledDotProductAttention operation on the CPU plug-in. Its threads are its own, so the processor time of the
    process counts for one thread."""
    import openvino as ov
    from openvino import opset13 as op
    c = case.case
    inputs = expanded(case)
    shape = [c["batch"], c["heads"], -1, c["size"]]
    nodes = [op.parameter(shape, ov.Type.f32) for _ in inputs]
    causal = c["causal"] and c["q"] > 1
    model = ov.Model([op.scaled_dot_product_attention(*nodes, causal=causal)], nodes, "attention")
    hint = {"f32": "f32", "bf16": "bf16", "f16": "f16"}[c["dtype"]]
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint})
    request = compiled.create_infer_request()
    clock = time.process_time if threads == 1 else time.perf_counter
    times = timed(lambda: request.infer(list(inputs), share_inputs=True), threads, clock=clock)
    return [case.work() / t for t in times], "key heads repeated beforehand" if c["heads"] != c["kv_heads"] else ""


IREE = """
#query = affine_map<(b, m, n, k1, k2) -> (b, m, k1)>
#key = affine_map<(b, m, n, k1, k2) -> (b, k2, k1)>
#value = affine_map<(b, m, n, k1, k2) -> (b, k2, n)>
#scale = affine_map<(b, m, n, k1, k2) -> ()>
#out = affine_map<(b, m, n, k1, k2) -> (b, m, n)>
func.func @attention(%q: tensor<{h}x{q}x{d}xf32>, %k: tensor<{h}x{k}x{d}xf32>, %v: tensor<{h}x{k}x{d}xf32>) -> tensor<{h}x{q}x{d}xf32> {{
  %empty = tensor.empty() : tensor<{h}x{q}x{d}xf32>
  %s = arith.constant {scale:.9f} : f32
  %o = iree_linalg_ext.attention <{{indexing_maps = [#query, #key, #value, #scale, #out]}}>
      ins(%q, %k, %v, %s : tensor<{h}x{q}x{d}xf32>, tensor<{h}x{k}x{d}xf32>, tensor<{h}x{k}x{d}xf32>, f32)
      outs(%empty : tensor<{h}x{q}x{d}xf32>) {{
    ^bb0(%x: f32):
      iree_linalg_ext.yield %x : f32
  }} -> tensor<{h}x{q}x{d}xf32>
  return %o : tensor<{h}x{q}x{d}xf32>
}}
"""


def iree_compile(source, output):
    program = pathlib.Path(sys.executable).parent / "iree-compile"
    subprocess.run([program, source, "--iree-hal-target-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host",
                    "--iree-opt-level=O3", "-o", output], check=True, capture_output=True)


def iree(case, threads, timed, longest=256):
    """Its attention operation: f32, sizes fixed at compile time, no mask (so the full square counts), at most `longest`
    rows and keys, because it needs seconds for more."""
    import iree.runtime as rt
    c, np = case.case, case.np
    if c["dtype"] != "f32" or c["q"] == 1 or threads != 1:
        return None, "f32 prefill on one thread only"
    rows = min(c["q"], longest)
    with tempfile.TemporaryDirectory() as folder:
        source, output = f"{folder}/a.mlir", f"{folder}/a.vmfb"
        pathlib.Path(source).write_text(IREE.format(h=c["heads"], q=rows, k=rows, d=c["size"], scale=c["size"] ** -0.5))
        iree_compile(source, output)
        config = rt.Config("local-sync")
        context = rt.SystemContext(config=config)
        context.add_vm_module(rt.VmModule.mmap(context.instance, output))
        tensors = [rt.asdevicearray(config.device, np.ascontiguousarray(x[0, :, :rows])) for x in expanded(case)]
        times = timed(lambda: context.modules.module.attention(*tensors), threads, least=2)
    return [4 * c["heads"] * rows * rows * c["size"] / t for t in times], f"{rows} rows and keys, no mask"


ALL = {"torch": torch, "openvino": openvino, "iree": iree}


def measure(name, case, threads, timed):
    """{'best', 'median'} and perhaps 'note'; only 'note' when it could not run."""
    import statistics
    try:
        rates, note = ALL[name](case, threads, timed)
    except ImportError as error:
        return {"note": f"not installed: {error.name}"}
    except Exception as error:  # a peer that fails must not lose the measurements of others
        return {"note": f"failed: {str(error).splitlines()[0][:120] if str(error) else type(error).__name__}"}
    record = {"note": note} if note else {}
    if rates:
        record.update(best=max(rates), median=statistics.median(rates))
    return record
