"""size.py SOURCE_DIR FILE.ll FUNCTIONS INSTRUCTIONS: fails when the file has more."""
import sys

sys.path.insert(0, f"{sys.argv[1]}/benchmarks")
sys.dont_write_bytecode = True
import compile_time

text = open(sys.argv[2]).read()
functions, instructions = text.count("\ndefine "), compile_time.count_ir(text)
if not 0 < functions <= int(sys.argv[3]) or not 0 < instructions <= int(sys.argv[4]):
    sys.exit(f"expected at most {sys.argv[3]} functions and {sys.argv[4]} instructions, found {functions} and {instructions}")
