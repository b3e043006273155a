// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-tile

// expected-error@+1 {{expected a function with a body, found a declaration of @declared on tensors; inline or remove it}}
func.func private @declared(tensor<?x8x?x64xf32>)

// -----

// expected-error@+1 {{expected one block, found 2; control flow between attentions is not tiled}}
func.func @blocks(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
  cf.br ^bb1
^bb1:
  return %x : tensor<?x8x?x64xf32>
}

// -----

// expected-error@+1 {{expected ranked tensors as results, found 'index'; a kernel returns nothing else}}
func.func @scalar_result(%x: tensor<?x8x?x64xf32>) -> index {
  %c = arith.constant 1 : index
  return %c : index
}

// -----

// expected-error@+1 {{expected ranked tensors, found argument of type 'tensor<*xf32>'}}
func.func @unranked(%x: tensor<*xf32>) {
  return
}

// -----

func.func @foreign(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
  // expected-error@+1 {{expected attn operations, tensor.dim, tensor.extract, tensor.cast or constants on tensors, found 'arith.addf'; rewrite it in these before --attn-tile}}
  %y = arith.addf %x, %x : tensor<?x8x?x64xf32>
  return %y : tensor<?x8x?x64xf32>
}

// -----

func.func private @callee(%i: index) -> index {
  return %i : index
}
func.func @caller(%x: tensor<?x8x?x64xf32>, %i: index) -> tensor<?x8x?x64xf32> {
  // expected-error@+1 {{expected no call in a kernel, found 'func.call'; inline it before --attn-tile}}
  %j = func.call @callee(%i) : (index) -> index
  %y = attn.rope %x at %j <dims = 64> : tensor<?x8x?x64xf32>
  return %y : tensor<?x8x?x64xf32>
}

// -----

func.func @unplanned(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
  // expected-error@+1 {{schedule}}
  %out = attn.attention %x, %x, %x scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}

// -----

// The result may be the cache's own memory: what was there cannot be asked for afterwards.
func.func @reads_what_was_there(%cache: tensor<?x1x?x8xf32>, %rows: tensor<?x1x?x8xf32>) -> (tensor<?x1x?x8xf32>, tensor<?x1x1x8xf32>) {
  // expected-error@+1 {{expected what reads the cache to come before the rows are appended, which may be in its memory; let it read the result, or move it}}
  %r = attn.append %cache, %rows : tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>
  %n = attn.newest %cache : tensor<?x1x?x8xf32> -> tensor<?x1x1x8xf32>
  // expected-note@+1 {{found this reader after it}}
  %h = attn.scale %n by 0.5 : tensor<?x1x1x8xf32>
  return %r, %h : tensor<?x1x?x8xf32>, tensor<?x1x1x8xf32>
}
