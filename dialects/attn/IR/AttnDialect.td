//===- AttnDialect.td - the attn dialect ------------------------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNDIALECT_TD
#define ATTN_IR_ATTNDIALECT_TD

include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::mlir::attn";
  let summary = "Attention as few orthogonal words: head maps, projections, masks, scores.";
  let description = [{
    The dialect bridges what a model says about its attention (`attn.spec`, and
    the tensor operations a spec is elaborated to) and the tiled loops a target
    lowers (`attn.work`, `attn.stream` and the tile operations inside).

    Two groups of operations live here. The first is the wish, on tensors, with
    no loop and no tile size: `attn.attention` with a head map, a mask, a score
    region and a normaliser, and the token transforms around it (`attn.rope`,
    `attn.norm`, `attn.expand`, ...). The second is the tiled form on memrefs,
    where a schedule has been obeyed: one work item is a tile of query rows of
    one head group, a stream visits its non-empty key tiles, and an online state
    carries the running maximum, the running sum and the accumulator.

    Tensors are logical `[batch][head][sequence][size]` whatever their memory
    layout. Head counts and head sizes are static; batch and sequence lengths
    may be dynamic.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
    /// The version that bytecode carries; see AttnVersion.
    void registerBytecode();
  }];
}

#endif // ATTN_IR_ATTNDIALECT_TD
