//===- Passes.td - passes of the CPU target ---------------------*- tablegen -*-===//
#ifndef ATTN_TARGET_CPU_PASSES_TD
#define ATTN_TARGET_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def CPUEntryPointsPass : Pass<"attn-cpu-entry-points", "::mlir::ModuleOp"> {
  let summary = "gives every public kernel the C calling convention of attn_runtime.h";
  let description = [{
    Each public function that `attn-tile` made becomes private (`@name.body`), and a new `@name`

    ```
    (args: pointer to attn_tensor, num_args: i64, threads: i32) -> i32
    ```

    takes its place. It checks the number of arguments, then of each argument rank, element type,
    sizes (static ones, those `attn.sizes` says must agree, all within [0, 2^31)), the last stride
    and the pointer; the first thing wrong is its result, 1000 times the argument plus the kind,
    before anything is written. What is expected lies in constant memory, `@name.arguments`, which
    `@attn.check_arguments`, one function for all entries, compares with what is given. It sets the number of threads for the call and restores it. When
    every output is empty the body does not run. Specs are erased: nothing reads them any more.

    - Assumes: state `tiled` or later, functions not yet in the LLVM dialect.
    - Leaves to others: conversion to LLVM; the wrapper is made of `func`, `scf`, `arith` and `llvm`.
    - Numbers: none.

    Example: `attn-opt --attn-tile --attn-cpu-entry-points` on

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
  let statistics = [Statistic<"numEntries", "entries", "entry points written">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def LowerCPU : Pass<"attn-lower-cpu", "::mlir::ModuleOp"> {
  let summary = "attn.work becomes vector code and an OpenMP loop";
  let description = [{
    Each `attn.work` is outlined: a private function computes one item (`@<function>_work<n>_item`), three
    more hold the inner products (`..._scores`, `..._values`, `..._values_strict`), and a parallel
    region takes items from a shared counter until none is left. Every thread has a workspace of fixed size,
    which does not depend on any length.

    Rows of a panel lie in lanes: the query panel is [size][row], scores are [key][row]. Keys and values
    are copied to float32 tiles once per item; rows past the end are zero and their memory is not read.
    A panel asks the mask for its verdict on a tile: empty tiles are skipped, full ones run without
    mask code, partial ones mark excluded keys and leave their value rows out of the product.

    - Assumes: state `tiled`, and `attn.target` of a CPU.
    - Leaves to others: loops of token operations, the calling convention, conversion to LLVM.
    - Changes in the numbers: sums are float32 in the order of keys; exp is a polynomial with an
      error of at most 1 ulp.

    Example: `attn-opt --attn-tile --attn-lower-cpu` on

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
  let statistics = [Statistic<"numWorks", "works", "attn.work operations lowered">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::omp::OpenMPDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def CheckAllocations : Pass<"attn-cpu-check-allocations", "::mlir::func::FuncOp"> {
  let summary = "a kernel whose memory is refused returns the code 999002";
  let description = [{
    Behind each `memref.alloc` the address is compared with zero. Where it is zero, memory that the function
    holds at that place is freed, and the function returns 999002 (ATTN_ERROR_OUT_OF_MEMORY).

    - Assumes: control flow between blocks, so that a function may return from anywhere; functions that
      allocate return an i32.
    - Leaves to others: conversion to LLVM.
    - Numbers: none.

    Example: `attn-opt --attn-cpu-check-allocations` on

    ```mlir
    func.func @kernel(%size: index) -> i32 {
      %memory = memref.alloc(%size) : memref<?xi8>
      %good = arith.constant 0 : i32
      memref.dealloc %memory : memref<?xi8>
      return %good : i32
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
}

def ExpandMath : Pass<"attn-cpu-expand-math"> {
  let summary = "elementary functions become polynomials";
  let description = [{
    Replaces exp, log, tanh, sine and cosine of float32 scalars and vectors by MLIR's polynomial
    approximations, so that no library is called element by element. What the module's `attn.target`
    lacks becomes plain arithmetic: fused multiply-add a product and a sum, conversion between
    float16 and float32 integer code, floor and ceil additions.

    - Assumes: nothing; without `attn.target` every instruction is taken to exist.
    - Leaves to others: functions without an approximation; they stay and become library calls.
    - Changes in the numbers: a few ulp; one rounding more per product and sum without fused
      multiply-add; none by the conversions.

    Example: `attn-opt --attn-cpu-expand-math` on

    ```mlir
    func.func @weights(%scores: vector<8xf32>) -> vector<8xf32> {
      %w = math.exp %scores : vector<8xf32>
      return %w : vector<8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ExpandViews : Pass<"attn-cpu-expand-views"> {
  let summary = "views of memory become pointers, sizes and strides; pieces of vectors become shuffles";
  let description = [{
    What the conversion to LLVM does not take as it is, by upstream's patterns: `memref.subview`,
    `memref.expand_shape`, `memref.collapse_shape` and what reads their metadata, with the affine
    expressions that arise; strided slices of vectors, and vectors that are broadcast to longer ones. Only
    these operations are looked at.

    - Assumes: nothing.
    - Leaves to others: all other operations.
    - Numbers: none.

    Example: `attn-opt --attn-cpu-expand-views` on

    ```mlir
    func.func @row(%m: memref<?x64xf32>, %i: index) -> f32 {
      %c0 = arith.constant 0 : index
      %row = memref.subview %m[%i, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<64xf32, strided<[1], offset: ?>>
      %x = memref.load %row[%c0] : memref<64xf32, strided<[1], offset: ?>>
      return %x : f32
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def VerifyLowered : Pass<"attn-verify-lowered", "::mlir::ModuleOp"> {
  let summary = "checks the state `lowered`";
  let description = [{
    Every operation belongs to the LLVM or OpenMP dialect, but for the module itself, and all of
    them verify.

    Example: `attn-opt --attn-verify-lowered` on

    ```mlir
    llvm.func @lowered(%x: f32) -> f32 {
      llvm.return %x : f32
    }
    ```
  }];
}

#endif // ATTN_TARGET_CPU_PASSES_TD
