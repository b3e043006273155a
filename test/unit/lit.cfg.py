# ===- lit.cfg.py - GoogleTest programs, each test counted on its own ---===#
import os

import lit.formats

config.name = "Attn-Unit"
config.test_format = lit.formats.GoogleTest(".", "Tests")
config.suffixes = []
config.test_source_root = config.test_exec_root = os.path.join(config.attn_build_dir, "test", "unit")
for name in ["HOME", "ASAN_OPTIONS", "OMP_NUM_THREADS"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]
