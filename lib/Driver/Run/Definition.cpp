//===- Definition.cpp - what the entries of a bundle compute, as IR -------===//

#include "Definition.h"

#include "attn/IR/AttnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::attn;

bool Definition::load(StringRef path, raw_ostream &diagnostics) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer) {
    diagnostics << "error: cannot read '" << path << "': " << buffer.getError().message() << "\n";
    return false;
  }
  DialectRegistry registry;
  registry.insert<AttnDialect, arith::ArithDialect, func::FuncDialect, math::MathDialect,
                  tensor::TensorDialect>();
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, context.get(), diagnostics);
  module = parseSourceFile<ModuleOp>(sources, context.get());
  return static_cast<bool>(module);
}

func::FuncOp Definition::find(StringRef name) { return module->lookupSymbol<func::FuncOp>(name); }
