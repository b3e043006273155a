#!/usr/bin/env bash
# Set-up, release build, then every model of examples/models/ and every file of
# examples/mechanisms/: compile to a bundle, check it against the double-precision reference, time
# it. Prints one line for each kernel; the last line is `demo: N of N checked, worst error ratio X`.
#   bash tools/demo.sh [FILE...]              only these inputs
#   ATTN_DEMO_LENGTH=1024 bash tools/demo.sh  number of keys, and of prefill's queries (default 256)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/${ATTN_PRESET:-release}
out=build/demo
length=${ATTN_DEMO_LENGTH:-256}

say() { printf 'demo: %s\n' "$*" >&2; }
must() { "$@" || { say "this failed, and nothing after it can run: $*"; exit 1; }; }

configure() { cmake --preset "$(basename "$build")" >"$out/configure.log"; }

# Compiles one input, then checks and times its bundle. What the programs say is kept beside the
# bundle and shown when one of them fails.
run_one() {
  local file=$1 bundle start failed=0
  bundle=$out/$(basename "$(dirname "$file")")-$(basename "${file%.*}")
  rm -rf "$bundle" "$bundle.json" "$bundle.log"
  start=$EPOCHREALTIME
  "$build/bin/attn-compile" "$file" --target=cpu -o "$bundle" >"$bundle.log" 2>&1 || failed=1
  compile_s=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')
  if [ "$failed" = 0 ]; then
    "$build/bin/attn-run" "$bundle" --check --bench --kv-len="$length" --json="$bundle.json" \
      >>"$bundle.log" 2>&1 || failed=1
  fi
  if [ "$failed" = 1 ]; then
    say "FAILED: $file"
    cat "$bundle.log" >&2
  fi
  printf '%s\t%s\t%s\t%s\n' "$file" "$failed" "$compile_s" "$bundle.json" >>"$out/runs.tsv"
}

mkdir -p "$out"
must bash tools/setup.sh >&2
must configure
say "building $build (from nothing this takes some minutes)"
must cmake --build "$build" --target attn-compile attn-run >&2

inputs=("$@")
[ $# = 0 ] && inputs=(examples/models/*.json examples/mechanisms/*.mlir)
: >"$out/runs.tsv"
for i in "${!inputs[@]}"; do
  say "[$((i + 1))/${#inputs[@]}] ${inputs[$i]}"
  run_one "${inputs[$i]}"
done
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" tools/demo_table.py "$out/runs.tsv"
