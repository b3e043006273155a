//===- Passes.td - passes every target shares -------------------*- tablegen -*-===//
#ifndef ATTN_TARGET_PASSES_TD
#define ATTN_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def AttachTarget : Pass<"attn-attach-target", "::mlir::ModuleOp"> {
  let summary = "write a target's facts into the module";
  let description = [{
    Sets the module attribute `attn.target` to the facts of the target (see `#attn.target`), so
    that planning needs to know no target by name. An attribute that is there already is kept
    unless `target` is given.

    - Assumes: nothing.
    - Leaves to others: every choice.
    - Changes in the numbers: none.

    Example: `attn-opt --attn-attach-target=target=cpu:x86-64-v3` on

    ```mlir
    attn.spec @gqa {query_heads = 8, key_heads = 2, qk_size = 64}
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"\"",
                        "cpu (this machine), cpu:<processor>, for example cpu:x86-64-v3">];
  let dependentDialects = ["::mlir::attn::AttnDialect"];
}

#endif // ATTN_TARGET_PASSES_TD
