#!/usr/bin/env bash
# Everything a change must pass: set-up, release build, lit and GoogleTest (with the package
# consumer and the plug-in test among them), format. The last line is `N passed, N failed`
# (`, N skipped` may follow); the exit code is not 0 when anything failed.
#   ATTN_PRESET=dev bash tools/check.sh     checks another preset's build
#   ATTN_CHECK_AGAIN=1 bash tools/check.sh  runs the tests although nothing changed since they passed
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${ATTN_PRESET:-release}
build=build/$preset
passed=0 failed=0 skipped=0
SECONDS=0

say() { printf 'check: [%3d s] %s\n' "$SECONDS" "$*"; }

finish() {
  say "finished"
  local line="$passed passed, $failed failed"
  [ "$skipped" -gt 0 ] && line+=", $skipped skipped"
  echo "$line"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}

# A step that everything after it needs.
must() {
  "$@" && return
  echo "check: this failed, and nothing after it can run: $*"
  failed=$((failed + 1))
  finish
}

configure() {
  mkdir -p build
  cmake --preset "$preset" >"build/configure-$preset.log"
}

# Everything a test can depend on: this folder, what was built, the compiler and the processor.
fingerprint() {
  {
    find . \( -path ./build -o -path ./.git -o -name __pycache__ \) -prune -o -type f -print0
    find "$build/bin" "$build/lib" "$build/test/lib" "$build/test/unit" -type f -executable -print0
  } | sort -z | xargs -0 sha256sum
  dpkg-query -W 'libllvm22*' 'libmlir*' 'mlir-22*' 'clang-22*' 'libomp*' 2>/dev/null
  sed -n '/^flags/{p;q}' /proc/cpuinfo
}

run_tests() {
  local results=$build/test/results.json python=/usr/bin/python3 print lit counts
  [ -x "$python" ] || python=python3
  print=$(fingerprint | sha256sum)
  if [ "${ATTN_CHECK_AGAIN:-0}" = 0 ] && [ "$(cat "$build/test/passed" 2>/dev/null)" = "$print" ]; then
    say "nothing has changed since all tests passed on $(date -r "$build/test/passed" '+%F %T');"
    say "counting that run (ATTN_CHECK_AGAIN=1 runs them again)"
  else
    rm -f "$results" "$build/test/passed"
    lit=$(sed -n 's/^ATTN_LIT:[A-Z]*=//p' "$build/CMakeCache.txt")
    "$python" "$lit" -s -v --timeout 600 -o "$results" "$build/test" && echo "$print" >"$build/test/passed"
  fi
  counts=$("$python" tools/count_results.py "$results") || counts="0 1 0"
  read -r p f s <<<"$counts"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

check_format() {
  local format files
  format=$(command -v clang-format-22 || command -v clang-format)
  mapfile -d '' files < <(find dialects include lib tools test examples benchmarks cmake \
    \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 2>/dev/null)
  if printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$(nproc)" "$format" --dry-run -Werror; then
    passed=$((passed + 1))
  else
    echo "check: some sources are not formatted; run: $format -i <file>"
    failed=$((failed + 1))
  fi
}

say "set-up"
must bash tools/setup.sh
say "configuring $build"
must configure
say "building (from nothing this takes some minutes)"
must cmake --build "$build"
say "format"
check_format
say "tests"
run_tests
finish
