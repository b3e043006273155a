//===- embed.cpp - a compiler that embeds the attn dialect and pipelines ---===//
//
// Reads a spec, runs the pipeline up to planned attention as a library call,
// and prints the module.

#include "attn/IR/AttnDialect.h"
#include "attn/InitAll.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Target/CPU/CPUTarget.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry registry;
  attn::registerAllDialects(registry);
  attn::registerCPUTarget();
  MLIRContext context(registry);
  if (argc != 2)
    return 1;
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  PassManager pm(&context);
  attn::buildElaboration(pm, {"prefill"});
  attn::buildPlanning(pm, "cpu");
  if (failed(pm.run(*module)))
    return 1;
  llvm::outs() << *module;
  return 0;
}
