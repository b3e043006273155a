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

/// A projection of the hidden states, or of a latent: its weight, and the vector it may add.
struct Projection {
  StringRef weight, bias;
};

static constexpr Projection queryProjection = {"query_weight", "query_bias"},
                            queryDown = {"query_down", "query_down_bias"},
                            keyProjection = {"key_weight", "key_bias"},
                            valueProjection = {"value_weight", "value_bias"},
                            latentDown = {"latent_down", "latent_down_bias"},
                            outputProjection = {"output_weight", "output_bias"};

/// A weight [heads, from, to], and [heads, to] where `projection` is said to have a bias.
void EntryWriter::addProjection(const Projection &names, ArrayRef<int64_t> shape,
                                StringRef projection) {
  arguments.push_back({names.weight, weight(shape)});
  if (spec.hasBias(projection))
    arguments.push_back({names.bias, weight({shape[0], shape[2]})});
}

void EntryWriter::addGain(StringRef name, NormAttr norm, int64_t size) {
  if (norm && spec.getNormGain())
    arguments.push_back({name, weight({size})});
}

void EntryWriter::addQueryWeights() {
  int64_t from = *spec.getWidth();
  bool isLatent = spec.getLatent() && latentSize("q_rank") > 0;
  if (isLatent) {
    addProjection(queryDown, {1, from, latentSize("q_rank")}, "query");
    from = latentSize("q_rank");
    addGain("query_latent_gain", spec.getKeyNormAttr(), from);
  }
  // Where there is a query latent, the bias is on the way to it.
  addProjection(queryProjection, {static_cast<int64_t>(spec.getQueryHeads()), from, spec.qkSize()},
                isLatent ? "" : "query");
  addGain("query_gain", spec.getQueryNormAttr(), spec.qkSize());
}

void EntryWriter::addKeyValueWeights() {
  int64_t width = *spec.getWidth();
  addProjection(keyProjection, {spec.keyHeads(), width, spec.qkSize()}, "key");
  addGain("key_gain", spec.getKeyNormAttr(), spec.qkSize());
  addProjection(valueProjection, {spec.valueHeads(), width, spec.vSize()}, "value");
  addGain("value_gain", spec.getValueNormAttr(), spec.vSize());
}

/// A reader of another layer's latent has images of its own.
void EntryWriter::addLatentWeights() {
  int64_t width = *spec.getWidth(), rank = latentSize("kv_rank"), heads = spec.getQueryHeads();
  if (!spec.getKvFrom()) {
    addProjection(latentDown, {1, width, rank + latentSize("rope")}, "latent");
    addGain("key_gain", spec.getKeyNormAttr(), rank);
  }
  arguments.push_back({"key_up", weight({heads, rank, latentSize("nope")})});
  arguments.push_back({"value_up", weight({heads, rank, spec.vSize()})});
}

/// Weights of one layer, in the order in which a token meets them.
void EntryWriter::addLayerWeights() {
  addQueryWeights();
  if (spec.getLatent())
    addLatentWeights();
  else if (!spec.getKvFrom())
    addKeyValueWeights();
  addSinks();
  arguments.push_back({outputProjection.weight,
                       weight({spec.scoreHeads(), spec.vSize(), int64_t(*spec.getWidth())})});
  if (spec.hasBias("output"))
    arguments.push_back({outputProjection.bias, weight({int64_t(*spec.getWidth())})});
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

/// `value` plus the argument of that name, where the entry has it.
Value EntryWriter::biased(Value value, StringRef name) {
  if (!hasArgument(name))
    return value;
  return BiasOp::create(builder, spec.getLoc(), value.getType(), value, argument(name));
}

/// `input` through the weight of that name, head by head, and its bias.
Value EntryWriter::projected(Value input, const Projection &names) {
  Value matrix = argument(names.weight);
  auto type = cast<RankedTensorType>(matrix.getType());
  Value image = ExpandOp::create(builder, spec.getLoc(),
                                 headsType(input, type.getDimSize(0), type.getDimSize(2)), input,
                                 matrix, /*transposed=*/false);
  return biased(image, names.bias);
}

/// Queries, keys and values as projected, of which some models limit the elements.
Value EntryWriter::clipped(Value value) {
  if (!spec.getClipQkv())
    return value;
  return ClampOp::create(builder, spec.getLoc(), value.getType(), value, spec.getClipQkvAttr());
}

Value EntryWriter::projectedQuery(Value tokens) {
  if (hasArgument(queryDown.weight))
    tokens = normalised(projected(tokens, queryDown), spec.getKeyNormAttr(), "query_latent_gain");
  return clipped(projected(tokens, queryProjection));
}

SmallVector<Value> EntryWriter::projectedRows(Value tokens, Value start) {
  if (!spec.getLatent())
    return keyValueRows(clipped(projected(tokens, keyProjection)),
                        clipped(projected(tokens, valueProjection)), start);
  Location loc = spec.getLoc();
  Value both = projected(tokens, latentDown);
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
  Value out = ProjectOp::create(builder, loc, hidden.getType(), op.getOut(),
                                argument(outputProjection.weight));
  SmallVector<Value> returned = {biased(out, outputProjection.bias)};
  if (!spec.getKvFrom())
    llvm::append_range(returned, caches);
  func::ReturnOp::create(builder, loc, returned);
  return absorbs() ? absorb(op) : success();
}

} // namespace mlir::attn
