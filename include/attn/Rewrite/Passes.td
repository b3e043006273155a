//===- Passes.td - passes of the Rewrite room -------------------*- tablegen -*-===//
#ifndef ATTN_REWRITE_PASSES_TD
#define ATTN_REWRITE_PASSES_TD

include "mlir/Pass/PassBase.td"

def ElaboratePass : Pass<"attn-elaborate", "::mlir::ModuleOp"> {
  let summary = "writes the functions of each attn.spec: prefill, decode, append";
  let description = [{
    From state `imported` to state `elaborated`. For every `attn.spec @x` the module gets

    | function | arguments | results |
    |---|---|---|
    | `@x_prefill` | query, key, value [, query_gain] [, sinks] | out [, lse] |
    | `@x_decode`  | the same | the same |
    | `@x_append`  | key, value, start [, key_gain] [, value_gain] | key_cache, value_cache |

    With a latent, `key, value` become `cache, key_up, value_up` in the first two, and
    `append` takes `latent [, rope_key], start [, key_gain]` and gives `cache`: the
    latent and, after it, the rotated key all heads share. `lse` exists with softmax only.

    Queries arrive as projected: the function normalises and rotates them at positions
    `Sk - Sq + row`. Keys and values arrive as cached; `append` is what normalises and rotates
    them, at positions `start + row`. ALiBi (first) and the softcap (second) become the
    score region.

    A spec with a latent is elaborated by its `form`; without one, prefill is
    expanded and decode is absorbed.

    With `kv_from`, the functions carry `attn.kv_from` and there is no append: the cache belongs to
    the other layer.

    The specs stay in the module: reports and manifests read them. A function that an earlier
    run made of the same spec is left as it is, so the pass may run twice.

    - Assumes: valid specs.
    - Leaves to others: any choice of schedule; folding.
    - Numbers: it defines them. The absorbed form differs from the expanded one in the
      order of sums (see `attn-absorb-latent`).

    Example: `attn-opt --attn-elaborate=entry=decode` on

    ```mlir
    attn.spec @gqa {query_heads = 8, key_heads = 2, qk_size = 64}
    ```

    gives

    ```mlir
    func.func @gqa_decode(%query: tensor<?x8x?x64xf32> {attn.name = "query"},
                          %key: tensor<?x2x?x64xf32> {attn.name = "key"},
                          %value: tensor<?x2x?x64xf32> {attn.name = "value"})
        -> (tensor<?x8x?x64xf32> {attn.name = "out"}, tensor<?x8x?xf32> {attn.name = "lse"})
        attributes {attn.entry = "decode", attn.spec = @gqa} {
      %out, %lse = attn.attention %query, %key, %value scale(0.125) mask(<causal>)
          : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>
         -> tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
      return %out, %lse : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
    }
    ```
  }];
  let options = [ListOption<"entries", "entry", "std::string",
                            "functions to write: prefill, decode, append; all when not given">];
  let statistics = [Statistic<"numSpecs", "specs", "specs elaborated">,
                    Statistic<"numFunctions", "functions", "functions written">];
  let dependentDialects = ["::mlir::attn::AttnDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

/// What the passes share that move algebra around attn.attention.
class Rewrite_Pass<string flag> : Pass<flag> {
  let options = [Option<"strict", "strict", "bool", /*default=*/"false",
                        "a rewrite that declines is an error instead of a remark">];
  let dependentDialects = ["::mlir::attn::AttnDialect"];
}

def AbsorbLatentPass : Rewrite_Pass<"attn-absorb-latent"> {
  let summary = "moves expansions of keys to the query and of values to the output";
  let description = [{
    Two laws, for any linear map W applied to each token of a cache:

    ```
    <q, c W>      = <q Wᵀ, c>          key side
    sum_k p (c W) = (sum_k p c) W      value side
    ```

    An `attn.expand` that makes keys (or one part of an `attn.concat` that does) moves to the
    query; one that makes values moves behind the attention. The scale stays as written.
    For MLA this is the absorbed form: one key head of the latent's width, which all score heads
    read, and values that are a column range of it. It pays where keys outnumber queries (decode).

    - Assumes: nothing; each attention is looked at by itself.
    - Declines, with a remark, where something not linear or not shared stands in between:
      a rotation, a norm, or weights per head that do not line up with the heads that read them.
    - Leaves to others: the choice of when (elaboration asks for it by `form`).
    - Numbers: inexact. Equal in real arithmetic; the order of sums changes, and
      rounded intermediate tokens of a 16-bit type are other ones.

    Example: `attn-opt --attn-absorb-latent` on

    ```mlir
    func.func @key_side(%q: tensor<?x16x?x128xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>, %v: tensor<?x16x?x64xf32>) -> tensor<?x16x?x64xf32> {
      %k = attn.expand %c, %w : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
      %o = attn.attention %q, %k, %v scale(0.125)
          : tensor<?x16x?x128xf32>, tensor<?x16x?x128xf32>, tensor<?x16x?x64xf32> -> tensor<?x16x?x64xf32>
      return %o : tensor<?x16x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @key_side(%q: tensor<?x16x?x128xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>, %v: tensor<?x16x?x64xf32>) -> tensor<?x16x?x64xf32> {
      %a = attn.expand %q, %w transposed : tensor<?x16x?x128xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x512xf32>
      %o = attn.attention %a, %c, %v scale(0.125)
          : tensor<?x16x?x512xf32>, tensor<?x1x?x512xf32>, tensor<?x16x?x64xf32> -> tensor<?x16x?x64xf32>
      return %o : tensor<?x16x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numKeys", "keys", "key expansions moved to the query">,
                    Statistic<"numValues", "values", "value expansions moved to the output">];
}

def ExpandLatentPass : Rewrite_Pass<"attn-expand-latent"> {
  let summary = "moves expansions of the query to the keys and of the output to the values";
  let description = [{
    The laws of `attn-absorb-latent` read from right to left: a query (or a part of an
    `attn.concat` that makes it) that is a `transposed` expansion gives the expansion to the keys; an expansion
    that is the only reader of the output moves to the values. It pays where queries are as many
    as keys (prefill), since the products then run at the head's own size.

    - Assumes: nothing; each attention is looked at by itself.
    - Declines, with a remark, where keys have heads of their own that do not fit the weights,
      or where others read the output too.
    - Leaves to others: expansions of the query that are not transposed, which belong to the query.
    - Numbers: inexact, like `attn-absorb-latent`.

    Example: `attn-opt --attn-expand-latent` on

    ```mlir
    func.func @value_side(%q: tensor<?x16x?x512xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>) -> tensor<?x16x?x128xf32> {
      %o = attn.attention %q, %c, %c scale(0.125)
          : tensor<?x16x?x512xf32>, tensor<?x1x?x512xf32>, tensor<?x1x?x512xf32> -> tensor<?x16x?x512xf32>
      %r = attn.expand %o, %w : tensor<?x16x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
      return %r : tensor<?x16x?x128xf32>
    }
    ```

    gives

    ```mlir
    func.func @value_side(%q: tensor<?x16x?x512xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>) -> tensor<?x16x?x128xf32> {
      %v = attn.expand %c, %w : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
      %r = attn.attention %q, %c, %v scale(0.125)
          : tensor<?x16x?x512xf32>, tensor<?x1x?x512xf32>, tensor<?x16x?x128xf32> -> tensor<?x16x?x128xf32>
      return %r : tensor<?x16x?x128xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numKeys", "keys", "query expansions moved to the keys">,
                    Statistic<"numValues", "values", "output expansions moved to the values">];
}

def FoldScalePass : Rewrite_Pass<"attn-fold-scale"> {
  let summary = "moves constant factors on queries, keys, values and outputs into the attention";
  let description = [{
    | factor on | becomes |
    |---|---|
    | query or key, also below a rotation, expansion, column range or head choice | a factor of `scale` |
    | value | a factor on the output: every normaliser is linear in the values |
    | output, under `relu` without a score region, factor positive | a factor of `scale` |

    - Assumes: nothing.
    - Declines, with a remark, below a norm (which would swallow the factor) and where
      only a part of a concatenation is scaled.
    - Leaves to others: factors on outputs under softmax and sigmoid, which stay `attn.scale`.
    - Numbers: exact for powers of two short of overflow and underflow; otherwise the rounding of the
      scaled tokens disappears, so results differ by rounding.

    Example: `attn-opt --attn-fold-scale` on

    ```mlir
    func.func @query(%q: tensor<?x8x?x64xf32>, %k: tensor<?x8x?x64xf32>, %v: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %s = attn.scale %q by 0.5 : tensor<?x8x?x64xf32>
      %o = attn.attention %s, %k, %v scale(0.25) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @query(%q: tensor<?x8x?x64xf32>, %k: tensor<?x8x?x64xf32>, %v: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numFactors", "factors", "factors folded or moved">];
}

def FoldHeadsPass : Rewrite_Pass<"attn-fold-heads"> {
  let summary = "turns replicated heads into the head map of the attention";
  let description = [{
    An `attn.select_heads` on queries, keys or values is composed with the attention's head map,
    and the attention reads the narrow tensor: nothing is replicated in memory any more.
    Axes whose table is the even default are left without one.

    - Assumes: nothing.
    - Declines, with a remark, where a token transform stands between the choice of heads and the
      attention.
    - Leaves to others: choices of heads whose result others read too stay for them.
    - Numbers: exact.

    Example: `attn-opt --attn-fold-heads` on

    ```mlir
    func.func @keys(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %k8 = attn.select_heads %k [0, 0, 0, 0, 1, 1, 1, 1] : tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
      %o = attn.attention %q, %k8, %v scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @keys(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %o = attn.attention %q, %k, %v scale(0.125) : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x8x?x64xf32> -> tensor<?x8x?x64xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numSelections", "selections", "head selections folded">];
}

#endif // ATTN_REWRITE_PASSES_TD
