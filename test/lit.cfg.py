# ===- lit.cfg.py - how the tests of this project run ---===#
import ctypes
import fcntl
import os
import platform
import re
import shutil

import lit.formats
import lit.llvm
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Attn"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
# Inputs/ holds what tests read; known-issues/ fails on purpose. unit/ is a suite of its own.
config.excludes = ["Inputs", "known-issues", "CMakeLists.txt", "lit.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.attn_build_dir, "test")


def take_turns():
    """Tests write to fixed places in the build folder: a second run in it waits for the first. The file stays open, and so
    locked, as long as this process and those that run its tests live."""
    if hasattr(lit_config, "attn_turn"):
        return
    os.makedirs(config.test_exec_root, exist_ok=True)
    lit_config.attn_turn = open(os.path.join(config.test_exec_root, ".running"), "w")
    try:
        fcntl.flock(lit_config.attn_turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lit_config.note("another run of the tests uses this build folder; waiting for it")
        fcntl.flock(lit_config.attn_turn, fcntl.LOCK_EX)


take_turns()

bin_dir = os.path.join(config.attn_build_dir, "bin")
lib_dir = os.path.join(config.attn_build_dir, "lib")
llvm_config.with_environment("PATH", [bin_dir, config.llvm_tools_dir], append_path=True)
llvm_config.with_environment("CCACHE_SLOPPINESS", "pch_defines,time_macros")
llvm_config.with_system_environment(["HOME", "CCACHE_DIR", "ASAN_OPTIONS", "OMP_NUM_THREADS"])

config.substitutions += [
    ("%source_dir", config.attn_source_dir),
    ("%build_dir", config.attn_build_dir),
    ("%examples", os.path.join(config.attn_source_dir, "examples")),
    ("%attn_include", os.path.join(config.attn_source_dir, "include")),
    ("%attn_plugin", os.path.join(lib_dir, "AttnPlugin.so")),
    ("%cmake", config.cmake_command),
    ("%clangxx", config.cxx_compiler),
    ("%clang", config.c_compiler),
    ("%llvm_lib_dir", config.llvm_lib_dir),
    ("%python", config.python_executable),
    # A driver that executes PTX on the host, and the assembler that packs PTX for it.
    ("%fake_driver", os.path.join(config.attn_build_dir, "test", "driver")),
]
llvm_config.add_tool_substitutions(
    [ToolSubst(name, unresolved="fatal") for name in config.attn_tools.split(";") if name]
    + ["FileCheck", "not", "count", "mlir-opt"],
    [bin_dir, config.llvm_tools_dir],
)


def host_flags():
    """The CPU's feature names as the kernel lists them; empty where it does not."""
    try:
        with open("/proc/cpuinfo") as info:
            found = re.search(r"^flags\s*:(.*)$", info.read(), re.MULTILINE)
            return set(found.group(1).split()) if found else set()
    except OSError:
        return set()


# host-avx2, host-avx512, host-avx512bf16, host-amx: what REQUIRES lines may ask of the machine.
flags = host_flags()
config.available_features.add("host-" + platform.machine().replace("_", "-"))
for feature, needed in {
    "host-avx2": {"avx2", "fma"},
    "host-avx512": {"avx512f", "avx512bw", "avx512vl", "avx512dq"},
    "host-avx512bf16": {"avx512_bf16"},
    "host-amx": {"amx_tile", "amx_bf16"},
}.items():
    if needed <= flags:
        config.available_features.add(feature)
# Machine code for NVIDIA GPUs needs the assembler of a CUDA toolkit.
cuda = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "ptxas")
if shutil.which("ptxas") or os.access(cuda, os.X_OK):
    config.available_features.add("ptxas")
try:
    ctypes.CDLL("libcuda.so.1")
    config.available_features.add("nvidia-driver")
except OSError:
    pass
# Emulators of other processors; the one of AArch64 needs a C library to link with.
if shutil.which("qemu-x86_64"):
    config.available_features.add("qemu-x86_64")
if shutil.which("qemu-aarch64") and os.path.exists("/usr/aarch64-linux-gnu/lib/libc.a"):
    config.available_features.add("qemu-aarch64")
# A bare container has no terminals.
try:
    for end in os.openpty():
        os.close(end)
    config.available_features.add("terminal")
except OSError:
    pass
if config.sanitize:
    config.available_features.add("sanitized")
