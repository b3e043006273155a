//===- Passes.td - passes of the Planning room ------------------*- tablegen -*-===//
#ifndef ATTN_PLANNING_PASSES_TD
#define ATTN_PLANNING_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanPass : Pass<"attn-plan", "::mlir::ModuleOp"> {
  let summary = "chooses the schedule of every attention from the target's facts";
  let description = [{
    From state `elaborated` to state `planned`. Reads `attn.target` of the module and writes
    `schedule` on each `attn.attention`, with `attn.schedule_reasons`: one sentence per number.
    A small cost model compares candidates; batch and lengths are unknown to it, so it goes by
    head sizes, head groups, the mask and the function's `attn.entry`.

    Where a target has kernels for it, the rows' maximum is lazy: they keep the reference of their
    first key tile, and tiles whose sums outgrow it run again. `exact-maximum` asks for the running
    maximum.

    A schedule that is there already (written by hand or by a tuner) is kept, and refused where the
    target cannot obey it.

    - Assumes: `attn.target` on the module (`attn-attach-target`).
    - Leaves to others: everything but the schedule.
    - Numbers: a schedule changes the order of sums, nothing else.

    Example: `attn-opt --attn-plan` on

    ```mlir
    module attributes {attn.target = #attn.target<kind = cpu, lanes = 8, vector_registers = 16, fused = 1, l2 = 1048576>} {
      func.func @prefill(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32> {
        %o = attn.attention %q, %k, %v scale(0.125) mask(<causal>) : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
        return %o : tensor<?x8x?x64xf32>
      }
    }
    ```
  }];
  let options = [Option<"exactMaximum", "exact-maximum", "bool", /*default=*/"false",
                        "running maxima, although a target could keep the first tile's">];
  let statistics = [Statistic<"numPlanned", "planned", "attentions given a schedule">];
  let dependentDialects = ["::mlir::attn::AttnDialect"];
}

def VerifyPlannedPass : Pass<"attn-verify-planned", "::mlir::ModuleOp"> {
  let summary = "checks that the module is in state `planned`";
  let description = [{
    Every `attn.attention` has a schedule that the module's `attn.target` can obey. Changes nothing.

    Example: `attn-opt --attn-verify-planned` on

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

#endif // ATTN_PLANNING_PASSES_TD
