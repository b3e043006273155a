"""What make_bundles.py and latent_bundles.py share: one bundle per case, and regions that both try. Needs no GPU."""
import json, os, re, subprocess
from concurrent.futures import ThreadPoolExecutor

# Score programs: as IR, and as what PyTorch has to compute for the same.
SOFTCAP = dict(score="30 * torch.tanh(s / 30)",
               region="%c = arith.constant 30.0 : f32 %y = arith.divf %x, %c : f32 %t = math.tanh %y : f32 %z = arith.mulf %t, %c : f32 attn.yield %z : f32")
ALIBI = dict(score="s + 0.25 ** (h + 1) * (k - q)",
             region="%m = attn.lookup %h in [0.25, 0.0625, 0.015625, 0.00390625] %d = arith.subi %kp, %qp : index %i = arith.index_cast %d : index to i32 "
                    "%f = arith.sitofp %i : i32 to f32 %p = arith.mulf %m, %f : f32 %z = arith.addf %x, %p : f32 attn.yield %z : f32")


def compile_all(compiler, folder, cases, sources, only, target="sm_90a"):
    """Compiles the sources whose names match into `folder`, and writes cases.json of those that compile. -> the exit code."""
    os.makedirs(folder, exist_ok=True)

    def build(name):
        source = f"{folder}/{name}.mlir"
        open(source, "w").write(sources[name])
        done = subprocess.run([compiler, source, f"--target={target}", "-o", f"{folder}/{name}"], capture_output=True, text=True)
        os.remove(source)
        if done.stderr: print(f"{name}: {done.stderr.strip()[:900]}", flush=True)
        return done.returncode == 0

    names = [n for n in cases if re.search(only, n)]
    with ThreadPoolExecutor(2) as pool:
        good = dict(zip(names, pool.map(build, names)))
    json.dump({n: cases[n] for n in names if good[n]}, open(f"{folder}/cases.json", "w"), indent=1)
    print(f"{sum(good.values())} of {len(names)} bundles in {folder}")
    return 0 if all(good.values()) else 1
