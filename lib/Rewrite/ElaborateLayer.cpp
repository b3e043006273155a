//===- ElaborateLayer.cpp - hidden states in, output out ---===//
//
// Around the attention of a spec: the projections of the hidden states, the cache that grows, the
// output projection. The cache is what the mechanism caches: keys and values, or its latent.
//
//===----------------------------------------------------------------------===//

#include "EntryWriter.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Signature
//===----------------------------------------------------------------------===//

/// Weights of one layer, in the order in which a token meets them.
void EntryWriter::addLayerWeights() {
  int64_t width = *spec.getWidth(), heads = spec.getQueryHeads();
  bool own = !spec.getKvFrom(), gain = spec.getNormGain();
  auto add = [&](StringRef name, ArrayRef<int64_t> shape) {
    arguments.push_back({name, weight(shape)});
  };
  int64_t from = width;
  if (spec.getLatent() && latentSize("q_rank") > 0) {
    from = latentSize("q_rank");
    add("query_down", {1, width, from});
    if (spec.getKeyNorm() && gain)
      add("query_latent_gain", {from});
  }
  add("query_weight", {heads, from, spec.qkSize()});
  if (spec.getQueryNorm() && gain)
    add("query_gain", {spec.qkSize()});
  if (spec.getLatent() && own)
    add("latent_down", {1, width, latentSize("kv_rank") + latentSize("rope")});
  if (!spec.getLatent() && own)
    add("key_weight", {spec.keyHeads(), width, spec.qkSize()});
  if (spec.getKeyNorm() && gain && own)
    add("key_gain", {spec.getLatent() ? latentSize("kv_rank") : spec.qkSize()});
  if (spec.getLatent()) {
    add("key_up", {heads, latentSize("kv_rank"), latentSize("nope")});
    add("value_up", {heads, latentSize("kv_rank"), spec.vSize()});
  } else if (own) {
    add("value_weight", {spec.valueHeads(), width, spec.vSize()});
    if (spec.getValueNorm() && gain)
      add("value_gain", {spec.vSize()});
  }
  if (spec.getSinks())
    arguments.push_back(
        {"sinks", RankedTensorType::get({spec.scoreHeads()}, builder.getF32Type())});
  add("output_weight", {spec.scoreHeads(), spec.vSize(), width});
}

void EntryWriter::addLayerPorts() {
  int64_t any = ShapedType::kDynamic;
  auto width = static_cast<int64_t>(*spec.getWidth());
  Type hidden = RankedTensorType::get({any, any, width}, spec.elementType());
  arguments.push_back({"hidden", hidden});
  results.push_back({"out", hidden});
  auto addCache = [&](StringRef name, StringRef grown, Type type) {
    arguments.push_back({name, type});
    if (!spec.getKvFrom())
      results.push_back({grown, type});
  };
  if (spec.getLatent()) {
    addCache("cache", "cache_out", headsOfSize(1, latentSize("kv_rank") + latentSize("rope")));
  } else {
    addCache("key_cache", "key_cache_out", headsOfSize(spec.keyHeads(), spec.qkSize()));
    addCache("value_cache", "value_cache_out", headsOfSize(spec.valueHeads(), spec.vSize()));
  }
  addLayerWeights();
}

//===----------------------------------------------------------------------===//
// Body
//===----------------------------------------------------------------------===//

/// `input` through the weight of that name, head by head.
Value EntryWriter::expanded(Value input, StringRef weightName) {
  Value matrix = argument(weightName);
  auto type = cast<RankedTensorType>(matrix.getType());
  return ExpandOp::create(builder, spec.getLoc(),
                          headsType(input, type.getDimSize(0), type.getDimSize(2)), input, matrix,
                          /*transposed=*/false);
}

Value EntryWriter::projectedQuery(Value tokens) {
  if (hasArgument("query_down"))
    tokens = normalised(expanded(tokens, "query_down"), spec.getKeyNormAttr(), "query_latent_gain");
  return expanded(tokens, "query_weight");
}

SmallVector<Value> EntryWriter::projectedRows(Value tokens, Value start) {
  if (!spec.getLatent())
    return keyValueRows(expanded(tokens, "key_weight"), expanded(tokens, "value_weight"), start);
  Location loc = spec.getLoc();
  Value both = expanded(tokens, "latent_down");
  int64_t rank = latentSize("kv_rank"), turned = latentSize("rope");
  Value ropeKey = turned > 0 ? columnsOf(builder, loc, both, rank, turned) : Value();
  return latentRows(columnsOf(builder, loc, both, 0, rank), ropeKey, start);
}

/// The caches with the rows of `tokens` at their end; another layer's are as they come.
SmallVector<Value> EntryWriter::grownCaches(Value tokens, Value start) {
  SmallVector<Value> caches = {argument(spec.getLatent() ? "cache" : "key_cache")};
  if (!spec.getLatent())
    caches.push_back(argument("value_cache"));
  if (spec.getKvFrom())
    return caches;
  for (auto [cache, rows] : llvm::zip_equal(caches, projectedRows(tokens, start)))
    cache = AppendOp::create(builder, spec.getLoc(), cache.getType(), cache, rows);
  return caches;
}

LogicalResult EntryWriter::writeLayer() {
  Location loc = spec.getLoc();
  Value hidden = argument("hidden");
  auto width = static_cast<int64_t>(*spec.getWidth());
  Value tokens = TokensOp::create(builder, loc, headsOfSize(1, width), hidden);
  Value start = newestStart(argument(spec.getLatent() ? "cache" : "key_cache"), hidden, 1);
  FailureOr<Value> query = preparedQuery(projectedQuery(tokens), start);
  if (failed(query))
    return failure();
  SmallVector<Value> caches = grownCaches(tokens, start);
  auto [key, value] = attended(caches);
  AttentionOp op = createAttention(*query, key, value);
  SmallVector<Value> returned = {
      ProjectOp::create(builder, loc, hidden.getType(), op.getOut(), argument("output_weight"))};
  if (!spec.getKvFrom())
    llvm::append_range(returned, caches);
  func::ReturnOp::create(builder, loc, returned);
  return absorbs() ? absorb(op) : success();
}

} // namespace mlir::attn
