//===- Cost.cpp - products and bytes of one call of an entry --------------===//

#include "attn/Artifact/Report.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// A function's values with the lengths a caller chose: which run along the keys, which along the
/// queries.
class SizedFunction {
public:
  SizedFunction(func::FuncOp function, const ReportSizes &sizes) : function(function) {
    if (auto role = function->getAttrOfType<StringAttr>("attn.entry"))
      cost.queryLength = sizes.queryLengthFor(role.getValue());
    else
      cost.queryLength = sizes.queryLengthFor("");
    cost.batch = sizes.batch;
    cost.keyLength = sizes.keyLength;
    function.walk([&](AttentionOp op) {
      mark(op.getKey());
      mark(op.getValue());
    });
  }

  bool isKeySide(Value value) const { return keySide.contains(value); }
  int64_t lengthOf(Value value) const {
    return isKeySide(value) ? cost.keyLength : cost.queryLength;
  }

  /// Elements of a tensor whose sequence is `length` long.
  double elements(ShapedType type, int64_t length) const {
    double product = 1;
    for (int64_t i = 0; i < type.getRank(); ++i)
      product *= type.isDynamicDim(i) ? openSize(type.getRank(), i, length) : type.getDimSize(i);
    return product;
  }

  double bytes(Type type, int64_t length) const {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped)
      return 8;
    return elements(shaped, length) * shaped.getElementTypeBitWidth() / 8;
  }

  func::FuncOp function;
  Cost cost;

private:
  llvm::DenseSet<Value> keySide;

  /// [batch][head][sequence][size]; hidden states [batch][sequence][width]; masks [batch],
  /// [batch][keys], [batch][head][rows][keys].
  int64_t openSize(int64_t rank, int64_t dimension, int64_t length) const {
    if (dimension == 0)
      return cost.batch;
    if (dimension == 2 || (dimension == 1 && rank == 3))
      return length;
    return dimension == 1 && rank > 2 ? 1 : cost.keyLength;
  }

  /// Follows tokens back to where they come from; what an attention gives runs along its rows.
  void mark(Value value) {
    if (!isa<RankedTensorType>(value.getType()) || !keySide.insert(value).second)
      return;
    Operation *op = value.getDefiningOp();
    if (!op || isa<AttentionOp>(op))
      return;
    // The rows that are written to a cache come from the queries' side.
    if (auto append = dyn_cast<AppendOp>(op))
      return mark(append.getCache());
    for (Value operand : op->getOperands())
      mark(operand);
  }
};

} // namespace

static double attentionFlops(AttentionOp op, SizedFunction &sized) {
  int64_t rows = op.getQuery().getType().isDynamicDim(2) ? sized.lengthOf(op.getQuery())
                                                         : op.getQuery().getType().getDimSize(2);
  int64_t keys = op.getKey().getType().isDynamicDim(2) ? sized.cost.keyLength
                                                       : op.getKey().getType().getDimSize(2);
  int64_t batch = op.getQuery().getType().isDynamicDim(0) ? sized.cost.batch
                                                          : op.getQuery().getType().getDimSize(0);
  int64_t offset = keys - rows;
  if (Value given = op.getOffset())
    if (std::optional<int64_t> constant = getConstantIntValue(given))
      offset = *constant;
  // Heads with one mask see the same pairs, so each mask is counted once.
  llvm::DenseMap<Attribute, double> counted;
  double pairs = 0;
  for (int64_t head = 0, heads = op.scoreHeads(); head < heads; ++head) {
    MaskAttr mask = op.maskOrAll().forHead(head);
    auto [it, isNew] = counted.try_emplace(mask, 0.0);
    if (isNew)
      it->second = countVisible(mask, head, rows, keys, offset, sized.cost.isUpperBound);
    pairs += it->second;
  }
  return batch * pairs * 2.0 * (op.qkSize() + op.vSize());
}

static double expandFlops(ExpandOp op, const SizedFunction &sized) {
  auto result = cast<ShapedType>(op.getResult().getType());
  double inner = cast<ShapedType>(op.getInput().getType()).getDimSize(3);
  return 2.0 * inner * sized.elements(result, sized.lengthOf(op.getResult()));
}

static double projectFlops(ProjectOp op, const SizedFunction &sized) {
  auto result = cast<ShapedType>(op.getResult().getType());
  auto weight = cast<ShapedType>(op.getWeight().getType());
  return 2.0 * weight.getDimSize(0) * weight.getDimSize(1) *
         sized.elements(result, sized.lengthOf(op.getInput()));
}

Cost attn::costOf(func::FuncOp function, const ReportSizes &sizes) {
  SizedFunction sized(function, sizes);
  function.walk([&](Operation *op) {
    if (auto attention = dyn_cast<AttentionOp>(op))
      sized.cost.flops += attentionFlops(attention, sized);
    else if (auto expand = dyn_cast<ExpandOp>(op))
      sized.cost.flops += expandFlops(expand, sized);
    else if (auto project = dyn_cast<ProjectOp>(op))
      sized.cost.flops += projectFlops(project, sized);
  });
  for (BlockArgument argument : function.getArguments())
    sized.cost.bytes += sized.bytes(argument.getType(), sized.lengthOf(argument));
  for (Type type : function.getResultTypes())
    sized.cost.bytes += sized.bytes(type, sized.cost.queryLength);
  return sized.cost;
}

//===----------------------------------------------------------------------===//
// Facts for tables
//===----------------------------------------------------------------------===//

static SpecOp specOf(func::FuncOp function) {
  auto reference = function->getAttrOfType<FlatSymbolRefAttr>("attn.spec");
  auto module = function->getParentOfType<ModuleOp>();
  return reference && module ? module.lookupSymbol<SpecOp>(reference.getValue()) : SpecOp();
}

/// Whether `value` is made of hidden states: then its maker is a projection, not an expansion of a
/// cache.
static bool isProjected(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<TokensOp>(op))
      return true;
    if (op->getNumOperands() == 0)
      return false;
    value = op->getOperand(0);
  }
  return false;
}

static std::string formOf(const SizedFunction &sized) {
  std::string form = "plain";
  sized.function->walk([&](ExpandOp op) {
    if (sized.isKeySide(op.getResult()) && !isProjected(op.getInput()))
      form = "expanded";
    // A projection of the queries is neither; an expansion that moved is transposed, or behind.
    else if (form == "plain" && (op.getTransposed() || op.getInput().getDefiningOp<AttentionOp>()))
      form = "absorbed";
  });
  return form;
}

static int64_t elementBytes(RankedTensorType type) { return type.getElementTypeBitWidth() / 8; }

/// Bytes of one token's keys and values.
static int64_t keyValueBytes(AttentionOp op) {
  auto type = cast<RankedTensorType>(op.getKey().getType());
  return (op.keyHeads() * op.qkSize() + op.valueHeads() * op.vSize()) * elementBytes(type);
}

/// A number that a hand-written function says about itself; 0 where it does not.
static int64_t statedNumber(func::FuncOp function, StringRef name) {
  auto number = function->getAttrOfType<IntegerAttr>(name);
  return number ? std::max<int64_t>(number.getInt(), 0) : 0;
}

/// Bytes of one token and layer in every tensor the keys and values are made of; of keys and values
/// themselves where they are made of hidden states. A key may stand for several tokens, and a
/// function for several layers.
static int64_t tokenBytes(SizedFunction &sized) {
  int64_t bytes = 0;
  for (BlockArgument argument : sized.function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (type && type.getRank() == 4 && sized.isKeySide(argument))
      bytes += type.getDimSize(1) * type.getDimSize(3) * elementBytes(type);
  }
  if (bytes == 0)
    sized.function.walk([&](AttentionOp op) { bytes += keyValueBytes(op); });
  for (StringRef divisor : {"attn.tokens_per_key", "attn.layer_count"})
    bytes /= std::max<int64_t>(statedNumber(sized.function, divisor), 1);
  return bytes;
}

/// Keys and values under MHA of the model's width: that of the hidden states, or the stated one;
/// else zero.
static int64_t mhaBytes(func::FuncOp function) {
  int64_t width = statedNumber(function, "attn.width"), element = 0;
  function.walk([&](Operation *op) {
    Type hidden = isa<TokensOp>(op)    ? op->getOperand(0).getType()
                  : isa<ProjectOp>(op) ? op->getResult(0).getType()
                                       : Type();
    if (hidden)
      width = cast<RankedTensorType>(hidden).getDimSize(2);
    if (auto attention = dyn_cast<AttentionOp>(op))
      element = elementBytes(attention.getKey().getType());
  });
  return 2 * width * element;
}

static int64_t sizeIn(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(3); }

/// Size of the query's heads before expansions of the keys moved to it.
static int64_t expandedQuerySize(Value query) {
  auto sizeOfPart = [](Value part) {
    auto expand = part.getDefiningOp<ExpandOp>();
    return sizeIn(expand && expand.getTransposed() ? expand.getInput() : part);
  };
  auto concat = query.getDefiningOp<ConcatOp>();
  if (!concat)
    return sizeOfPart(query);
  int64_t size = 0;
  for (Value part : concat.getParts())
    size += sizeOfPart(part);
  return size;
}

/// Bytes of one token's keys and values if those of every score head were cached. An absorbed
/// attention shows in front of it and behind it what it was; zero where its query came absorbed.
static int64_t expandedBytes(func::FuncOp function, StringRef form) {
  int64_t bytes = 0;
  bool known = true;
  function.walk([&](AttentionOp op) {
    int64_t query = expandedQuerySize(op.getQuery()), value = op.vSize();
    for (Operation *user : op.getOut().getUsers())
      if (auto expand = dyn_cast<ExpandOp>(user))
        value = sizeIn(expand.getResult());
    known &= form == "expanded" || query != op.qkSize();
    bytes += op.scoreHeads() * (query + value) * elementBytes(op.getKey().getType());
  });
  return known ? bytes : 0;
}

/// What a spec caches, in each form. Without a width, MHA has the heads and sizes of the queries.
static void describeCache(SpecOp spec, HeadFacts &facts) {
  int64_t element = spec.elementType().getIntOrFloatBitWidth() / 8;
  int64_t heads = spec.getQueryHeads(), all = spec.qkSize() + spec.vSize();
  facts.cacheBytesPerToken = spec.cachedElementsPerToken(facts.form == "absorbed") * element;
  facts.expandedBytesPerToken =
      spec.getLatent() && !spec.getKvFrom() ? heads * all * element : facts.cacheBytesPerToken;
  int64_t mha = spec.getWidth() ? 2 * static_cast<int64_t>(*spec.getWidth()) : heads * all;
  facts.mhaBytesPerToken = mha * element;
}

/// A core has none of the projections that show its form.
static void describeForm(SpecOp spec, func::FuncOp function, HeadFacts &facts) {
  if (!spec.getLatent() || facts.form != "plain")
    return;
  function.walk(
      [&](AttentionOp op) { facts.form = op.valueColumnOfKey() ? "absorbed" : "expanded"; });
}

static void describeAttention(AttentionOp op, HeadFacts &facts) {
  facts.queryHeads = op.queryHeads();
  facts.keyHeads = op.keyHeads();
  facts.valueHeads = op.valueHeads();
  facts.qkSize = op.qkSize();
  facts.vSize = op.vSize();
  facts.mask = op.maskOrAll().str();
}

HeadFacts attn::headFactsOf(func::FuncOp function) {
  SizedFunction sized(function, {});
  HeadFacts facts;
  int64_t largest = -1;
  function.walk([&](AttentionOp op) {
    int64_t size = op.scoreHeads() * (op.qkSize() + op.vSize());
    if (size > largest)
      describeAttention(op, facts);
    largest = std::max(largest, size);
  });
  facts.form = formOf(sized);
  facts.cacheBytesPerToken = tokenBytes(sized);
  facts.mhaBytesPerToken = mhaBytes(function);
  facts.expandedBytesPerToken =
      facts.form == "plain" ? facts.cacheBytesPerToken : expandedBytes(function, facts.form);
  if (SpecOp spec = specOf(function)) {
    describeForm(spec, function, facts);
    describeCache(spec, facts);
    if (auto layers = spec.getLayers())
      facts.layers.assign(layers->begin(), layers->end());
  }
  return facts;
}
