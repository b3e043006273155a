//===- Passes.td - passes of the Tiling room --------------------*- tablegen -*-===//
#ifndef ATTN_TILING_PASSES_TD
#define ATTN_TILING_PASSES_TD

include "mlir/Pass/PassBase.td"

def TilePass : Pass<"attn-tile", "::mlir::ModuleOp"> {
  let summary = "functions on tensors become tiled loops on memrefs";
  let description = [{
    From state `planned` to state `tiled`. Every function on tensors becomes one on memrefs:

    - a tensor argument becomes `memref<…, strided<[?, …, 1], offset: ?>>`;
    - a returned tensor becomes a trailing destination argument with `attn.output`, into which
      the operation that makes it writes; its result attributes move along;
    - a last argument `i32` with `attn.threads` gives the number of threads, 0 for all;
    - `attn.sizes` on each memref argument names the sizes that must agree: `"s0"` is the same
      number wherever it stands, `"8"` is eight, `">=s1/16"` at least s1/16 rounded up.

    `attn.attention` becomes `attn.work` as its schedule says, `attn.columns` a view, every other
    operation loops over tokens in float32. Intermediate values live in buffers of the function.

    - Assumes: `attn.schedule` on every attention (`attn-plan`), one block per function, and that
      outputs overlap neither each other nor an input.
    - Leaves to others: any choice of tile size; lowering of `attn.work`.
    - Numbers: sums are float32; elements are rounded once, when stored.

    Example: `attn-opt --attn-tile` on

    ```mlir
    module attributes {attn.target = #attn.target<kind = cpu, lanes = 8, vector_registers = 16, fused = 1, l2 = 1048576>} {
      func.func @prefill(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32> {
        %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 16, keys = 120, lanes = 8, register_keys = 6, register_values = 6>
            : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
        return %o : tensor<?x8x?x64xf32>
      }
    }
    ```
  }];
  let statistics = [Statistic<"numFunctions", "functions", "functions tiled">];
  let dependentDialects = ["::mlir::attn::AttnDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def VerifyTiledPass : Pass<"attn-verify-tiled", "::mlir::ModuleOp"> {
  let summary = "checks that the module is in state `tiled`";
  let description = [{
    No tensor is left, no operation of the wish level but `attn.spec`, and every `attn.work` obeys a
    schedule with positive tile sizes. Changes nothing.

    Example: `attn-opt --attn-tile --attn-verify-tiled` on

    ```mlir
    module attributes {attn.target = #attn.target<kind = cpu, lanes = 8, vector_registers = 16, fused = 1, l2 = 1048576>} {
      func.func @prefill(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32> {
        %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) schedule<rows = 16, keys = 120, lanes = 8, register_keys = 6, register_values = 6>
            : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
        return %o : tensor<?x8x?x64xf32>
      }
    }
    ```
  }];
}

#endif // ATTN_TILING_PASSES_TD
