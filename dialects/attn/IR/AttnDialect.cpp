//===- AttnDialect.cpp - registration of the attn dialect --------------------===//
#include "attn/IR/AttnDialect.h"
#include "attn/IR/AttnAttrs.h"
#include "attn/IR/AttnOps.h"
#include "attn/IR/AttnTypes.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace mlir::attn;

#include "attn/IR/AttnDialect.cpp.inc"

namespace {
/// Operations of a function may become part of its caller: all name what they read and make.
struct AttnInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const override { return true; }
};
} // namespace

void AttnDialect::initialize() {
  registerAttributes();
  registerTypes();
  registerBytecode();
  addInterfaces<AttnInlinerInterface>();
  addOperations<
#define GET_OP_LIST
#include "attn/IR/AttnOps.cpp.inc"
      >();
}
