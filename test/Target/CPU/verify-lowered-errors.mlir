// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-verify-lowered

// expected-error@+1 {{'func.func' op is left after lowering; the state 'lowered' holds only the LLVM and OpenMP dialects}}
func.func private @f()

// -----

llvm.func @f() {
  // expected-error@+1 {{'arith.constant' op is left after lowering}}
  %c = arith.constant 1 : i32
  llvm.return
}

// -----

// expected-error@+1 {{'attn.spec' op is left after lowering}}
attn.spec @s {query_heads = 8, qk_size = 64}
