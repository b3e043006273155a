//===- ElaborateEntries.cpp - the body of one entry of a spec ---===//

#include "EntryWriter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

void EntryWriter::addAttentionPorts() {
  int64_t heads = spec.getQueryHeads();
  arguments.push_back({"query", headsOfSize(heads, spec.qkSize())});
  if (spec.getLatent()) {
    int64_t rank = latentSize("kv_rank");
    arguments.push_back({"cache", headsOfSize(1, rank + latentSize("rope"))});
    arguments.push_back({"key_up", weight({heads, rank, latentSize("nope")})});
    arguments.push_back({"value_up", weight({heads, rank, spec.vSize()})});
  } else {
    arguments.push_back({"key", headsOfSize(spec.keyHeads(), spec.qkSize())});
    arguments.push_back({"value", headsOfSize(spec.valueHeads(), spec.vSize())});
  }
  if (spec.getQueryNorm() && spec.getNormGain())
    arguments.push_back({"query_gain", weight({spec.qkSize()})});
  addSinks();
  addAttentionResults(spec.vSize());
}

/// What the product takes and gives: queries, keys and values as they are scored, in the form of
/// the entry.
void EntryWriter::addCorePorts() {
  int64_t rank = absorbs() ? latentSize("kv_rank") : 0;
  int64_t keySize = absorbs() ? rank + latentSize("rope") : spec.qkSize();
  arguments.push_back({"query", headsOfSize(spec.getQueryHeads(), keySize)});
  if (absorbs()) {
    arguments.push_back({"cache", headsOfSize(1, keySize)});
  } else {
    arguments.push_back({"key", headsOfSize(spec.keyHeads(), keySize)});
    arguments.push_back({"value", headsOfSize(spec.valueHeads(), spec.vSize())});
  }
  addSinks();
  addAttentionResults(absorbs() ? rank : spec.vSize());
}

void EntryWriter::addSinks() {
  if (spec.getSinks())
    arguments.push_back(
        {"sinks", RankedTensorType::get({spec.scoreHeads()}, builder.getF32Type())});
}

void EntryWriter::addAttentionResults(int64_t size) {
  int64_t any = ShapedType::kDynamic;
  results.push_back({"out", headsOfSize(spec.scoreHeads(), size)});
  if (hasLse())
    results.push_back(
        {"lse", RankedTensorType::get({any, spec.scoreHeads(), any}, builder.getF32Type())});
}

void EntryWriter::addAppendPorts() {
  if (spec.getLatent()) {
    int64_t rank = latentSize("kv_rank"), rope = latentSize("rope");
    arguments.push_back({"latent", headsOfSize(1, rank)});
    if (rope > 0)
      arguments.push_back({"rope_key", headsOfSize(1, rope)});
    results.push_back({"cache", headsOfSize(1, rank + rope)});
  } else {
    arguments.push_back({"key", headsOfSize(spec.keyHeads(), spec.qkSize())});
    arguments.push_back({"value", headsOfSize(spec.valueHeads(), spec.vSize())});
    results.push_back({"key_cache", arguments[0].type});
    results.push_back({"value_cache", arguments[1].type});
  }
  arguments.push_back({"start", builder.getIndexType()});
  int64_t keySize = spec.getLatent() ? latentSize("kv_rank") : spec.qkSize();
  if (spec.getKeyNorm() && spec.getNormGain())
    arguments.push_back({"key_gain", weight({keySize})});
  if (spec.getValueNorm() && spec.getNormGain())
    arguments.push_back({"value_gain", weight({spec.vSize()})});
}

static SmallVector<Type> typesOf(ArrayRef<Port> ports) {
  return llvm::map_to_vector(ports, [](const Port &port) { return port.type; });
}

func::FuncOp EntryWriter::openFunction(StringRef name, Operation *insertAfter) {
  builder.setInsertionPointAfter(insertAfter);
  auto type = builder.getFunctionType(typesOf(arguments), typesOf(results));
  auto function = func::FuncOp::create(builder, spec.getLoc(), name, type);
  function->setAttr("attn.entry", builder.getStringAttr(stringifyEntry(entry)));
  function->setAttr("attn.spec", FlatSymbolRefAttr::get(spec.getSymNameAttr()));
  if (spec.getKvFrom())
    function->setAttr("attn.kv_from", spec.getKvFromAttr());
  for (auto [i, port] : llvm::enumerate(arguments))
    function.setArgAttr(i, "attn.name", builder.getStringAttr(port.name));
  for (auto [i, port] : llvm::enumerate(results))
    function.setResultAttr(i, "attn.name", builder.getStringAttr(port.name));
  body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  return function;
}

//===----------------------------------------------------------------------===//
// Prefill and decode
//===----------------------------------------------------------------------===//

Value EntryWriter::normalised(Value input, NormAttr norm, StringRef gain) {
  if (!norm)
    return input;
  Value factor = hasArgument(gain) ? argument(gain) : Value();
  return NormOp::create(builder, spec.getLoc(), input.getType(), input, factor, norm);
}

Value EntryWriter::rotated(Value input, Value start, RopeAttr rope) {
  return rope ? RopeOp::create(builder, spec.getLoc(), input.getType(), input, start, rope) : input;
}

/// The position of the first query, so that the newest query stands at the newest key.
Value EntryWriter::newestStart(Value cache, Value queries, int64_t queryAxis) {
  Location loc = spec.getLoc();
  Value sequence = arith::ConstantIndexOp::create(builder, loc, 2);
  Value keys = tensor::DimOp::create(builder, loc, cache, sequence);
  if (queryAxis != 2)
    sequence = arith::ConstantIndexOp::create(builder, loc, queryAxis);
  Value rows = tensor::DimOp::create(builder, loc, queries, sequence);
  return arith::SubIOp::create(builder, loc, keys, rows);
}

/// The query normalised and rotated from position `start` on; null: where it stands in the cache.
FailureOr<Value> EntryWriter::preparedQuery(Value query, Value start) {
  FailureOr<RopeAttr> rope = queryRope(spec);
  if (failed(rope))
    return failure();
  Value normal = normalised(query, spec.getQueryNormAttr(), "query_gain");
  if (!*rope)
    return normal;
  if (!start)
    start = newestStart(argument(spec.getLatent() ? "cache" : "key"), query, 2);
  return rotated(normal, start, *rope);
}

/// score - slope(h) * (q - k), written as score + slope(h) * (k - q).
Value EntryWriter::withAlibi(Block &block, Value score) {
  Location loc = spec.getLoc();
  Value slope = LookupOp::create(builder, loc, builder.getF32Type(), block.getArgument(2),
                                 spec.getAlibiAttr());
  Value ahead = arith::SubIOp::create(builder, loc, block.getArgument(4), block.getArgument(3));
  Value wide = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), ahead);
  Value distance = arith::SIToFPOp::create(builder, loc, builder.getF32Type(), wide);
  Value bias = arith::MulFOp::create(builder, loc, slope, distance);
  return arith::AddFOp::create(builder, loc, score, bias);
}

/// cap * tanh(score / cap).
Value EntryWriter::withSoftcap(Value score) {
  Location loc = spec.getLoc();
  auto number = builder.getF32FloatAttr(spec.getSoftcap()->convertToDouble());
  Value cap = arith::ConstantOp::create(builder, loc, number);
  Value part = arith::DivFOp::create(builder, loc, score, cap);
  Value bent = math::TanhOp::create(builder, loc, part);
  return arith::MulFOp::create(builder, loc, bent, cap);
}

void EntryWriter::writeScoreRegion(AttentionOp op) {
  if (!spec.getAlibi() && !spec.getSoftcap())
    return;
  OpBuilder::InsertionGuard guard(builder);
  Location loc = spec.getLoc();
  Type index = builder.getIndexType();
  Type types[] = {builder.getF32Type(), index, index, index, index};
  Block *block = builder.createBlock(&op.getScore(), {}, types, SmallVector<Location>(5, loc));
  Value score = block->getArgument(0);
  if (spec.getAlibi())
    score = withAlibi(*block, score);
  if (spec.getSoftcap())
    score = withSoftcap(score);
  YieldOp::create(builder, loc, score);
}

AttentionOp EntryWriter::createAttention(Value query, Value key, Value value) {
  Value sinks = spec.getSinks() ? argument("sinks") : Value();
  auto op = AttentionOp::create(
      builder, spec.getLoc(), headsOfSize(spec.scoreHeads(), sizeOf(value)),
      hasLse() && !isLayer(entry) ? results[1].type : Type(), query, key, value, sinks,
      /*offset=*/Value(), /*mask_operands=*/ValueRange(),
      builder.getF64FloatAttr(spec.scoreScale()), spec.maskOrDefault(), spec.getQueryMapAttr(),
      spec.getKeyMapAttr(), spec.getValueMapAttr(),
      NormalizerAttr::get(spec.getContext(), spec.normalizerOrDefault()),
      /*schedule=*/ScheduleAttr());
  writeScoreRegion(op);
  return op;
}

bool EntryWriter::absorbs() const {
  SpecOp op = spec;
  if (!op.getLatent())
    return false;
  return op.getForm() ? *op.getForm() == "absorbed" : decodes(entry);
}

/// Keys and values of a latent's cache: each head's part is expanded, the rotary part shared.
static std::pair<Value, Value> expandCache(OpBuilder &builder, Location loc, Value cache,
                                           Value keyUp, Value valueUp) {
  auto keyWeight = cast<RankedTensorType>(keyUp.getType());
  auto valueWeight = cast<RankedTensorType>(valueUp.getType());
  int64_t rank = keyWeight.getDimSize(1), heads = keyWeight.getDimSize(0);
  Value latent = columnsOf(builder, loc, cache, 0, rank);
  auto expand = [&](Value weight, int64_t size) -> Value {
    return ExpandOp::create(builder, loc, headsType(cache, heads, size), latent, weight, false);
  };
  SmallVector<Value> parts{expand(keyUp, keyWeight.getDimSize(2))};
  if (sizeOf(cache) > rank)
    parts.push_back(columnsOf(builder, loc, cache, rank, sizeOf(cache) - rank));
  Value key = joinParts(builder, loc, parts);
  return {key, expand(valueUp, valueWeight.getDimSize(2))};
}

std::pair<Value, Value> EntryWriter::attended(ValueRange caches) {
  if (!spec.getLatent())
    return {caches[0], caches[1]};
  return expandCache(builder, spec.getLoc(), caches[0], argument("key_up"), argument("value_up"));
}

LogicalResult EntryWriter::writeAttention() {
  FailureOr<Value> query = preparedQuery(argument("query"), Value());
  if (failed(query))
    return failure();
  SmallVector<Value> caches = {argument(spec.getLatent() ? "cache" : "key")};
  if (!spec.getLatent())
    caches.push_back(argument("value"));
  auto [key, value] = attended(caches);
  AttentionOp op = createAttention(*query, key, value);
  func::ReturnOp::create(builder, spec.getLoc(), op.getResults());
  return absorbs() ? absorb(op) : success();
}

/// The attention alone. Absorbed it is one head of keys, whose first columns are the values.
LogicalResult EntryWriter::writeCore() {
  if (!absorbs()) {
    AttentionOp op = createAttention(argument("query"), argument("key"), argument("value"));
    func::ReturnOp::create(builder, spec.getLoc(), op.getResults());
    return success();
  }
  if (spec.getQueryMap() || spec.getKeyMap() || spec.getValueMap())
    return spec.emitOpError("expected score heads in the order of the query heads for an absorbed "
                            "core, found a head map; use form = \"expanded\"");
  Value cache = argument("cache");
  Value latent = columnsOf(builder, spec.getLoc(), cache, 0, latentSize("kv_rank"));
  AttentionOp op = createAttention(argument("query"), cache, latent);
  func::ReturnOp::create(builder, spec.getLoc(), op.getResults());
  return success();
}

/// Both projection laws; a spec whose head tables forbid them is an error, which names the
/// operation in the way.
LogicalResult EntryWriter::absorb(AttentionOp op) {
  DeclineReporter reporter(/*strict=*/true);
  IRRewriter rewriter(spec.getContext(), &reporter);
  for (auto rewrite : {absorbLatentKey, absorbLatentValue}) {
    rewriter.setInsertionPoint(op);
    if (failed(rewrite(rewriter, op)))
      return spec.emitOpError("cannot be absorbed; use form = \"expanded\"");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Append
//===----------------------------------------------------------------------===//

SmallVector<Value> EntryWriter::latentRows(Value latent, Value ropeKey, Value start) {
  SmallVector<Value> parts{normalised(latent, spec.getKeyNormAttr(), "key_gain")};
  if (ropeKey)
    parts.push_back(rotated(ropeKey, start, keyRope(spec)));
  return {joinParts(builder, spec.getLoc(), parts)};
}

SmallVector<Value> EntryWriter::keyValueRows(Value key, Value value, Value start) {
  Value normal = normalised(key, spec.getKeyNormAttr(), "key_gain");
  return {rotated(normal, start, keyRope(spec)),
          normalised(value, spec.getValueNormAttr(), "value_gain")};
}

void EntryWriter::writeAppend() {
  Value start = argument("start");
  Value ropeKey = hasArgument("rope_key") ? argument("rope_key") : Value();
  auto rows = spec.getLatent() ? latentRows(argument("latent"), ropeKey, start)
                               : keyValueRows(argument("key"), argument("value"), start);
  func::ReturnOp::create(builder, spec.getLoc(), rows);
}

void EntryWriter::addPorts() {
  if (isLayer(entry))
    return addLayerPorts();
  if (isCore(entry))
    return addCorePorts();
  entry == Entry::Append ? addAppendPorts() : addAttentionPorts();
}

LogicalResult EntryWriter::writeBody() {
  if (isLayer(entry))
    return writeLayer();
  if (isCore(entry))
    return writeCore();
  if (entry != Entry::Append)
    return writeAttention();
  writeAppend();
  return success();
}

/// Without a `form`, whole entries are absorbed on trial: choosing the form may take it back.
LogicalResult EntryWriter::checkAbsorbedSizes() {
  if (!absorbs() || !(spec.getForm() || isCore(entry)))
    return success();
  int64_t rank = latentSize("kv_rank"), all = rank + latentSize("rope");
  if (all <= mostKeySize && rank <= mostValueSize)
    return success();
  return spec.emitOpError("expected keys of at most ")
         << mostKeySize << " and values of at most " << mostValueSize
         << " for the absorbed form, found kv_rank + rope = " << all << " and kv_rank = " << rank
         << "; use form = \"expanded\"";
}

FailureOr<func::FuncOp> EntryWriter::write(StringRef name, Operation *insertAfter) {
  if (failed(checkAbsorbedSizes()))
    return failure();
  addPorts();
  func::FuncOp function = openFunction(name, insertAfter);
  if (succeeded(writeBody()))
    return function;
  function.erase();
  return failure();
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

/// Whether an earlier run wrote `other` as this entry of the spec.
static bool isEntryOf(Operation *other, SpecOp spec, Entry entry) {
  auto name = other->getAttrOfType<StringAttr>("attn.entry");
  auto of = other->getAttrOfType<FlatSymbolRefAttr>("attn.spec");
  return isa<func::FuncOp>(other) && name && name == stringifyEntry(entry) && of &&
         of.getAttr() == spec.getSymNameAttr();
}

static LogicalResult checkLayer(SpecOp spec) {
  // Version 1.0 knew that a projection adds a vector, but not which.
  if (spec->hasAttr("attn.projection_bias"))
    return spec.emitOpError("expected 'bias' to name the projections that add a vector, found "
                            "'attn.projection_bias'; import the model again");
  if (spec.getWidth())
    return success();
  return spec.emitOpError(
      "expected 'width', the size of the hidden states, for a layer entry; found "
      "none; add width = ... to the spec");
}

FailureOr<func::FuncOp> elaborateEntry(SpecOp spec, Entry entry, Operation *insertAfter) {
  if (entry == Entry::Append && spec.getKvFrom())
    return func::FuncOp();
  if (failed(checkLatent(spec)) || failed(checkSource(spec)) ||
      (isLayer(entry) && failed(checkLayer(spec))))
    return failure();
  std::string name = (spec.getSymName() + "_" + stringifyEntry(entry)).str();
  std::replace(name.begin() + static_cast<int64_t>(spec.getSymName().size()), name.end(), '-', '_');
  Operation *taken = SymbolTable::lookupSymbolIn(spec->getParentOp(), name);
  if (taken && isEntryOf(taken, spec, entry))
    return func::FuncOp();
  if (taken) {
    InFlightDiagnostic error = spec.emitOpError("expected the name @")
                               << name << " to be free for the " << stringifyEntry(entry)
                               << " of the spec; rename one of them";
    error.attachNote(taken->getLoc()) << "found it here";
    return error;
  }
  return EntryWriter(spec, entry).write(name, insertAfter);
}

} // namespace mlir::attn
