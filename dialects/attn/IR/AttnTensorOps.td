//===- AttnTensorOps.td - attention and its token transforms ----------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNTENSOROPS_TD
#define ATTN_IR_ATTNTENSOROPS_TD

include "attn/IR/AttnAttrs.td"
include "attn/IR/AttnTypes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/CommonAttrConstraints.td"

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;

/// Element types a kernel reads and writes; sums are float32 in every case.
def Attn_Element : AnyTypeOf<[F32, BF16, F16]>;
/// [batch][head][sequence][size]
def Attn_Heads : RankedTensorOf<[F32, BF16, F16], [HasAnyRankOfPred<[4]>], "4-D tensor [batch][head][sequence][size] of f32, bf16 or f16">;
def Attn_Lse : RankedTensorOf<[F32], [HasAnyRankOfPred<[3]>], "3-D tensor [batch][head][sequence] of f32">;
def Attn_Weight3 : RankedTensorOf<[F32, BF16, F16], [HasAnyRankOfPred<[3]>], "3-D weight tensor of f32, bf16 or f16">;
def Attn_MaskOperand : RankedTensorOf<[I8, I32, I64], [HasAnyRankOfPred<[1, 2, 3, 4]>], "tensor of i8, i32 or i64">;

//===----------------------------------------------------------------------===//
// Specification
//===----------------------------------------------------------------------===//

def Attn_SpecOp : Attn_Op<"spec", [Symbol]> {
  let summary = "declarative description of an attention layer";
  let description = [{
    What people write by hand and importers produce; `--attn-elaborate` turns it
    into functions (`@prefill`, `@decode`, `@append`). Every field is optional but
    `query_heads` and one of `qk_size` and `latent`.

    | field | meaning | default |
    |---|---|---|
    | `query_heads`, `key_heads`, `value_heads` | head counts Hq, Hk, Hv | key: Hq; value: Hk |
    | `query_map`, `key_map`, `value_map` | head each score head reads | even groups |
    | `qk_size`, `v_size` | head sizes Dqk, Dv | Dqk from `latent`; Dv = Dqk |
    | `width` | model width | none |
    | `latent` | keys and values expanded from a latent | none |
    | `form` | `expanded` or `absorbed` (with `latent`); absent: both are elaborated | none |
    | `rope` | rotary embedding of queries and keys | none |
    | `alibi` | slope per score head; score - slope * (q - k) | none |
    | `query_norm`, `key_norm`, `value_norm` | normalisation before the product | none |
    | `norm_gain` | norms take a gain operand of one head's size | false |
    | `scale` | factor on the product | 1 / sqrt(Dqk) |
    | `softcap` | cap * tanh(s / cap) | none |
    | `mask` | visible keys | causal |
    | `sinks` | a learned logit per score head joins the softmax | false |
    | `bias` | projections of a layer that add a vector: of `query`, `key`, `value`, `latent`, `output` | none |
    | `clip_qkv` | projected queries, keys and values of a layer are clamped to ± this | none |
    | `normalizer` | softmax, relu or sigmoid | softmax |
    | `dtype` | element type | f32 |
    | `layers` | layers of the model that use this spec | none |
    | `kv_from` | layer whose keys and values are read (CLA, MLKV) | own |

    Constraints:
    - (spec_c1) head counts and sizes are positive; sizes at most 576 (Dqk) and 512 (Dv).
    - (spec_c2) the head map is even, or given by tables (see `attn.attention`).
    - (spec_c3) `rope` dims are even, at most Dqk minus `start`; `bases` has one entry per key head.
    - (spec_c4) `alibi` has one finite entry per score head.
    - (spec_c5) `latent` has positive ranks and `nope`; `qk_size`, if given, equals nope + rope; Hk = Hv = Hq.
    - (spec_c6) `kv_from` names an earlier layer than every one in `layers`.
    - (spec_c7) `softcap` is positive and finite, `scale` finite.
    - (spec_c8) `sinks` needs the softmax normaliser.
    - (spec_c9) `layers` are from 0 to 2^20 and occur once.
    - (spec_c10) words of the mask need no operand; its per-head tables have one entry per score head.
    - (spec_c11) `form` needs `latent`.
    - (spec_c13) the ranks of `latent` are at most `width`, where it is given.
    - (spec_c14) `bias` names each projection once, and only projections that the layer has: with `latent` query (its
      latent, where there is one), latent and output; with `kv_from` query and output.
    - (spec_c15) `clip_qkv` is positive and finite, and not beside `latent`.
    - (spec_c12) every attribute is a field of the table, or another dialect's with a dotted name.

    Example:
    ```mlir
    attn.spec @llama_3_8b {
      query_heads = 32, key_heads = 8, qk_size = 128, dtype = bf16,
      rope = #attn.rope<dims = 128, base = 500000.0>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    I64Attr:$query_heads, OptionalAttr<I64Attr>:$key_heads, OptionalAttr<I64Attr>:$value_heads,
    OptionalAttr<DenseI64ArrayAttr>:$query_map, OptionalAttr<DenseI64ArrayAttr>:$key_map,
    OptionalAttr<DenseI64ArrayAttr>:$value_map,
    OptionalAttr<I64Attr>:$qk_size, OptionalAttr<I64Attr>:$v_size, OptionalAttr<I64Attr>:$width,
    OptionalAttr<Attn_LatentAttr>:$latent, OptionalAttr<StrAttr>:$form,
    OptionalAttr<Attn_RopeAttr>:$rope, OptionalAttr<DenseF64ArrayAttr>:$alibi,
    OptionalAttr<Attn_NormAttr>:$query_norm, OptionalAttr<Attn_NormAttr>:$key_norm,
    OptionalAttr<Attn_NormAttr>:$value_norm, UnitAttr:$norm_gain,
    OptionalAttr<F64Attr>:$scale, OptionalAttr<F64Attr>:$softcap, OptionalAttr<Attn_MaskAttr>:$mask,
    UnitAttr:$sinks, OptionalAttr<StrArrayAttr>:$bias, OptionalAttr<F64Attr>:$clip_qkv,
    OptionalAttr<Attn_NormalizerAttr>:$normalizer, OptionalAttr<TypeAttr>:$dtype,
    OptionalAttr<DenseI64ArrayAttr>:$layers, OptionalAttr<I64Attr>:$kv_from);
  let useCustomPropertiesEncoding = 1;
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t keyHeads() { return getKeyHeads().value_or(getQueryHeads()); }
    int64_t valueHeads() { return getValueHeads().value_or(keyHeads()); }
    /// Score heads: the longest of the three head axes, or the length of the tables.
    int64_t scoreHeads();
    int64_t qkSize();
    int64_t vSize();
    double scoreScale();
    /// Whether that projection (query, key, value, latent, output) adds a vector.
    bool hasBias(StringRef projection);
    MaskAttr maskOrDefault();
    Normalizer normalizerOrDefault();
    Type elementType();
    /// Elements of K and V (or of the latent) cached per token and layer; zero when another layer's are read.
    int64_t cachedElementsPerToken(bool absorbed);
  }];
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

def Attn_AttentionOp : Attn_Op<"attention", [
    AttrSizedOperandSegments, SingleBlock, RecursiveMemoryEffects, RecursivelySpeculatable]> {
  let summary = "attention of query rows over keys and values";
  let description = [{
    For batch `b`, score head `h` and row `i` at position `q = offset + i`:

    ```
    s_k   = score(scale * <Q[b, query_map(h), i], K[b, key_map(h), k]>, b, h, q, k)
    w_k   = exp(s_k - m) / sum_visible exp(s_j - m)         softmax, m = max_visible s
          | max(s_k, 0) | 1 / (1 + exp(-s_k))               relu, sigmoid
    out   = sum_visible w_k V[b, value_map(h), k]
    lse   = ln sum_visible exp(s_k)
    ```

    The order is product, scale, score region (bias, softcap, ...), mask, normaliser.
    A key is visible when the mask says so and its score is not -infinity. A row
    that sees no key gives out = 0 and lse = -infinity (its sink, if it has one). `sinks` adds one logit per
    score head to the softmax's sum (and to lse), with no value.

    Head maps default to even groups: with H = max(Hq, Hk, Hv) score heads, head
    `h` reads query head `floor(h Hq / H)`, and so for keys and values. A table
    gives uneven or empty groups. Nothing is replicated in memory.

    The region's arguments are the scaled product (f32) and batch, score head,
    query position and key index (index). It yields the score (f32), is made of
    scalar `arith` and `math` operations and `attn.lookup`, and may read tensors
    defined outside with `tensor.extract`. An absent region yields the product.

    Results: `out` `[B, H, Sq, Dv]` and, when asked for, `lse` `[B, H, Sq]`, natural logarithm.

    Constraints:
    - (attention_c1) query, key and value have one element type.
    - (attention_c2) query and key have one head size.
    - (attention_c3) batch sizes agree; key and value have one sequence length.
    - (attention_c4) each head count divides the number of score heads, or its axis has a table;
      all tables have H entries, H > 0, each a head of its axis.
    - (attention_c5) `out` is [B, H, Sq, Dv] of the query's element type.
    - (attention_c6) `lse`, only with softmax, is [B, H, Sq] of f32.
    - (attention_c7) `sinks`, only with softmax, is [H] of f32, static.
    - (attention_c8) the mask's operand numbers are below the number of mask operands, their ranks fit
      the words, and per-head tables have H entries.
    - (attention_c9) the region takes (f32, index, index, index, index), yields f32 and has no side
      effects but reads.
    - (attention_c10) `scale` is finite; head counts and sizes are static and positive.

    Example:
    ```mlir
    func.func @soft_capped(%q: tensor<?x16x?x64xf32>, %k: tensor<?x4x?x64xf32>, %v: tensor<?x4x?x64xf32>)
        -> (tensor<?x16x?x64xf32>, tensor<?x16x?xf32>) {
      %out, %lse = attn.attention %q, %k, %v scale(0.125) mask(<causal and window<4096>>) score {
      ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
        %c = arith.constant 50.0 : f32
        %d = arith.divf %s, %c : f32
        %t = math.tanh %d : f32
        %r = arith.mulf %t, %c : f32
        attn.yield %r : f32
      } : tensor<?x16x?x64xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>
        -> tensor<?x16x?x64xf32>, tensor<?x16x?xf32>
      return %out, %lse : tensor<?x16x?x64xf32>, tensor<?x16x?xf32>
    }
    ```

    It stands between `attn.spec` and the tiled form `attn.work`.
  }];
  let arguments = (ins Attn_Heads:$query, Attn_Heads:$key, Attn_Heads:$value,
    Optional<1DTensorOf<[F32]>>:$sinks, Optional<Index>:$offset, Variadic<Attn_MaskOperand>:$mask_operands,
    F64Attr:$scale, OptionalAttr<Attn_MaskAttr>:$mask,
    OptionalAttr<DenseI64ArrayAttr>:$query_map, OptionalAttr<DenseI64ArrayAttr>:$key_map,
    OptionalAttr<DenseI64ArrayAttr>:$value_map,
    DefaultValuedAttr<Attn_NormalizerAttr, "::mlir::attn::Normalizer::Softmax">:$normalizer,
    OptionalAttr<Attn_ScheduleAttr>:$schedule);
  let results = (outs Attn_Heads:$out, Optional<Attn_Lse>:$lse);
  let regions = (region MaxSizedRegion<1>:$score);
  let assemblyFormat = [{
    $query `,` $key `,` $value `scale` `(` custom<Real>($scale) `)`
    (`mask` `(` custom<MaskExpr>($mask)^ (`,` $mask_operands^ `:` type($mask_operands))? `)`)?
    (`heads` `(` custom<HeadMaps>($query_map, $key_map, $value_map)^ `)`)?
    (`sinks` `(` $sinks^ `:` type($sinks) `)`)?
    (`offset` `(` $offset^ `)`)?
    (`normalizer` `` $normalizer^)?
    (`schedule` `` $schedule^)?
    (`score` $score^)?
    attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($out) (`,` type($lse)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    int64_t queryHeads() { return getQuery().getType().getDimSize(1); }
    int64_t keyHeads() { return getKey().getType().getDimSize(1); }
    int64_t valueHeads() { return getValue().getType().getDimSize(1); }
    int64_t qkSize() { return getQuery().getType().getDimSize(3); }
    int64_t vSize() { return getValue().getType().getDimSize(3); }
    int64_t scoreHeads();
    /// The full tables, score head -> head of each axis.
    HeadMap headMap();
    MaskAttr maskOrAll();
    bool hasScoreRegion() { return !getScore().empty(); }
    /// The first column of the keys at which the values lie, when they are a column range of them and
    /// each score head reads both from one head: one load of the keys serves both products.
    std::optional<int64_t> valueColumnOfKey();
  }];
}

def Attn_YieldOp : Attn_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["AttentionOp", "TileDotOp", "StreamOp", "WorkOp"]>]> {
  let summary = "ends a region of the dialect";
  let description = [{
    Gives the score of a score region, the state of a stream, and nothing in `attn.work`,
    where it is implied.

    Example:
    ```mlir
    func.func @stream(%rows: !attn.rows<32>, %length: index, %init: !attn.online<32x64xf32>) {
      %state = attn.stream %rows : !attn.rows<32> to %length step 128 from %init mask(<causal>) {
      ^bb0(%first: index, %before: !attn.online<32x64xf32>):
        attn.yield %before : !attn.online<32x64xf32>
      } : !attn.online<32x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ /* nothing to add */ }]>];
}

def Attn_LookupOp : Attn_Op<"lookup", [Pure]> {
  let summary = "entry of a small constant table, for per-head numbers in score regions";
  let description = [{
    `table[index]`; the index must lie in the table (ALiBi slopes by head, for instance).

    Constraints:
    - (lookup_c1) the table is not empty.

    Example:
    ```mlir
    func.func @slope(%h: index) -> f32 {
      %m = attn.lookup %h in [0.5, 0.25, 0.125, 0.0625]
      return %m : f32
    }
    ```
  }];
  let arguments = (ins Index:$index, DenseF64ArrayAttr:$table);
  let results = (outs F32:$result);
  let assemblyFormat = "$index `in` custom<Reals>($table) attr-dict";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Token transforms
//===----------------------------------------------------------------------===//

class Attn_TokenOp<string mnemonic, list<Trait> traits = []> : Attn_Op<mnemonic, !listconcat([Pure], traits)>;

def Attn_RopeOp : Attn_TokenOp<"rope", [AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding of each token";
  let description = [{
    Token `s` of the sequence stands at position `start + s` (`start` is 0 when absent);
    its pairs are turned by position times frequency, see `#attn.rope`. Elements outside
    `[rope.start, rope.start + dims)` pass unchanged.

    Constraints:
    - (rope_c1) `start + dims` is at most the head size and `dims` is even.
    - (rope_c2) `bases`, if given, has one entry per head.

    Example:
    ```mlir
    func.func @rotated(%x: tensor<?x8x?x128xf32>, %p: index) -> tensor<?x8x?x128xf32> {
      %r = attn.rope %x at %p <dims = 64> : tensor<?x8x?x128xf32>
      return %r : tensor<?x8x?x128xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Optional<Index>:$start, Attn_RopeAttr:$rope);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input (`at` $start^)? $rope attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Attn_NormOp : Attn_TokenOp<"norm", [AllTypesMatch<["input", "result"]>]> {
  let summary = "normalisation of each head's vector (QK-norm)";
  let description = [{
    See `#attn.norm_kind`. The gain has the head size, or [heads, size].

    Constraints:
    - (norm_c1) the gain is [size] or [heads, size].

    Example:
    ```mlir
    func.func @normalised(%x: tensor<?x8x?x128xf32>, %g: tensor<128xf32>) -> tensor<?x8x?x128xf32> {
      %n = attn.norm %x gain(%g : tensor<128xf32>) <kind = rms> : tensor<?x8x?x128xf32>
      return %n : tensor<?x8x?x128xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Optional<RankedTensorOf<[F32, BF16, F16], [HasAnyRankOfPred<[1, 2]>]>>:$gain,
    Attn_NormAttr:$norm);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input (`gain` `(` $gain^ `:` type($gain) `)`)? $norm attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Attn_ExpandOp : Attn_TokenOp<"expand"> {
  let summary = "linear image of each token, by head (latent expansion and its transpose)";
  let description = [{
    `result[b, h, s, :] = input[b, i(h), s, :] W[w(h)]` with the weight `[heads, in, out]`, or
    `W[w(h)]ᵀ` when `transposed`. The number of result heads is the larger of the
    input's and the weight's; the other is 1 (shared by all heads) or equal.

    Two laws move it (see `--attn-absorb-latent`): `<q, c W> = <q Wᵀ, c>` and
    `sum p (c W) = (sum p c) W`.

    Constraints:
    - (expand_c1) head counts of input and weight are equal, or one of them is 1.
    - (expand_c2) the weight's inner size is the input's size.
    - (expand_c3) the result is [B, heads, S, outer size].

    Example:
    ```mlir
    func.func @expanded(%c: tensor<?x1x?x512xf32>, %w: tensor<16x512x128xf32>) -> tensor<?x16x?x128xf32> {
      %k = attn.expand %c, %w : tensor<?x1x?x512xf32>, tensor<16x512x128xf32> -> tensor<?x16x?x128xf32>
      return %k : tensor<?x16x?x128xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Attn_Weight3:$weight, UnitAttr:$transposed);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `,` $weight (`transposed` $transposed^)? attr-dict `:` type($input) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_ConcatOp : Attn_TokenOp<"concat"> {
  let summary = "joins head vectors end to end";
  let description = [{
    `result[b, h, s] = [parts_0[b, h, s], parts_1[b, h, s], ...]`; a part with one head is
    shared by all heads (the decoupled rotary key of MLA).

    Constraints:
    - (concat_c1) there is at least one part; heads are equal or 1.
    - (concat_c2) the result's size is the sum of the parts' sizes, its heads the largest count.

    Example:
    ```mlir
    func.func @joined(%n: tensor<?x16x?x128xf32>, %r: tensor<?x1x?x64xf32>) -> tensor<?x16x?x192xf32> {
      %k = attn.concat %n, %r
          : tensor<?x16x?x128xf32>, tensor<?x1x?x64xf32> -> tensor<?x16x?x192xf32>
      return %k : tensor<?x16x?x192xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Attn_Heads>:$parts);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$parts attr-dict `:` type($parts) `->` type($result)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Attn_ColumnsOp : Attn_TokenOp<"columns"> {
  let summary = "a range of columns of each head vector, as a view";
  let description = [{
    `result = input[:, :, :, first : first + size]`. Nothing is copied: a value that is a column
    range of the key is loaded with it.

    Constraints:
    - (columns_c1) the range lies inside the input's head size.

    Example:
    ```mlir
    func.func @latent(%cache: tensor<?x1x?x576xf32>) -> tensor<?x1x?x512xf32> {
      %c = attn.columns %cache from 0 : tensor<?x1x?x576xf32> -> tensor<?x1x?x512xf32>
      return %c : tensor<?x1x?x512xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, I64Attr:$first);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `from` $first attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Attn_HeadsOp : Attn_TokenOp<"select_heads"> {
  let summary = "heads picked or repeated by a table";
  let description = [{
    `result[:, h] = input[:, table_h]`. It exists to write models that replicate heads;
    `--attn-fold-heads` turns it into the head map of the attention that reads it.

    Constraints:
    - (select_heads_c1) the table's entries are heads of the input, one per result head.

    Example:
    ```mlir
    func.func @replicated(%k: tensor<?x2x?x64xf32>) -> tensor<?x4x?x64xf32> {
      %r = attn.select_heads %k [0, 0, 1, 1] : tensor<?x2x?x64xf32> -> tensor<?x4x?x64xf32>
      return %r : tensor<?x4x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, DenseI64ArrayAttr:$table);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input $table attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Attn_ScaleOp : Attn_TokenOp<"scale", [AllTypesMatch<["input", "result"]>]> {
  let summary = "multiplies each element by a constant";
  let description = [{
    `result = factor * input`. `--attn-fold-scale` moves it into the attention's scale.

    Constraints:
    - (scale_c1) the factor is finite.

    Example:
    ```mlir
    func.func @scaled(%q: tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %s = attn.scale %q by 0.125 : tensor<?x8x?x64xf32>
      return %s : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, F64Attr:$factor);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `by` custom<Real>($factor) attr-dict `:` type($input)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Attn_ShortConvOp : Attn_TokenOp<"short_conv", [AllTypesMatch<["input", "result"]>]> {
  let summary = "causal convolution along the sequence, per channel";
  let description = [{
    `result[b, h, s, c] = sum_t W[h, t, c] input[b, h, s - (T - 1) + t, c]`. Tokens before the
    first are the last ones of `after`, where it is given (see `attn.carry`), else zero. The weight is
    [heads, taps, size].

    Constraints:
    - (short_conv_c1) the weight is [heads, taps, size] of the input.
    - (short_conv_c2) the tokens before are [B, heads, n, size] of the input's element type, with a static n of
      at least taps - 1.

    Example:
    ```mlir
    func.func @convolved(%x: tensor<?x8x?x64xf32>, %w: tensor<8x4x64xf32>) -> tensor<?x8x?x64xf32> {
      %y = attn.short_conv %x, %w : tensor<?x8x?x64xf32>, tensor<8x4x64xf32>
      return %y : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Heads:$input, Attn_Weight3:$weight, Optional<Attn_Heads>:$before);
  let results = (outs Attn_Heads:$result);
  let assemblyFormat = "$input `,` $weight (`after` `(` $before^ `:` type($before) `)`)? attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Partial results
//===----------------------------------------------------------------------===//

def Attn_MergeOp : Attn_Op<"merge", [Pure, SameVariadicOperandSize]> {
  let summary = "log-sum-exp merge of partial attentions";
  let description = [{
    The attention over the union of disjoint key sets from the attentions over each:
    `lse = ln sum_p exp(lse_p)`, `out = sum_p exp(lse_p - lse) out_p`. A part with
    lse_p = -infinity is skipped; if all are, out = 0 and lse = -infinity. Associative and
    commutative up to rounding (split-KV, cascade, ring and sharded attention).

    Constraints:
    - (merge_c1) there are as many lse operands as outs, at least one.
    - (merge_c2) all outs have the result's type, all lses the lse result's, shapes fitting; head
      count and head size are static.

    Example:
    ```mlir
    func.func @merged(%o0: tensor<?x8x?x64xf32>, %l0: tensor<?x8x?xf32>, %o1: tensor<?x8x?x64xf32>, %l1: tensor<?x8x?xf32>)
        -> tensor<?x8x?x64xf32> {
      %o, %l = attn.merge %o0, %o1 lse %l0, %l1 : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Attn_Heads>:$outs, Variadic<Attn_Lse>:$lses);
  let results = (outs Attn_Heads:$out, Attn_Lse:$lse);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Attn_GatedSumOp : Attn_Op<"gated_sum", [Pure, SameVariadicOperandSize]> {
  let summary = "gated sum of separately normalised attentions";
  let description = [{
    `out[b, h, s] = sum_p gate_p[b, h, s] part_p[b, h, s]`: adds normalised outputs (NSA's
    branches), where `attn.merge` adds numerators and denominators. Both are never the same.
    A part whose gate is 0 is skipped: what it holds there is not touched.

    Constraints:
    - (gated_sum_c1) there are as many gates as parts, at least one.
    - (gated_sum_c2) all parts have the result's type, all gates one type, [B, H, S] of f32; head
      count and head size are static.

    Example:
    ```mlir
    func.func @gated(%a: tensor<?x8x?x64xf32>, %b: tensor<?x8x?x64xf32>, %g: tensor<?x8x?xf32>, %h: tensor<?x8x?xf32>) -> tensor<?x8x?x64xf32> {
      %o = attn.gated_sum %a, %b gates %g, %h : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Attn_Heads>:$parts, Variadic<Attn_Lse>:$gates);
  let results = (outs Attn_Heads:$out);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

#endif // ATTN_IR_ATTNTENSOROPS_TD
