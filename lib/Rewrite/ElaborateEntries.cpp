//===- ElaborateEntries.cpp - the body of one entry of a spec ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Transforms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Rotations
//===----------------------------------------------------------------------===//

/// `rope` with one field replaced; a null value leaves the field to its default.
static RopeAttr withField(RopeAttr rope, StringRef field, Attribute value) {
  NamedAttrList fields(rope.getFields());
  if (value)
    fields.set(field, value);
  else
    fields.erase(field);
  return RopeAttr::get(rope.getContext(), fields.getDictionary(rope.getContext()));
}

static RopeAttr withStart(RopeAttr rope, int64_t start) {
  Builder builder(rope.getContext());
  return withField(rope, "start", start ? builder.getI64IntegerAttr(start) : IntegerAttr());
}

/// The base by which each query head is turned: that of the key head its scores are with.
static FailureOr<SmallVector<double>> queryBases(SpecOp spec, ArrayRef<double> keyBases) {
  int64_t scoreHeads = spec.scoreHeads();
  auto table = [&](std::optional<ArrayRef<int64_t>> given, int64_t heads) {
    return given ? SmallVector<int64_t>(*given) : evenHeadMap(scoreHeads, heads);
  };
  SmallVector<int64_t> queries = table(spec.getQueryMap(), spec.getQueryHeads());
  SmallVector<int64_t> keys = table(spec.getKeyMap(), spec.keyHeads());
  SmallVector<double> bases(spec.getQueryHeads(), 0.0);
  for (auto [query, key] : llvm::zip(queries, keys)) {
    if (bases[query] != 0.0 && bases[query] != keyBases[key])
      return spec.emitOpError("expected one rope base for all keys a query head meets, found ")
             << bases[query] << " and " << keyBases[key] << " for query head " << query
             << "; give the key heads of a group the same base";
    bases[query] = keyBases[key];
  }
  // A query head that no score head reads still needs some base.
  for (double &base : bases)
    base = base == 0.0 ? keyBases.front() : base;
  return bases;
}

/// The rotation of queries; null where the spec has none.
static FailureOr<RopeAttr> queryRope(SpecOp spec) {
  RopeAttr rope = spec.getRopeAttr();
  if (rope && spec.getLatent())
    return withStart(rope, spec.getLatent()->getInt("nope"));
  SmallVector<double> keyBases = rope ? rope.getReals("bases") : SmallVector<double>();
  if (keyBases.empty())
    return rope;
  FailureOr<SmallVector<double>> bases = queryBases(spec, keyBases);
  if (failed(bases))
    return failure();
  return withField(rope, "bases", DenseF64ArrayAttr::get(spec.getContext(), *bases));
}

/// The rotation of keys as cached; with a latent it turns the shared rotary key from its start.
static RopeAttr keyRope(SpecOp spec) {
  RopeAttr rope = spec.getRopeAttr();
  return rope && spec.getLatent() ? withStart(rope, 0) : rope;
}

//===----------------------------------------------------------------------===//
// What a spec with a latent can say
//===----------------------------------------------------------------------===//

static LogicalResult checkLatentRope(SpecOp spec, RopeAttr rope) {
  int64_t nope = spec.getLatent()->getInt("nope"), width = spec.getLatent()->getInt("rope");
  if (rope.getStart() != 0 && rope.getStart() != nope)
    return spec.emitOpError(
               "expected the rotation of a latent's heads to start at their rotary part, ")
           << nope << ", found " << rope.getStart() << "; leave 'start' out";
  if (rope.getDims() > width)
    return spec.emitOpError("expected at most ")
           << width << " rotated elements, the latent's 'rope', found " << rope.getDims();
  if (!rope.getReals("bases").empty())
    return spec.emitOpError(
        "expected one rope base for the rotary key that all heads of a latent share, "
        "found 'bases'; use 'base'");
  return success();
}

static LogicalResult checkLatent(SpecOp spec) {
  if (!spec.getLatent())
    return success();
  if (spec.getValueNorm())
    return spec.emitOpError(
        "expected no 'value_norm' beside a latent, whose values are images of the "
        "normalised latent; 'key_norm' is the norm of the latent");
  if (RopeAttr rope = spec.getRopeAttr())
    return checkLatentRope(spec, rope);
  return success();
}

//===----------------------------------------------------------------------===//
// Writing a function
//===----------------------------------------------------------------------===//

namespace {
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
  void addAttentionPorts();
  void addAppendPorts();
  func::FuncOp openFunction(StringRef name, Operation *insertAfter);

  LogicalResult writeAttention();
  LogicalResult absorb(AttentionOp op);
  void writeAppend();

  FailureOr<Value> preparedQuery(Value cache);
  AttentionOp createAttention(Value query, Value key, Value value);
  Value normalised(Value input, NormAttr norm, StringRef gain);
  Value rotated(Value input, Value start, RopeAttr rope);
  void writeScoreRegion(AttentionOp op);
  Value withAlibi(Block &block, Value score);
  Value withSoftcap(Value score);

  bool absorbs() const;
  bool hasLse() { return spec.normalizerOrDefault() == Normalizer::Softmax; }
  int64_t latentSize(StringRef field) { return spec.getLatent()->getInt(field); }
  Type headsOfSize(int64_t heads, int64_t size) {
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
} // namespace

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

void EntryWriter::addAttentionPorts() {
  int64_t heads = spec.getQueryHeads(), any = ShapedType::kDynamic;
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
  if (spec.getSinks())
    arguments.push_back(
        {"sinks", RankedTensorType::get({spec.scoreHeads()}, builder.getF32Type())});

  results.push_back({"out", headsOfSize(spec.scoreHeads(), spec.vSize())});
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

/// The query normalised and rotated at positions `Sk - Sq + row`.
FailureOr<Value> EntryWriter::preparedQuery(Value cache) {
  FailureOr<RopeAttr> rope = queryRope(spec);
  if (failed(rope))
    return failure();
  Value query = normalised(argument("query"), spec.getQueryNormAttr(), "query_gain");
  if (!*rope)
    return query;
  Location loc = spec.getLoc();
  Value sequence = arith::ConstantIndexOp::create(builder, loc, 2);
  Value keys = tensor::DimOp::create(builder, loc, cache, sequence);
  Value queries = tensor::DimOp::create(builder, loc, argument("query"), sequence);
  return rotated(query, arith::SubIOp::create(builder, loc, keys, queries), *rope);
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
  auto op =
      AttentionOp::create(builder, spec.getLoc(), results[0].type,
                          hasLse() ? results[1].type : Type(), query, key, value, sinks,
                          /*offset=*/Value(), /*mask_operands=*/ValueRange(),
                          builder.getF64FloatAttr(spec.scoreScale()), spec.maskOrDefault(),
                          spec.getQueryMapAttr(), spec.getKeyMapAttr(), spec.getValueMapAttr(),
                          NormalizerAttr::get(spec.getContext(), spec.normalizerOrDefault()),
                          /*schedule=*/ScheduleAttr());
  writeScoreRegion(op);
  return op;
}

bool EntryWriter::absorbs() const {
  SpecOp op = spec;
  if (!op.getLatent())
    return false;
  return op.getForm() ? *op.getForm() == "absorbed" : entry == Entry::Decode;
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

LogicalResult EntryWriter::writeAttention() {
  Value cache = argument(spec.getLatent() ? "cache" : "key");
  FailureOr<Value> query = preparedQuery(cache);
  if (failed(query))
    return failure();
  auto [key, value] = spec.getLatent() ? expandCache(builder, spec.getLoc(), cache,
                                                     argument("key_up"), argument("value_up"))
                                       : std::pair<Value, Value>(cache, argument("value"));
  AttentionOp op = createAttention(*query, key, value);
  func::ReturnOp::create(builder, spec.getLoc(), op.getResults());
  return absorbs() ? absorb(op) : success();
}

/// Both projection laws; a spec whose head tables forbid them is an error.
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

void EntryWriter::writeAppend() {
  Value start = argument("start");
  NormAttr keyNorm = spec.getKeyNormAttr();
  SmallVector<Value> rows;
  if (spec.getLatent()) {
    SmallVector<Value> parts{normalised(argument("latent"), keyNorm, "key_gain")};
    if (hasArgument("rope_key"))
      parts.push_back(rotated(argument("rope_key"), start, keyRope(spec)));
    rows.push_back(joinParts(builder, spec.getLoc(), parts));
  } else {
    Value key = normalised(argument("key"), keyNorm, "key_gain");
    rows.push_back(rotated(key, start, keyRope(spec)));
    rows.push_back(normalised(argument("value"), spec.getValueNormAttr(), "value_gain"));
  }
  func::ReturnOp::create(builder, spec.getLoc(), rows);
}

FailureOr<func::FuncOp> EntryWriter::write(StringRef name, Operation *insertAfter) {
  bool append = entry == Entry::Append;
  append ? addAppendPorts() : addAttentionPorts();
  func::FuncOp function = openFunction(name, insertAfter);
  if (append) {
    writeAppend();
  } else if (failed(writeAttention())) {
    function.erase();
    return failure();
  }
  return function;
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

FailureOr<func::FuncOp> elaborateEntry(SpecOp spec, Entry entry, Operation *insertAfter) {
  if (entry == Entry::Append && spec.getKvFrom())
    return func::FuncOp();
  if (failed(checkLatent(spec)))
    return failure();
  std::string name = (spec.getSymName() + "_" + stringifyEntry(entry)).str();
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
