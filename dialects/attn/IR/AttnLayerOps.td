//===- AttnLayerOps.td - a whole layer: hidden states, cache, weights -*- tablegen -*-===//
#ifndef ATTN_IR_ATTNLAYEROPS_TD
#define ATTN_IR_ATTNLAYEROPS_TD

include "attn/IR/AttnTensorOps.td"

/// [batch][sequence][width]
def Attn_Hidden : RankedTensorOf<[F32, BF16, F16], [HasAnyRankOfPred<[3]>], "3-D tensor [batch][sequence][width] of f32, bf16 or f16">;
/// Coefficients of a linear combination.
def Attn_Coefficients : RankedTensorOf<[F32], [HasAnyRankOfPred<[2]>], "2-D tensor [results][atoms] of f32">;
/// Head vectors or hidden states.
def Attn_HeadsOrHidden : RankedTensorOf<[F32, BF16, F16], [HasAnyRankOfPred<[3, 4]>], "3-D or 4-D tensor of f32, bf16 or f16">;

//===----------------------------------------------------------------------===//
// Hidden states and the cache
//===----------------------------------------------------------------------===//

def Attn_TokensOp : Attn_TokenOp<"tokens"> {
  let summary = "hidden states as the tokens of one head, as a view";
  let description = [{
    `result[b, 0, s, :] = input[b, s, :]`. What projects them is `attn.expand` with a weight
    `[heads, width, size]`.

    Constraints:
    - (tokens_c1) the result is [B, 1, S, width] of the input's element type, with a static width.

    Example:
    ```mlir
    func.func @queries(%x: tensor<?x?x256xf32>, %w: tensor<8x256x32xf32>) -> tensor<?x8x?x32xf32> {
      %t = attn.tokens %x : tensor<?x?x256xf32> -> tensor<?x1x?x256xf32>
      %q = attn.expand %t, %w : tensor<?x1x?x256xf32>, tensor<8x256x32xf32> -> tensor<?x8x?x32xf32>
      return %q : tensor<?x8x?x32xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Hidden:$input);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_ProjectOp : Attn_TokenOp<"project"> {
  let summary = "the output projection: heads, each through its matrix, summed";
  let description = [{
    `result[b, s, :] = sum_h input[b, h, s, :] W[h]` with the weight `[heads, size, width]`:
    the concatenated heads times the output matrix.

    Constraints:
    - (project_c1) the weight is [heads, size, width] of the input, static.
    - (project_c2) the result is [B, S, width] of the input's element type.

    Example:
    ```mlir
    func.func @output(%o: tensor<?x8x?x32xf32>, %w: tensor<8x32x256xf32>) -> tensor<?x?x256xf32> {
      %y = attn.project %o, %w : tensor<?x8x?x32xf32>, tensor<8x32x256xf32> -> tensor<?x?x256xf32>
      return %y : tensor<?x?x256xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Attn_Weight3:$weight);
  let results = (outs Attn_Hidden:$result);
  let assemblyFormat = "$input `,` $weight attr-dict `:` type($input) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_AppendOp : Attn_TokenOp<"append", [AllTypesMatch<["cache", "result"]>]> {
  let summary = "a cache whose last rows are new ones";
  let description = [{
    `result[:, :, s] = rows[:, :, s - (Sk - S)]` for the last S of the cache's Sk tokens, and the
    cache's own token before them. What the cache holds in its last S tokens is never read. At run time
    S must be at most Sk. A kernel whose caller passes the cache's memory as the result's writes
    the new rows only; other memory receives the whole.

    Constraints:
    - (append_c1) rows and cache agree in batch, heads, size and element type.

    Example:
    ```mlir
    func.func @grown(%cache: tensor<?x2x?x64xf32>, %rows: tensor<?x2x?x64xf32>) -> tensor<?x2x?x64xf32> {
      %r = attn.append %cache, %rows : tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>
      return %r : tensor<?x2x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$cache, Attn_Heads:$rows);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$cache `,` $rows attr-dict `:` type($cache) `,` type($rows)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Further token transforms
//===----------------------------------------------------------------------===//

def Attn_AddOp : Attn_TokenOp<"add"> {
  let summary = "sum of tensors of one shape";
  let description = [{
    `result = parts_0 + parts_1 + ...`, element by element: the plain sum over shards of TPLA, the
    mean terms of CCA, outputs of two head classes.

    Constraints:
    - (add_c1) there is at least one part; all have the result's type, static but for batch and sequence.

    Example:
    ```mlir
    func.func @summed(%a: tensor<?x8x?x64xf32>, %b: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %s = attn.add %a, %b : tensor<?x8x?x64xf32>
      return %s : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Attn_HeadsOrHidden>:$parts);
  let results = (outs Attn_HeadsOrHidden:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_GateOp : Attn_TokenOp<"gate", [AllTypesMatch<["input", "gate", "result"]>]> {
  let summary = "multiplies each element by the sigmoid of another";
  let description = [{
    `result = input / (1 + exp(-gate))`. It is not linear: no projection law moves past it
    (the value MLP of Knocking-Heads Attention).

    Constraints:
    - (gate_c1) head counts and head sizes are static.

    Example:
    ```mlir
    func.func @gated(%x: tensor<?x8x?x64xf32>, %g: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %y = attn.gate %x by %g : tensor<?x8x?x64xf32>
      return %y : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Attn_Heads:$gate);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `by` $gate attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Attn_ShiftOp : Attn_TokenOp<"shift", [AllTypesMatch<["input", "result"]>]> {
  let summary = "each token replaced by an earlier one";
  let description = [{
    `result[:, :, s] = input[:, :, s - tokens]`. Before the first token it is the last ones of `after`,
    where it is given (see `attn.carry`), else zero.

    Constraints:
    - (shift_c1) `tokens` is from 1 to 2^20; head counts and head sizes are static.
    - (shift_c2) the tokens before are [B, heads, n, size] of the input's element type, with a static n of at
      least `tokens`.

    Example:
    ```mlir
    func.func @previous(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %y = attn.shift %x by 1 : tensor<?x8x?x64xf32>
      return %y : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Optional<Attn_Heads>:$before, I64Attr:$tokens);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `by` $tokens (`after` `(` $before^ `:` type($before) `)`)? attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Attn_CarryOp : Attn_TokenOp<"carry", [AllTypesMatch<["before", "result"]>]> {
  let summary = "the last tokens of a sequence that goes on";
  let description = [{
    The last n tokens of `before` followed by `tokens`, where n is the number of tokens before: what a
    short convolution or a shift must remember to go on where a call ended. A sequence
    starts with zeros before it.

    Constraints:
    - (carry_c1) both agree in batch, heads, size and element type; the tokens before are a static number,
      at least one.

    Example:
    ```mlir
    func.func @step(%state: tensor<?x8x2x64xf32>, %x: tensor<?x8x?x64xf32>, %w: tensor<8x3x64xf32>) -> (tensor<?x8x?x64xf32>, tensor<?x8x2x64xf32>) {
      %y = attn.short_conv %x, %w after(%state : tensor<?x8x2x64xf32>) : tensor<?x8x?x64xf32>, tensor<8x3x64xf32>
      %next = attn.carry %state, %x : tensor<?x8x2x64xf32>, tensor<?x8x?x64xf32>
      return %y, %next : tensor<?x8x?x64xf32>, tensor<?x8x2x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$before, Attn_Heads:$tokens);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$before `,` $tokens attr-dict `:` type($before) `,` type($tokens)";
  let hasVerifier = 1;
}

def Attn_NewestOp : Attn_TokenOp<"newest"> {
  let summary = "the last tokens of a sequence, as a view";
  let description = [{
    `result = input[:, :, S - n : S]` for a static n: the slot of a cache that is still being filled (MTLA). At run
    time the sequence has at least n tokens.

    Constraints:
    - (newest_c1) the result differs from the input in the sequence only, which is static and at least one token.

    Example:
    ```mlir
    func.func @last_slot(%cache: tensor<?x1x?x288xf32>) -> tensor<?x1x1x288xf32> {
      %slot = attn.newest %cache : tensor<?x1x?x288xf32> -> tensor<?x1x1x288xf32>
      return %slot : tensor<?x1x1x288xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_BiasOp : Attn_TokenOp<"bias", [AllTypesMatch<["input", "result"]>]> {
  let summary = "adds one vector to each token, by head";
  let description = [{
    `result[b, h, s] = input[b, h, s] + bias[h]`; of hidden states `result[b, s] = input[b, s] + bias`. It is what
    a projection with a bias does behind its `attn.expand` or `attn.project`, which stay linear.

    Constraints:
    - (bias_c1) the bias is [heads, size] of the input, of hidden states [width]; static, of the input's element type.

    Example:
    ```mlir
    func.func @projected(%x: tensor<?x1x?x256xf32>, %w: tensor<8x256x32xf32>, %c: tensor<8x32xf32>) -> tensor<?x8x?x32xf32> {
      %q = attn.expand %x, %w : tensor<?x1x?x256xf32>, tensor<8x256x32xf32> -> tensor<?x8x?x32xf32>
      %r = attn.bias %q, %c : tensor<?x8x?x32xf32>, tensor<8x32xf32>
      return %r : tensor<?x8x?x32xf32>
    }
    ```
  }];
  let arguments = (ins Attn_HeadsOrHidden:$input, RankedTensorOf<[F32, BF16, F16], [HasAnyRankOfPred<[1, 2]>]>:$bias);
  let results = (outs Attn_HeadsOrHidden:$result);
  let assemblyFormat = "$input `,` $bias attr-dict `:` type($input) `,` type($bias)";
  let hasVerifier = 1;
}

def Attn_ClampOp : Attn_TokenOp<"clamp", [AllTypesMatch<["input", "result"]>]> {
  let summary = "limits each element's magnitude";
  let description = [{
    `result = min(max(input, -limit), limit)`; a NaN stays one.

    Constraints:
    - (clamp_c1) the limit is positive and finite; head counts and head sizes are static.

    Example:
    ```mlir
    func.func @clipped(%x: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %y = attn.clamp %x to 6.0 : tensor<?x8x?x64xf32>
      return %y : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, F64Attr:$limit);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `to` custom<Real>($limit) attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Attn_JoinHeadsOp : Attn_TokenOp<"join_heads"> {
  let summary = "the heads of each token end to end, as one head";
  let description = [{
    `result[b, 0, s, h * size + c] = input[b, h, s, c]`: the keys of a grouped model as one latent.

    Constraints:
    - (join_heads_c1) the result is [B, 1, S, heads * size] of the input's element type.

    Example:
    ```mlir
    func.func @joined(%k: tensor<?x4x?x16xf32>) -> tensor<?x1x?x64xf32> {
      %c = attn.join_heads %k : tensor<?x4x?x16xf32> -> tensor<?x1x?x64xf32>
      return %c : tensor<?x1x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Weights made of weights
//===----------------------------------------------------------------------===//

def Attn_ComposeOp : Attn_TokenOp<"compose"> {
  let summary = "product of two weights: one matrix for two in a row";
  let description = [{
    `result[h] = first[h] second[h]`, so that expanding by the result is expanding by `first` and then
    by `second`. A weight with one head is shared by all.

    Constraints:
    - (compose_c1) both weights are static; head counts are equal, or one of them is 1.
    - (compose_c2) the second's inner size is the first's outer size.
    - (compose_c3) the result is [heads, inner size of first, outer size of second] of their element type.

    Example:
    ```mlir
    func.func @folded(%w: tensor<8x256x64xf32>, %mix: tensor<1x64x64xf32>) -> tensor<8x256x64xf32> {
      %r = attn.compose %w, %mix : tensor<8x256x64xf32>, tensor<1x64x64xf32> -> tensor<8x256x64xf32>
      return %r : tensor<8x256x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Weight3:$first, Attn_Weight3:$second);
  let results = (outs Attn_Weight3:$result);
  let assemblyFormat = "$first `,` $second attr-dict `:` type($first) `,` type($second) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_CombineOp : Attn_TokenOp<"combine"> {
  let summary = "linear combinations of weights";
  let description = [{
    The weights are A atoms of n heads each, atom `a` being heads `a n` to `a n + n - 1`:
    `result[r n + j] = sum_a C[r, a] W[a n + j]`. With n = 1 it is the (weighted) mean of heads of GQA,
    WGQA and MLKV; with one result it is a layer's weight as a sum over a dictionary (MASA).

    Constraints:
    - (combine_c1) both operands are static, and the number of atoms divides the weight's heads.
    - (combine_c2) the result is [results * n, inner, outer] of the weight's element type.

    Example:
    ```mlir
    func.func @grouped(%w: tensor<8x256x64xf32>, %c: tensor<2x8xf32>) -> tensor<2x256x64xf32> {
      %r = attn.combine %w by %c : tensor<8x256x64xf32>, tensor<2x8xf32> -> tensor<2x256x64xf32>
      return %r : tensor<2x256x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Weight3:$weight, Attn_Coefficients:$coefficients);
  let results = (outs Attn_Weight3:$result);
  let assemblyFormat = "$weight `by` $coefficients attr-dict `:` type($weight) `,` type($coefficients) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_SelectionOp : Attn_TokenOp<"selection"> {
  let summary = "weight that picks one of several joined heads";
  let description = [{
    `result[h]` is the matrix of zeros and ones by which `attn.expand` of joined heads gives head `table_h`:
    `result[h][g * size + c][c] = 1` for `g = table_h`. It is where TransMLA's expansion weights start.

    Constraints:
    - (selection_c1) the result is [entries, heads * size, size], static, for some head count.
    - (selection_c2) the table's entries are among those heads.

    Example:
    ```mlir
    func.func @picked() -> tensor<4x32x16xf32> {
      %w = attn.selection [0, 0, 1, 1] : tensor<4x32x16xf32>
      return %w : tensor<4x32x16xf32>
    }
    ```
  }];
  let arguments = (ins DenseI64ArrayAttr:$table);
  let results = (outs Attn_Weight3:$result);
  let assemblyFormat = "$table attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // ATTN_IR_ATTNLAYEROPS_TD
