//===- Passes.cpp - the passes of the Tiling room ---===//
#include "attn/Tiling/Passes.h"
#include "attn/Tiling/Transforms.h"

namespace mlir::attn {
#define GEN_PASS_DEF_TILEPASS
#define GEN_PASS_DEF_VERIFYTILEDPASS
#include "attn/Tiling/Passes.h.inc"
} // namespace mlir::attn

using namespace mlir;
using namespace mlir::attn;

namespace {

struct TilePass : attn::impl::TilePassBase<TilePass> {
  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (failed(tileFunction(function)))
        return signalPassFailure();
      ++numFunctions;
    }
  }
};

struct VerifyTiledPass : attn::impl::VerifyTiledPassBase<VerifyTiledPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(verifyTiled(getOperation())))
      signalPassFailure();
  }
};

} // namespace
