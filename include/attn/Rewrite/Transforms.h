//===- Transforms.h - rewrites of attention, callable one by one -*- C++ -*-===//
//
// Every rewrite looks at one attention. It returns success when it changed
// something. It returns failure when there was nothing to do, or when it declines; a
// rewrite that declines says why in one sentence through `notifyMatchFailure` of its rewriter,
// and has changed nothing. An attention that carries a schedule is always declined.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_REWRITE_TRANSFORMS_H
#define ATTN_REWRITE_TRANSFORMS_H

#include "attn/IR/AttnOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Elaboration
//===----------------------------------------------------------------------===//

/// Functions that a spec can be elaborated to.
enum class Entry { Prefill, Decode, Append, PrefillCore, DecodeCore, LayerPrefill, LayerDecode };

/// "prefill", "decode", "append", "prefill-core", "decode-core", "layer-prefill" or "layer-decode".
StringRef stringifyEntry(Entry entry);
/// The entry of that name; none for another word.
std::optional<Entry> symbolizeEntry(StringRef word);

/// Writes the function `@<spec>_<entry>` (with `_` for `-`) after `insertAfter` (see
/// `--attn-elaborate` for its arguments and results). Returns a null function where the spec has no
/// such entry (append of a layer that reads another layer's cache) or an earlier run already wrote
/// it. Fails with a diagnostic on the spec when the name is taken, when the spec's parts do not fit
/// together, when the layer it reads has no cache that fits, or when a layer entry finds no
/// `width`.
FailureOr<func::FuncOp> elaborateEntry(SpecOp spec, Entry entry, Operation *insertAfter);

/// All given entries of a spec, in order. `written`, when given, receives the new functions.
LogicalResult elaborateSpec(SpecOp spec, ArrayRef<Entry> entries,
                            SmallVectorImpl<func::FuncOp> *written = nullptr);

//===----------------------------------------------------------------------===//
// The two projection laws
//===----------------------------------------------------------------------===//

/// `<q, c W> = <q Wᵀ, c>`, left to right: expansions that make keys move to the query. Inexact.
LogicalResult absorbLatentKey(RewriterBase &rewriter, AttentionOp op);
/// `sum p (c W) = (sum p c) W`, left to right: the values' expansion moves to the output. Inexact.
LogicalResult absorbLatentValue(RewriterBase &rewriter, AttentionOp op);

/// `<q Wᵀ, c> = <q, c W>`: transposed expansions that make queries move to the keys. Inexact.
LogicalResult expandLatentKey(RewriterBase &rewriter, AttentionOp op);
/// `(sum p c) W = sum p (c W)`: the output's expansion moves to the values. Inexact.
LogicalResult expandLatentValue(RewriterBase &rewriter, AttentionOp op);

/// Grouped keys and values as expansions of a latent, by weights of zeros and ones. Exact.
LogicalResult groupsToLatent(RewriterBase &rewriter, AttentionOp op);
/// Values that are a part of concatenated keys become a column range of them. Exact.
LogicalResult aliasValue(RewriterBase &rewriter, AttentionOp op);

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// `(x A) B = x (A B)`: one weight for two maps in a row, unless the middle is narrow. Inexact.
LogicalResult foldExpandOfExpand(RewriterBase &rewriter, ExpandOp op);
LogicalResult foldProjectOfExpand(RewriterBase &rewriter, ProjectOp op);

/// Moves weights made of arguments only to `@<function>_weights`, which is returned; a null
/// function where there are none. Fails with a diagnostic where the name is taken. Exact.
FailureOr<func::FuncOp> hoistWeights(func::FuncOp function);

//===----------------------------------------------------------------------===//
// Several layers
//===----------------------------------------------------------------------===//

/// Arguments that name one cache in `attn.cache` become one, and repeated transforms of keys and
/// values too; counts what went. Fails with a diagnostic where their types differ. Exact.
FailureOr<int64_t> shareKeysAndValues(func::FuncOp function);

//===----------------------------------------------------------------------===//
// Folds into the attention
//===----------------------------------------------------------------------===//

/// A factor on queries or keys becomes part of the attention's scale. Exact up to rounding.
LogicalResult foldScaleOfProduct(RewriterBase &rewriter, AttentionOp op);
/// A factor on the output becomes part of the scale where the normaliser is homogeneous (relu).
LogicalResult foldScaleOfOutput(RewriterBase &rewriter, AttentionOp op);
/// A factor on the values moves to the output. Exact up to rounding.
LogicalResult foldScaleOfValue(RewriterBase &rewriter, AttentionOp op);

/// Head selections of queries, keys and values become the attention's head map. Exact.
LogicalResult foldHeads(RewriterBase &rewriter, AttentionOp op);

} // namespace mlir::attn

#endif // ATTN_REWRITE_TRANSFORMS_H
