//===- Passes.td - passes of the NVIDIA GPU target --------------*- tablegen -*-===//
#ifndef ATTN_TARGET_NVGPU_PASSES_TD
#define ATTN_TARGET_NVGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerNVGPU : Pass<"attn-lower-nvgpu", "::mlir::ModuleOp"> {
  let summary = "entries become kernels, and programs of the host that launch them";
  let description = [{
    A public function that is one `attn.work` on its own arguments becomes a kernel
    `llvm.func @<function>_kernel`: a producer warpgroup drives the copy engine into rings of key and
    value tiles, consumer warpgroups multiply with `wgmma` and keep the softmax in registers. The functions
    and specs are erased; what the host must know to check arguments and launch is left in the module
    attribute `attn.gpu_entries`.

    A row of tiles has up to three loops: with mask code, without, with. Which tiles those are follows from
    the mask's words and the rows of the tile.

    With `roles = uniform` (GPUs without those instructions) a block is a tile of rows whose warps copy, multiply
    with `mma.sync` and weigh alike.

    Any other function becomes several kernels, `@<function>_<number>_<what>`, and a function `@<function>` in the module
    `@attn_host` inside of this one: it checks arguments, reserves device memory for intermediate values, and
    launches the kernels in the order of the function's body. Nests of loops become kernels of their own, on blocks, warps and lanes;
    those that are a product of matrices go to the tensor cores.

    - Assumes: state `tiled`, and `attn.target` of an NVIDIA GPU.
    - Leaves to others: conversion of scf and arith to LLVM, serialisation.
    - Changes in the numbers: products of 16-bit inputs in float32; weights are rounded to 16 bits before
      the second product; exp2 is the hardware's. A NaN in a masked value row of a visited tile reaches
      the rows of that tile.

    Example: `attn-opt --attn-attach-target=target=sm_90a --attn-plan --attn-tile --attn-lower-nvgpu` on

    ```mlir
    func.func @prefill(%q: tensor<?x8x?x128xbf16>, %k: tensor<?x2x?x128xbf16>, %v: tensor<?x2x?x128xbf16>) -> tensor<?x8x?x128xbf16> {
      %o = attn.attention %q, %k, %v scale(0.088) mask(<causal>)
          : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16> -> tensor<?x8x?x128xbf16>
      return %o : tensor<?x8x?x128xbf16>
    }
    ```
  }];
  let statistics = [Statistic<"numEntries", "entries", "entries lowered">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // ATTN_TARGET_NVGPU_PASSES_TD
