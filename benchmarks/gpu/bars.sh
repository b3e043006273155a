#!/usr/bin/env bash
# Every bar of docs/Performance.md on a GPU in one run.
#   bars.sh build COMPILER FOLDER      compiles all kernels into FOLDER; needs no GPU
#   bars.sh measure FOLDER RESULTS     on the GPU machine (driver and PyTorch): ceilings, cuDNN, FlashAttention-2, FlexAttention and
#                                      these kernels on the same tensors, a JSON file per part
#   bars.sh check FOLDER RESULTS       on the GPU machine: against float64, random cases, equal bits, compute-sanitizer
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { sed -n '3,6s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 1; }
[ $# -eq 3 ] || usage

build() { # compiler, folder
  make() { python3 "$here/make_bundles.py" "$compiler" "$folder/$1" "${@:2}"; }
  local compiler=$1 folder=$2
  mkdir -p "$folder"
  make cells '^bench_d(64|128|256)_(causal|full)(_exact)?$'
  make decode '^decode_(gqa|mqa)$'
  make shapes '^shape_(32_8|16_8|8_8|8_4|mla|d[0-9_]+)$'
  make check '^(?!bench|shape|decode_[a-z]*qa_k)'
  make portable '^bench_d(64|128|256)_(causal|full)$' sm_80
  make portable_check '^(?!bench|shape|decode_[a-z]*qa_k)' sm_80
  python3 "$here/latent_bundles.py" "$compiler" "$folder/latent"
  python3 "$here/build_cases.py" "$compiler" "$folder/scores" planned
  python3 "$here/build_cases.py" "$compiler" "$folder/random" random:80 operands:40 edges
  python3 "$here/build_cases.py" "$compiler" "$folder/strict" strict random:16 operands:8
  python3 "$here/entry_bundles.py" "$compiler" "$folder/entries"
  cp "$(dirname "$compiler")/attn-run" "$folder"
}

part() { # name, command...: runs on when one part fails, and remembers it
  local start=$SECONDS name=$1
  "${@:2}" || failed+=" $name"
  echo "-- $name: $((SECONDS - start)) s"
}

# A tool of compute-sanitizer around the kernels of `random`, six programs side by side, a share of the kernels each.
sanitized() { # tool
  local share pids=() bad=0
  for share in 0 1 2 3 4 5; do
    compute-sanitizer --tool "$1" --error-exitcode 1 python3 "$here/card_tests.py" "$folder/random" --part sanitize --seconds 60 --share $share/6 &
    pids+=($!)
  done
  for share in "${pids[@]}"; do wait "$share" || bad=1; done
  return $bad
}

time_of() { part "$1" python3 "$here/check_and_time.py" "$folder/$1" --nocheck --rounds 3 --json "$results/$1.json" "${@:2}"; }

measure() { # folder, results
  local folder=$1 results=$2
  time_of cells
  time_of decode --cool 0.03
  time_of shapes
  part proportion python3 "$here/proportion.py" "$folder/shapes" --json "$results/proportion.json"
  time_of portable --flash
  part latent python3 "$here/latent.py" "$folder/latent" --nocheck --json "$results/latent.json"
  part scores python3 "$here/peers.py" "$folder/scores" --json "$results/scores.json"
}

check() { # folder, results
  local folder=$1 results=$2
  part check python3 "$here/check_and_time.py" "$folder/check" --spoil --nobench --repeats 1000 --json "$results/check.json"
  part portable python3 "$here/check_and_time.py" "$folder/portable_check" --spoil --nobench --json "$results/portable_check.json"
  part latent python3 "$here/latent.py" "$folder/latent" --nobench --json "$results/latent_check.json"
  part random python3 "$here/card_tests.py" "$folder/random" --part random,large,repeats --lengths 8 --json "$results/random.json"
  part strict python3 "$here/card_tests.py" "$folder/strict" --part random,nan --lengths 4 --json "$results/strict.json"
  entries() { python3 "$here/check_entries.py" "$folder/entries" --attn-run "$folder/attn-run" "$@"; }
  part entries entries --only='(?<!-layer)\.bundle$'
  part layers entries --only='-layer\.bundle$' --q-len=5 --kv-len=9
  for tool in memcheck racecheck; do part $tool sanitized $tool; done
}

failed=
case $1 in
build) build "$2" "$3" ;;
measure | check) mkdir -p "$3" && "$@" ;;
*) usage ;;
esac
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
