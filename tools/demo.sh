#!/usr/bin/env bash
# Set-up, release build, then every model of examples/models/ and every file of
# examples/mechanisms/: compile to a bundle, check it against the double-precision reference, time
# it. Prints one line for each kernel; the last line is `demo: N of N checked, worst error ratio X`.
#   bash tools/demo.sh [FILE...]              only these inputs
#   ATTN_DEMO_LENGTH=1024 bash tools/demo.sh  query and key length (default 256)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/${ATTN_PRESET:-release}
out=build/demo
length=${ATTN_DEMO_LENGTH:-256}

say() { printf 'demo: %s\n' "$*" >&2; }
must() { "$@" || { say "this failed, and nothing after it can run: $*"; exit 1; }; }

# Compiles one input, then checks and times each bundle that came of it. What attn-run says is kept
# in $out/<name>.log and shown when something fails.
run_one() {
  local file=$1 name dir log start bundles bundle failed=0
  name=$(basename "$(dirname "$file")")/$(basename "$file")
  dir=$out/${name%.*} log=$out/${name%.*}.log
  mkdir -p "$(dirname "$dir")"
  rm -rf "$dir" "$dir".*.json
  start=$EPOCHREALTIME
  if ! "$build/bin/attn-compile" "$file" --target=cpu -o "$dir" >"$log" 2>&1; then
    failed=1
  fi
  compile_s=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')
  mapfile -t bundles < <(find "$dir" -name manifest.json -printf '%h\n' 2>/dev/null | sort)
  [ ${#bundles[@]} = 0 ] && failed=1
  for bundle in "${bundles[@]}"; do
    "$build/bin/attn-run" "$bundle" --check --bench --q-len="$length" --kv-len="$length" \
      --json="$dir.$(basename "$bundle").json" >>"$log" 2>&1 || failed=1
  done
  if [ "$failed" = 1 ]; then
    say "FAILED: $file"
    cat "$log" >&2
  fi
  printf '%s\t%s\t%s\t%s\n' "$file" "$failed" "$compile_s" "$dir" >>"$out/runs.tsv"
}

must bash tools/setup.sh >&2
must cmake --preset "$(basename "$build")" --log-level=WARNING >&2
say "building $build (from nothing this takes some minutes)"
must cmake --build "$build" --target attn-compile attn-run >&2

inputs=("$@")
[ $# = 0 ] && inputs=(examples/models/*.json examples/mechanisms/*.mlir)
mkdir -p "$out"
: >"$out/runs.tsv"
for i in "${!inputs[@]}"; do
  say "[$((i + 1))/${#inputs[@]}] ${inputs[$i]}"
  run_one "${inputs[$i]}"
done
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" tools/demo_table.py "$out/runs.tsv"
