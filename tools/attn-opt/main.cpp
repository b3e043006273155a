//===- main.cpp - attn-opt: IR in, passes, IR out -------------------------===//

#include "attn/InitAll.h"

#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"

/// Linking LLVM drags its code generators' options in; they are not ours to show.
static void hideOptionsRegisteredSoFar() {
  for (auto &entry : llvm::cl::getRegisteredOptions())
    if (entry.first != "help" && entry.first != "version")
      entry.second->setHiddenFlag(llvm::cl::ReallyHidden);
}

int main(int argc, char **argv) {
  hideOptionsRegisteredSoFar();
  mlir::registerAllPasses();
  mlir::attn::registerAllPasses();
  mlir::DialectRegistry registry;
  mlir::attn::registerAllDialects(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "attn-opt\n", registry));
}
