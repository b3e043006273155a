//===- EntryWriter.h - writes one entry of one spec --------------*- C++ -*-===//
//
// Private to this room.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REWRITE_ENTRYWRITER_H
#define ATTN_LIB_REWRITE_ENTRYWRITER_H

#include "RewriteUtils.h"
#include "attn/Rewrite/Transforms.h"

namespace mlir::attn {

/// The rotation of queries, and of keys as cached (with a latent the rotary key, from its start);
/// null where the spec has none. The first fails where query heads meet keys of several bases.
FailureOr<RopeAttr> queryRope(SpecOp spec);
RopeAttr keyRope(SpecOp spec);

/// Whether the parts of a latent fit together, and the layer that a spec reads is one it can read.
LogicalResult checkLatent(SpecOp spec);
LogicalResult checkSource(SpecOp spec);

inline bool isLayer(Entry entry) {
  return entry == Entry::LayerPrefill || entry == Entry::LayerDecode;
}
inline bool isCore(Entry entry) {
  return entry == Entry::PrefillCore || entry == Entry::DecodeCore;
}
/// Few rows ask many keys.
inline bool decodes(Entry entry) {
  return entry == Entry::Decode || entry == Entry::DecodeCore || entry == Entry::LayerDecode;
}

struct Projection;

/// A named argument or result of an entry.
struct Port {
  StringRef name;
  Type type;
};

/// Writes one entry of one spec.
class EntryWriter {
public:
  EntryWriter(SpecOp spec, Entry entry) : spec(spec), entry(entry), builder(spec.getContext()) {}

  FailureOr<func::FuncOp> write(StringRef name, Operation *insertAfter);

private:
  void addPorts();
  void addAttentionPorts();
  void addCorePorts();
  void addAttentionResults(int64_t size);
  void addSinks();
  void addAppendPorts();
  void addLayerPorts();
  void addLayerWeights();
  void addQueryWeights();
  void addKeyValueWeights();
  void addLatentWeights();
  void addProjection(const Projection &names, ArrayRef<int64_t> shape, StringRef projection);
  void addGain(StringRef name, NormAttr norm, int64_t size);
  func::FuncOp openFunction(StringRef name, Operation *insertAfter);

  LogicalResult writeBody();
  LogicalResult writeAttention();
  LogicalResult writeCore();
  LogicalResult absorb(AttentionOp op);
  void writeAppend();
  LogicalResult writeLayer();

  /// Rows of the cache from keys and values, or from the latent and the rotary key, as projected.
  SmallVector<Value> keyValueRows(Value key, Value value, Value start);
  SmallVector<Value> latentRows(Value latent, Value ropeKey, Value start);
  /// Key and value of the attention from the caches.
  std::pair<Value, Value> attended(ValueRange caches);

  Value projectedQuery(Value tokens);
  SmallVector<Value> projectedRows(Value tokens, Value start);
  SmallVector<Value> grownCaches(Value tokens, Value start);
  Value newestStart(Value cache, Value queries, int64_t queryAxis);

  FailureOr<Value> preparedQuery(Value query, Value start);
  AttentionOp createAttention(Value query, Value key, Value value);
  Value projected(Value input, const Projection &names);
  Value biased(Value value, StringRef name);
  Value clipped(Value value);
  Value normalised(Value input, NormAttr norm, StringRef gain);
  Value rotated(Value input, Value start, RopeAttr rope);
  void writeScoreRegion(AttentionOp op);
  Value withAlibi(Block &block, Value score);
  Value withSoftcap(Value score);

  bool absorbs() const;
  LogicalResult checkAbsorbedSizes();
  bool hasLse() { return spec.normalizerOrDefault() == Normalizer::Softmax; }
  int64_t latentSize(StringRef field) { return spec.getLatent()->getInt(field); }
  RankedTensorType headsOfSize(int64_t heads, int64_t size) {
    int64_t any = ShapedType::kDynamic;
    return RankedTensorType::get({any, heads, any, size}, spec.elementType());
  }
  Type weight(ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, spec.elementType()); }
  /// The argument of that name; the entry must have it.
  Value argument(StringRef name) {
    auto port = llvm::find_if(arguments, [&](const Port &port) { return port.name == name; });
    assert(port != arguments.end() && "no argument of that name");
    return body->getArgument(port - arguments.begin());
  }
  bool hasArgument(StringRef name) {
    return llvm::any_of(arguments, [&](const Port &port) { return port.name == name; });
  }

  SpecOp spec;
  Entry entry;
  OpBuilder builder;
  SmallVector<Port> arguments, results;
  Block *body = nullptr;
};

} // namespace mlir::attn

#endif // ATTN_LIB_REWRITE_ENTRYWRITER_H
