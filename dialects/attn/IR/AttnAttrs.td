//===- AttnAttrs.td - attributes of the attn dialect ------------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNATTRS_TD
#define ATTN_IR_ATTNATTRS_TD

include "attn/IR/AttnDialect.td"
include "attn/IR/AttnEnums.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

def Attn_NormalizerAttr : EnumAttr<Attn_Dialect, Attn_Normalizer, "normalizer"> {
  let assemblyFormat = "`<` $value `>`";
}

def Attn_TileRoleAttr : EnumAttr<Attn_Dialect, Attn_TileRole, "role">;

//===----------------------------------------------------------------------===//
// Mask algebra
//===----------------------------------------------------------------------===//

def Attn_MaskAttr : AttrDef<Attn_Dialect, "Mask"> {
  let mnemonic = "mask";
  let summary = "which keys a query row may see, as an expression";
  let description = [{
    A mask is a predicate over (batch `b`, score head `h`, query position `q`,
    key index `k`). The query position is absolute: the attention's offset plus
    the row, so that row and key count in the same units; the offset defaults to
    `Sk - Sq`, which aligns the last query with the last key.

    ```
    expr    := term (`or` term)*
    term    := factor (`and` factor)*
    factor  := `not` factor | `(` expr `)` | word
    word    := `all` | `none`
             | `causal`               k <= q
             | `window<l>`            k > q - l
             | `window<l, r>`         k > q - l  and  k < q + r
             | `sink<n>`              k < n                (attention sinks)
             | `prefix<n>`            k < n                (bidirectional prefix)
             | `chunk<n>`             floor(k / n) = floor(q / n)
             | `stride<n>`            k = q  or  (k + 1) mod n = 0
             | `prefix_length<i>`     k < operand i [b]               (1-D, per batch)
             | `document<i>`          operand i [b, k] = operand i [b, q]    (2-D ids)
             | `dense<i>`             operand i [b, h, row, k] != 0   (4-D, sizes 1 broadcast)
             | `blocks<nq, nk, i>`    operand i [b, h, row / nq, k / nk] != 0
             | `per_head<[expr, ...], [t0, t1, ...]>`   head h sees by expression t_h
    ```

    Example: `#attn.mask<causal and window<4096> or sink<4>>`. `and` binds tighter
    than `or`. Operand numbers index the mask operands of the attention op; operands
    are integers (`i8`, `i32` or `i64`).

    A tile of rows and keys has a three-valued verdict: empty (no pair visible,
    the tile is never visited), full (every pair visible, no mask code runs) or
    partial.

    ```mlir
    attn.spec @streaming {
      query_heads = 32, key_heads = 8, qk_size = 128,
      mask = #attn.mask<causal and (window<4096> or sink<4>)>
    }
    ```
  }];
  let parameters = (ins
    "::mlir::attn::MaskKind":$kind,
    ArrayRefParameter<"int64_t", "numbers of the word">:$values,
    ArrayRefParameter<"::mlir::Attribute", "operand masks">:$children
  );
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The mask under which everything is visible.
    static MaskAttr getAll(MLIRContext *context);
    /// Joins two masks; `all` and `none` are absorbed.
    static MaskAttr getAnd(MaskAttr lhs, MaskAttr rhs);
    static MaskAttr getOr(MaskAttr lhs, MaskAttr rhs);
    /// A word with numbers only, e.g. `get(ctx, MaskKind::Window, {4096})`.
    static MaskAttr getWord(MLIRContext *context, MaskKind kind, ArrayRef<int64_t> values = {});
    MaskAttr getChild(unsigned i) const { return ::llvm::cast<MaskAttr>(getChildren()[i]); }
    bool isAll() const { return getKind() == MaskKind::All; }
    /// Number of mask operands the expression refers to (highest index + 1).
    int64_t getNumOperands() const;
    /// Whether some word depends on the score head.
    bool dependsOnHead() const;
    /// The expression head `h` sees by: per-head tables resolved.
    MaskAttr forHead(int64_t head) const;
    /// Whether `word` occurs anywhere in the expression.
    bool contains(MaskKind word) const;
    /// Text of the expression without `#attn.mask<>`.
    std::string str() const;
  }];
}

//===----------------------------------------------------------------------===//
// Records: attributes of named fields, all printed `#attn.x<field = value, ...>`
//===----------------------------------------------------------------------===//

/// A record keeps its non-default fields in a dictionary; `fields` (AttnRecords.cpp)
/// is the one table of names, kinds and defaults that parsing, printing,
/// verification and the typed accessors share.
class Attn_Record<string name, string word> : AttrDef<Attn_Dialect, name> {
  let mnemonic = word;
  let parameters = (ins "::mlir::DictionaryAttr":$fields);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  code recordMethods = [{
    static ArrayRef<RecordField> fieldTable();
    int64_t getInt(StringRef field) const { return recordInt(getFields(), fieldTable(), field); }
    double getReal(StringRef field) const { return recordReal(getFields(), fieldTable(), field); }
    StringRef getWord(StringRef field) const { return recordWord(getFields(), fieldTable(), field); }
    bool getFlag(StringRef field) const { return getInt(field) != 0; }
    SmallVector<int64_t> getInts(StringRef field) const { return recordInts(getFields(), field); }
    SmallVector<double> getReals(StringRef field) const { return recordReals(getFields(), field); }
    bool has(StringRef field) const { return static_cast<bool>(getFields().get(field)); }
  }];
}

def Attn_RopeAttr : Attn_Record<"Rope", "rope"> {
  let summary = "rotary position embedding";
  let description = [{
    Pair `i` of `dims/2` pairs is turned by `position * f_i` with
    `f_i = base^(-2i/dims)` changed by `scaling`, and multiplied by `magnitude`.

    | field | meaning | default |
    |---|---|---|
    | `dims` | rotated elements of a head, even | required |
    | `start` | first rotated element | 0 |
    | `base` | theta | 10000 |
    | `bases` | theta per head (HARPE); its length is the head count | none |
    | `layout` | `halves`: pair (i, i + dims/2); `interleaved`: pair (2i, 2i+1) | halves |
    | `scaling` | `none`, `linear`, `dynamic`, `yarn`, `llama3`, `longrope` | none |
    | `factor` | the scaling's factor | 1 |
    | `original_length` | positions the base model was trained on | 0 |
    | `served_length` | longest length to serve; `dynamic` and `longrope` choose by it | 0 |
    | `low_freq`, `high_freq` | llama3's wavelength bounds | 1, 4 |
    | `beta_fast`, `beta_slow` | yarn's rotation bounds | 32, 1 |
    | `truncate` | yarn rounds its bounds to whole pairs | 1 |
    | `magnitude` | factor on sine and cosine (yarn, longrope) | 1 |
    | `short_factors`, `long_factors` | longrope's factor per pair | none |

    Sources: RoFormer (Su et al. 2021), YaRN (Peng et al. 2023), LongRoPE (Ding et al. 2024).

    ```mlir
    attn.spec @llama_3_1 {
      query_heads = 32, key_heads = 8, qk_size = 128,
      rope = #attn.rope<dims = 128, base = 500000.0, scaling = llama3, factor = 8.0,
                        original_length = 8192, low_freq = 1.0, high_freq = 4.0>
    }
    ```
  }];
  let extraClassDeclaration = recordMethods # [{
    int64_t getDims() const { return getInt("dims"); }
    int64_t getStart() const { return getInt("start"); }
    bool isInterleaved() const { return getWord("layout") == "interleaved"; }
    /// Frequencies (radians per position) of the `dims/2` pairs for `head`.
    SmallVector<double> getFrequencies(int64_t head = 0) const;
  }];
}

def Attn_NormAttr : Attn_Record<"Norm", "norm_kind"> {
  let summary = "normalisation of a head's vector";
  let description = [{
    `kind = rms`: x / sqrt(mean(x²) + eps); `l2`: x / sqrt(sum(x²) + eps); `layer`: the
    mean is subtracted first and the variance used. The result is multiplied by
    `scale` and, where a gain operand is given, by `gain + gain_offset`. Defaults: `rms`, `eps` 1e-6,
    `scale` 1, `gain_offset` 0.

    ```mlir
    attn.spec @qk_norm {
      query_heads = 16, key_heads = 8, qk_size = 128, norm_gain,
      query_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>, key_norm = #attn.norm_kind<kind = rms, eps = 1.0e-6>
    }
    ```
  }];
  let extraClassDeclaration = recordMethods;
}

def Attn_LatentAttr : Attn_Record<"Latent", "latent"> {
  let summary = "keys and values as linear images of a cached latent (MLA)";
  let description = [{
    `kv_rank`: width of the cached latent; `rope`: width of the rotary key shared
    by all heads; `nope`: width of a head's position-free key; `q_rank`: width of the
    query latent, 0 for none. The head's key size is `nope + rope`.
    Source: DeepSeek-V2 (2024), section 2.1.

    ```mlir
    attn.spec @mla {
      query_heads = 128, v_size = 128,
      latent = #attn.latent<kv_rank = 512, nope = 128, rope = 64, q_rank = 1536>
    }
    ```
  }];
  let extraClassDeclaration = recordMethods;
}

def Attn_TargetAttr : Attn_Record<"Target", "target"> {
  let summary = "facts of a target that planning may use";
  let description = [{
    Written by `--attn-attach-target` from the target's own tables; planning reads
    these facts and never a target's name. Sizes are in bytes, rates per core and cycle.

    ```mlir
    module attributes {attn.target = #attn.target<kind = cpu, name = "avx512", lanes = 16, vector_registers = 32,
                                                  fused = 1, masked = 1, l1 = 49152, l2 = 2097152>} {
    }
    ```
  }];
  let extraClassDeclaration = recordMethods;
}

def Attn_ScheduleAttr : Attn_Record<"Schedule", "schedule"> {
  let summary = "how an attention is executed; chosen by planning, obeyed by all that follows";
  let description = [{
    | field | meaning |
    |---|---|
    | `rows` | query rows of one register panel or matrix tile (pairs of query and head) |
    | `panels` | row panels of one work item that share a loaded key tile |
    | `keys` | keys of one tile |
    | `lanes` | float32 lanes of the vector unit (CPU) |
    | `register_keys`, `register_values` | rows of the register block in the two products (CPU); keys whose scores a warp holds at once (`roles = uniform`) |
    | `unroll` | steps of the product loop per iteration (CPU) |
    | `stages` | key tiles in flight (asynchronous targets); blocks of 32 keys by 32 rows by which scores are ahead of weights (CPU, matrix tiles) |
    | `roles` | `uniform`, or `specialised` producers and consumers |
    | `consumers` | warpgroups that compute; with `roles = uniform` warps |
    | `blocks` | blocks that share a multiprocessor (`roles = uniform`) |
    | `split_output` | warpgroups, or warps of the portable form, that share the output's columns of the same rows |
    | `values_in_keys` | values are columns of the key tile and are loaded with it |
    | `q_in_registers`, `p_in_registers`, `overlap`, `pingpong`, `persistent` | switches of asynchronous targets |
    | `peek` | the next tiles of keys and values are asked for in front of the softmax, so that nobody waits for the answer (`roles = specialised`, `maximum = lazy`) |
    | `maximum` | `exact`, or `lazy` running maximum |
    | `powers` | of weights that are rounded to bf16: a `polynomial`, or a `table` of 16 bits; a `short_table` drops one of them (CPU, matrix tiles) |
    | `bypass` | operands whose tile loads ask not to stay in the first-level cache: `none`, `keys`, `values`, `both` (CPU, matrix tiles) |
    | `splits` | most parts the key range is cut into; lengths decide when it runs |
    | `order` | `longest_first` or `linear` order of work items |
    | `form` | `panels` of packed tiles; `stream`: few rows, keys and values read once from memory; `group` (CPU): many rows of one query, read so, too |

    ```mlir
    func.func @planned(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32> {
      %o = attn.attention %q, %k, %v scale(0.125) schedule<rows = 16, keys = 128, lanes = 16, order = longest_first>
          : tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x8x?x64xf32>
      return %o : tensor<?x8x?x64xf32>
    }
    ```
  }];
  let extraClassDeclaration = recordMethods;
}

#endif // ATTN_IR_ATTNATTRS_TD
