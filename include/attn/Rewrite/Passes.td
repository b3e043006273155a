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
    the other layer. Where the module describes that layer, it must own its cache and agree with
    its reader in what the cache holds: heads and sizes or latent, rotation, element type.

    Others are written when `entry` names them. `@x_prefill_core` and `@x_decode_core` are the attention alone,
    between what makes its operands: from queries that are normalised, rotated and, where absorbed,
    taken through the key weights, and keys and values as they are scored.

    | | arguments | results |
    |---|---|---|
    | plain or expanded | query, key, value [, sinks] | out [, lse] |
    | absorbed | query `[B, Hq, S, kv_rank + rope]`, cache [, sinks] | out `[B, Hq, S, kv_rank]` [, lse] |

    For a spec with `width`, `@x_layer_prefill` and `@x_layer_decode` go from hidden states
    `[B, S, width]` to output, with the weights as arguments.

    | | arguments | results |
    |---|---|---|
    | plain | hidden, key_cache, value_cache, query_weight [, query_gain], key_weight [, key_gain], value_weight [, value_gain] [, sinks], output_weight | out, key_cache_out, value_cache_out |
    | latent | hidden, cache [, query_down [, query_latent_gain]], query_weight [, query_gain], latent_down [, key_gain], key_up, value_up [, sinks], output_weight | out, cache_out |

    A projection that `bias` names is followed by `query_bias`, `query_down_bias`, `key_bias`, `value_bias`,
    `latent_down_bias` or `output_bias`: `[heads, size]`, of the output `[width]`. Projected queries, keys and values
    are limited by `clip_qkv`.

    The caches have their final length; what they hold in the last S tokens is replaced by the new rows (see
    `attn.append`). The query latent, of width `q_rank`, is normalised as the key latent is. A layer
    with `kv_from` has neither the weights nor the results of a cache: it reads the other's as it
    is. Hidden states arrive normalised, and nothing is added to the output.

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
                            "functions to write: prefill, decode, append (these when not given), prefill-core, decode-core, layer-prefill, layer-decode">];
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

def AliasValuePass : Rewrite_Pass<"attn-alias-value"> {
  let summary = "makes values that are part of the keys a column range of them";
  let description = [{
    Where the keys are an `attn.concat` and the values are one of its parts, or columns of one, the
    values become `attn.columns` of the keys: one load of a key tile serves both products.
    `AttentionOp::valueColumnOfKey` tells a lowering; on memrefs it is a `memref.subview` of the keys' buffer.

    - Assumes: nothing; each attention is looked at by itself.
    - Declines, with a remark, where some score head reads its key and its value from different heads.
    - Leaves to others: values that come from elsewhere.
    - Numbers: exact.

    Example: `attn-opt --attn-alias-value` on

    ```mlir
    func.func @latent(%q: tensor<?x16x?x96xf32>, %c: tensor<?x1x?x64xf32>, %r: tensor<?x1x?x32xf32>) -> tensor<?x16x?x64xf32> {
      %k = attn.concat %c, %r : tensor<?x1x?x64xf32>, tensor<?x1x?x32xf32> -> tensor<?x1x?x96xf32>
      %o = attn.attention %q, %k, %c scale(0.125)
          : tensor<?x16x?x96xf32>, tensor<?x1x?x96xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x64xf32>
      return %o : tensor<?x16x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @latent(%q: tensor<?x16x?x96xf32>, %c: tensor<?x1x?x64xf32>, %r: tensor<?x1x?x32xf32>) -> tensor<?x16x?x64xf32> {
      %k = attn.concat %c, %r : tensor<?x1x?x64xf32>, tensor<?x1x?x32xf32> -> tensor<?x1x?x96xf32>
      %v = attn.columns %k from 0 : tensor<?x1x?x96xf32> -> tensor<?x1x?x64xf32>
      %o = attn.attention %q, %k, %v scale(0.125)
          : tensor<?x16x?x96xf32>, tensor<?x1x?x96xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x64xf32>
      return %o : tensor<?x16x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numValues", "values", "values that became columns of keys">];
}

def GroupsToLatentPass : Rewrite_Pass<"attn-groups-to-latent"> {
  let summary = "writes grouped keys and values as expansions of a latent";
  let description = [{
    The keys of a group's heads, joined, are a latent, and the repetition of heads is its expansion by
    weights of zeros and ones (TransMLA, Meng et al. 2025): what is cached stays the same, and weights
    that start there may train on, each query head for itself. `attn-absorb-latent` makes the
    absorbed form of it; `attn-hoist-weights` gives the weights as arguments.

    - Assumes: nothing; each attention is looked at by itself.
    - Declines, with a remark, where several score heads share a query head.
    - Leaves to others: attentions with one key and one value head, and expanded ones: both have a latent.
    - Numbers: exact for finite tokens; the added terms are zeros.

    Example: `attn-opt --attn-groups-to-latent` on

    ```mlir
    func.func @gqa(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x?x16xf32>, %v: tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32> {
      %o = attn.attention %q, %k, %v scale(0.25) : tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32> -> tensor<?x4x?x16xf32>
      return %o : tensor<?x4x?x16xf32>
    }
    ```

    gives

    ```mlir
    func.func @gqa(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x?x16xf32>, %v: tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32> {
      %ck = attn.join_heads %k : tensor<?x2x?x16xf32> -> tensor<?x1x?x32xf32>
      %wk = attn.selection [0, 0, 1, 1] : tensor<4x32x16xf32>
      %ek = attn.expand %ck, %wk : tensor<?x1x?x32xf32>, tensor<4x32x16xf32> -> tensor<?x4x?x16xf32>
      %cv = attn.join_heads %v : tensor<?x2x?x16xf32> -> tensor<?x1x?x32xf32>
      %wv = attn.selection [0, 0, 1, 1] : tensor<4x32x16xf32>
      %ev = attn.expand %cv, %wv : tensor<?x1x?x32xf32>, tensor<4x32x16xf32> -> tensor<?x4x?x16xf32>
      %o = attn.attention %q, %ek, %ev scale(0.25) : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32> -> tensor<?x4x?x16xf32>
      return %o : tensor<?x4x?x16xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numAttentions", "attentions", "attentions given a latent">];
}

def ChooseFormPass : Pass<"attn-choose-form", "::mlir::ModuleOp"> {
  let summary = "expanded or absorbed, by what a call of each entry costs";
  let description = [{
    Counts, for both forms of an attention with a latent, the multiplications of scores, values and
    expansions, and the bytes of cache, keys and values, turns them into cycles with the facts in `attn.target` (16
    multiply-adds a cycle without), and takes the cheaper. A call of a decode entry has one query row; of
    others, `rows`. With `r`, `n` and `v` the rank and the sizes of a head's key and value, and `p` the
    rotary part, arithmetic alone crosses at `r (n + v) / (2 r - n - v)` rows: 170.7 for 512, 128 and 128.
    The choice and the crossing point stand in `attn.form_reason`, which `--report` prints.

    A form that a spec names is kept, and so is a function that nobody elaborated, unless `all` is given.

    - Assumes: nothing.
    - Declines, with a remark, where an operation in between blocks the form (see `attn-absorb-latent`); a form
      whose heads would exceed the largest sizes is not chosen.
    - Leaves to others: attentions with a schedule.
    - Numbers: inexact where the form changes, like `attn-absorb-latent`.

    Example: `attn-opt --attn-choose-form=all` on

    ```mlir
    func.func @one_row(%q: tensor<?x16x1x128xf32>, %c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>, %v: tensor<16x512x128xf32>) -> tensor<?x16x1x128xf32> {
      %k = attn.expand %c, %w : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
      %e = attn.expand %c, %v : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
      %o = attn.attention %q, %k, %e scale(0.125)
          : tensor<?x16x1x128xf32>, tensor<?x16x?x128xf32>, tensor<?x16x?x128xf32> -> tensor<?x16x1x128xf32>
      return %o : tensor<?x16x1x128xf32>
    }
    ```

    gives the absorbed form.
  }];
  let options = [Option<"rows", "rows", "int64_t", /*default=*/"2048", "query rows of a call that does not decode">,
                 Option<"keys", "keys", "int64_t", /*default=*/"2048", "keys of a call">,
                 Option<"all", "all", "bool", /*default=*/"false", "choose for functions written by hand, too">];
  let statistics = [Statistic<"numChanged", "changed", "attentions that took the other form">];
  let dependentDialects = ["::mlir::attn::AttnDialect"];
}

def FoldWeightsPass : Rewrite_Pass<"attn-fold-weights"> {
  let summary = "multiplies two linear maps in a row into one weight";
  let description = [{
    An `attn.expand` of an `attn.expand`, and an `attn.project` of one, take the `attn.compose` of both
    weights: a map that all heads share (the linear form of Knocking-Heads Attention), or a basis found
    for a group of heads, becomes part of the projections.

    - Assumes: nothing.
    - Declines, with a remark, where an output projection follows an expansion from one head to several.
    - Leaves to others: chains that are narrower in the middle, which a product would make dearer; a middle
      that others read too; transposed expansions. `attn-hoist-weights` moves the product out of the function.
    - Numbers: inexact. Equal in real arithmetic; the order of sums changes, and the folded weight is
      rounded to its type.

    Example: `attn-opt --attn-fold-weights` on

    ```mlir
    func.func @mixed(%x: tensor<?x1x?x256xf32>, %w: tensor<8x256x64xf32>, %mix: tensor<1x64x64xf32>) -> tensor<?x8x?x64xf32> {
      %v = attn.expand %x, %w : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
      %m = attn.expand %v, %mix : tensor<?x8x?x64xf32>, tensor<1x64x64xf32> -> tensor<?x8x?x64xf32>
      return %m : tensor<?x8x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @mixed(%x: tensor<?x1x?x256xf32>, %w: tensor<8x256x64xf32>, %mix: tensor<1x64x64xf32>) -> tensor<?x8x?x64xf32> {
      %f = attn.compose %w, %mix : tensor<8x256x64xf32>, tensor<1x64x64xf32> -> tensor<8x256x64xf32>
      %m = attn.expand %x, %f : tensor<?x1x?x256xf32>, tensor<8x256x64xf32> -> tensor<?x8x?x64xf32>
      return %m : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numFolds", "folds", "pairs of maps made one">];
}

def HoistWeightsPass : Pass<"attn-hoist-weights", "::mlir::ModuleOp"> {
  let summary = "moves what only makes weights into a function of its own";
  let description = [{
    `attn.compose`, `attn.combine` and `attn.selection` that read arguments only move from `@f` to
    `@f_weights`, which a caller runs once; `@f` takes its results as further arguments and
    loses those that nothing else reads.

    - Assumes: functions of one block.
    - Declines, with an error, where the name `@f_weights` is taken.
    - Leaves to others: weights that depend on tokens.
    - Numbers: exact.

    Example: `attn-opt --attn-hoist-weights` on

    ```mlir
    func.func @mean_keys(%x: tensor<?x1x?x256xf32>, %w: tensor<8x256x64xf32>, %c: tensor<2x8xf32>) -> tensor<?x2x?x64xf32> {
      %f = attn.combine %w by %c : tensor<8x256x64xf32>, tensor<2x8xf32> -> tensor<2x256x64xf32>
      %k = attn.expand %x, %f : tensor<?x1x?x256xf32>, tensor<2x256x64xf32> -> tensor<?x2x?x64xf32>
      return %k : tensor<?x2x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @mean_keys_weights(%w: tensor<8x256x64xf32>, %c: tensor<2x8xf32>)
        -> (tensor<2x256x64xf32> {attn.name = "folded0"}) attributes {attn.entry = "weights"} {
      %f = attn.combine %w by %c : tensor<8x256x64xf32>, tensor<2x8xf32> -> tensor<2x256x64xf32>
      return %f : tensor<2x256x64xf32>
    }
    func.func @mean_keys(%x: tensor<?x1x?x256xf32>, %f: tensor<2x256x64xf32> {attn.name = "folded0"}) -> tensor<?x2x?x64xf32> {
      %k = attn.expand %x, %f : tensor<?x1x?x256xf32>, tensor<2x256x64xf32> -> tensor<?x2x?x64xf32>
      return %k : tensor<?x2x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numFunctions", "functions", "functions of weights written">];
  let dependentDialects = ["::mlir::attn::AttnDialect", "::mlir::func::FuncDialect"];
}

def ShareKeyValuePass : Pass<"attn-share-kv", "::mlir::ModuleOp"> {
  let summary = "gives layers that read one cache one operand";
  let description = [{
    In a function that holds several layers (Cross-Layer Attention, MLKV), arguments with the same text in
    `attn.cache` are one cache and become one argument; transforms of keys and values that are then the
    same are done once. The attentions read one operand: one load, one page table.

    - Assumes: whoever wrote `attn.cache` told the truth.
    - Declines, with an error, where two shapes are said to be one cache.
    - Leaves to others: transforms that are not on the way to keys and values.
    - Numbers: exact.

    Example: `attn-opt --attn-share-kv` on

    ```mlir
    func.func @pair(%q0: tensor<?x4x?x64xf32>, %q1: tensor<?x4x?x64xf32>,
                    %k0: tensor<?x1x?x64xf32> {attn.cache = "layer 0"}, %k1: tensor<?x1x?x64xf32> {attn.cache = "layer 0"})
        -> (tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>) {
      %o0 = attn.attention %q0, %k0, %k0 scale(0.125) : tensor<?x4x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x4x?x64xf32>
      %o1 = attn.attention %q1, %k1, %k1 scale(0.125) : tensor<?x4x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x4x?x64xf32>
      return %o0, %o1 : tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>
    }
    ```

    gives

    ```mlir
    func.func @pair(%q0: tensor<?x4x?x64xf32>, %q1: tensor<?x4x?x64xf32>,
                    %k0: tensor<?x1x?x64xf32> {attn.cache = "layer 0"})
        -> (tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>) {
      %o0 = attn.attention %q0, %k0, %k0 scale(0.125) : tensor<?x4x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x4x?x64xf32>
      %o1 = attn.attention %q1, %k0, %k0 scale(0.125) : tensor<?x4x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32> -> tensor<?x4x?x64xf32>
      return %o0, %o1 : tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numShared", "shared", "arguments and transforms that went">];
  let dependentDialects = ["::mlir::attn::AttnDialect"];
}

#endif // ATTN_REWRITE_PASSES_TD
