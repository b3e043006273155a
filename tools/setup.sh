#!/usr/bin/env bash
# Installs what building and testing needs and is missing, from the distribution's packages
# (Debian 12). Says what and why first; does nothing when all is there. Works as root or through
# sudo; where neither is possible it prints the command and stops with exit code 1.
#   bash tools/setup.sh                also what the preset asan needs with --sanitizers
set -euo pipefail

# package, and why it is needed
needed=(
  "cmake|configures the build"
  "ninja-build|runs the build"
  "python3|runs lit and prints tables"
  "python3-psutil|lets lit stop a test that hangs"
  "clang-22|the compiler"
  "lld-22|the linker, also used for compiled kernels"
  "llvm-22-dev|LLVM headers and libLLVM"
  "libmlir-22-dev|MLIR headers and libMLIR"
  "mlir-22-tools|mlir-tblgen, and mlir-opt for the plug-in test"
  "llvm-22-tools|lit, FileCheck and not, for the tests"
  "libomp-22-dev|OpenMP, the threads of CPU kernels"
  "clang-format-22|the format check"
  "libgtest-dev|GoogleTest, for the unit tests"
)

# where the machine is an x86-64: kernels for other processors run in an emulator
emulators=(
  "qemu-user|the emulator, for tests of other processors"
  "libc6-dev-arm64-cross|a C library for emulated AArch64 programs"
  "libgcc-12-dev-arm64-cross|what the compiler's AArch64 code calls"
)

# only with --sanitizers
sanitizers="libclang-rt-22-dev|the sanitizers' runtime, for the preset asan"

say() { printf 'setup: %s\n' "$*"; }

case "${1-}" in
"") ;;
--sanitizers) needed+=("$sanitizers") ;;
*)
  say "expected no argument or --sanitizers, found '$1'"
  exit 1
  ;;
esac

[ "$(uname -m)" = x86_64 ] && needed+=("${emulators[@]}")

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Fills `missing` with packages and `reasons` with a line for each.
find_missing() {
  missing=() reasons=()
  local entry package
  for entry in "${needed[@]}"; do
    package=${entry%%|*}
    is_installed "$package" && continue
    missing+=("$package")
    reasons+=("$(printf '  %-16s %s' "$package" "${entry#*|}")")
  done
}

# How to become root: nothing, sudo, or not at all.
find_privilege() {
  if [ "$(id -u)" = 0 ]; then
    as_root=()
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
  else
    return 1
  fi
}

has_candidate() {
  local candidate
  candidate=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p')
  [ -n "$candidate" ] && [ "$candidate" != "(none)" ]
}

# LLVM 22 reaches Debian 12 through its security archive, which a minimal installation may lack.
# It lies beside the main archive of every mirror, so its address follows from the one configured.
add_security_archive() {
  local list=/etc/apt/sources.list.d/bookworm-security.list mirror
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/*$') || {
    say "expected a configured Debian archive, found none; add one to /etc/apt/sources.list"
    return 1
  }
  mirror=${mirror%/}-security
  say "LLVM 22 is in Debian 12's security archive, which is not enabled; enabling it in $list"
  echo "deb $mirror bookworm-security main" | "${as_root[@]}" tee "$list" >/dev/null
  "${as_root[@]}" apt-get update -qq
}

install_missing() {
  "${as_root[@]}" apt-get update -qq
  has_candidate llvm-22-dev || add_security_archive
  local package
  for package in "${missing[@]}"; do
    has_candidate "$package" && continue
    say "expected a package $package in the enabled archives, found none."
    say "Debian 12 with its security archive has it; other systems: install LLVM and MLIR 22.1 yourself"
    return 1
  done
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}"
}

if ! command -v dpkg-query >/dev/null; then
  say "expected a Debian-like system (dpkg), found none; install these yourself, then build with cmake:"
  printf '  %s\n' "${needed[@]//|/: }"
  exit 1
fi
find_missing
if [ ${#missing[@]} = 0 ]; then
  say "everything needed is installed"
  exit 0
fi
say "missing from this machine, to be installed from the distribution's packages:"
printf '%s\n' "${reasons[@]}"
if ! find_privilege; then
  say "this needs root, and neither root nor sudo is available here. Run as root:"
  echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  exit 1
fi
install_missing
find_missing
if [ ${#missing[@]} != 0 ]; then
  say "still missing after the installation: ${missing[*]}"
  exit 1
fi
say "done"
