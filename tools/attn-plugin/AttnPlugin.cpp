//===- AttnPlugin.cpp - the attn dialect and passes for a stock mlir-opt ---===//
//
//   mlir-opt-22 --load-dialect-plugin=AttnPlugin.so --load-pass-plugin=AttnPlugin.so \
//     --pass-pipeline='builtin.module(attn-elaborate)' input.mlir
//
// Passes of a plug-in are known only inside --pass-pipeline, not as flags of their own.

#include "attn/InitAll.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm-c/Core.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <string>

#ifndef ATTN_PLUGIN_LLVM_VERSION
#define ATTN_PLUGIN_LLVM_VERSION LLVM_VERSION_STRING
#endif

using namespace mlir;

static std::string getHostVersion() {
  unsigned major, minor, patch;
  LLVMGetVersion(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

/// A host compares only the version of the plug-in interface, not that of the classes behind it.
/// Those change from one LLVM to the next, and a mismatch would corrupt memory: refuse instead.
static void requireSameVersion() {
  std::string host = getHostVersion();
  if (host == ATTN_PLUGIN_LLVM_VERSION)
    return;
  llvm::errs() << "error: AttnPlugin was built for LLVM " << ATTN_PLUGIN_LLVM_VERSION
               << ", but this program runs LLVM " << host
               << "; rebuild the plug-in against it, or use mlir-opt of LLVM "
               << ATTN_PLUGIN_LLVM_VERSION << "\n";
  std::exit(1);
}

static void addDialects(DialectRegistry *registry) {
  requireSameVersion();
  attn::registerAllDialects(*registry);
}

static void addPasses() {
  requireSameVersion();
  attn::registerAllPasses();
}

extern "C" DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Attn", ATTN_PLUGIN_LLVM_VERSION, addDialects};
}

extern "C" PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Attn", ATTN_PLUGIN_LLVM_VERSION, addPasses};
}
