//===- ChooseForm.cpp - expanded or absorbed, by what a call costs ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::attn {

#define GEN_PASS_DEF_CHOOSEFORMPASS
#include "attn/Rewrite/Passes.h.inc"

/// Bytes per cycle from memory with all cores reading, and vector units of a target without facts.
static constexpr double memoryBytesPerCycle = 8;
static constexpr int64_t defaultLanes = 8, defaultUnits = 2;

namespace {

/// A column range of keys or values: as heads see it, and as it is cached. `rank` 0: both are one.
struct Part {
  int64_t size = 0, rank = 0, weightHeads = 0;
  int64_t cached() const { return rank ? rank : size; }
};

/// An attention whose keys or values have an expanded and an absorbed form.
struct LatentShape {
  int64_t heads = 0, queryHeads = 0, elementBytes = 4;
  bool causal = false, isAbsorbed = false;
  SmallVector<Part> keys;
  Part value;

  int64_t keySize(bool absorbed) const {
    int64_t size = 0;
    for (const Part &part : keys)
      size += absorbed ? part.cached() : part.size;
    return size;
  }
  int64_t valueSize(bool absorbed) const { return absorbed ? value.cached() : value.size; }
  bool fits(bool absorbed) const {
    return keySize(absorbed) <= mostKeySize && valueSize(absorbed) <= mostValueSize;
  }
};

/// What one call does: multiplications and additions, and bytes of keys, values and cache.
struct CallCost {
  double flops = 0, bytes = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Reading an attention
//===----------------------------------------------------------------------===//

static Part expandedPart(Value part) {
  auto expand = part.getDefiningOp<ExpandOp>();
  if (!expand || expand.getTransposed())
    return {sizeOf(part), 0, 0};
  return {sizeOf(part), sizeOf(expand.getInput()), headsOf(part)};
}

static Part absorbedPart(Value part) {
  auto expand = part.getDefiningOp<ExpandOp>();
  if (!expand || !expand.getTransposed())
    return {sizeOf(part), 0, 0};
  return {sizeOf(expand.getInput()), sizeOf(part), headsOf(part)};
}

static ExpandOp expansionOfOutput(AttentionOp op) {
  if (!op.getOut().hasOneUse())
    return {};
  auto expand = dyn_cast<ExpandOp>(*op.getOut().getUsers().begin());
  return expand && expand.getInput() == op.getOut() && !expand.getTransposed() ? expand
                                                                               : ExpandOp();
}

static bool isLatent(const LatentShape &shape) {
  return shape.value.rank || llvm::any_of(shape.keys, [](const Part &p) { return p.rank > 0; });
}

/// The shape of `op`; none where it has one form only.
static std::optional<LatentShape> shapeOf(AttentionOp op) {
  LatentShape shape;
  shape.heads = op.scoreHeads(), shape.queryHeads = op.queryHeads();
  Type element = cast<RankedTensorType>(op.getKey().getType()).getElementType();
  shape.elementBytes = element.getIntOrFloatBitWidth() / 8;
  shape.causal = op.maskOrAll().contains(MaskKind::Causal);
  for (Value part : partsOf(op.getKey()))
    shape.keys.push_back(expandedPart(part));
  shape.value = expandedPart(op.getValue());
  if (isLatent(shape))
    return shape;
  shape.isAbsorbed = true;
  shape.keys.clear();
  for (Value part : partsOf(op.getQuery()))
    shape.keys.push_back(absorbedPart(part));
  if (ExpandOp output = expansionOfOutput(op))
    shape.value = {sizeOf(output.getResult()), sizeOf(output.getInput()),
                   headsOf(output.getResult())};
  return isLatent(shape) ? std::optional(shape) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Cost
//===----------------------------------------------------------------------===//

/// Visible pairs of the last `rows` of `keys` positions.
static double pairsOf(const LatentShape &shape, double rows, double keys) {
  return shape.causal && rows <= keys ? rows * keys - rows * (rows - 1) / 2 : rows * keys;
}

static CallCost costOf(const LatentShape &shape, bool absorbed, double rows, double keys) {
  CallCost cost;
  auto width = static_cast<double>(shape.keySize(absorbed) + shape.valueSize(absorbed));
  cost.flops = 2.0 * static_cast<double>(shape.heads) * width * pairsOf(shape, rows, keys);
  auto addPart = [&](const Part &part, int64_t movedHeads) {
    cost.bytes += static_cast<double>(part.cached()) * keys;
    if (!part.rank)
      return;
    // Each cached token goes through the weights, or each row's query and output does.
    double heads = static_cast<double>(absorbed ? movedHeads : part.weightHeads);
    double tokens = absorbed ? rows : keys;
    cost.flops += 2.0 * static_cast<double>(part.rank * part.size) * heads * tokens;
    if (!absorbed)
      cost.bytes += 2.0 * static_cast<double>(part.size) * heads * keys;
  };
  for (const Part &part : shape.keys)
    addPart(part, shape.queryHeads);
  addPart(shape.value, shape.heads);
  cost.bytes *= static_cast<double>(shape.elementBytes);
  return cost;
}

/// Cycles on one core, arithmetic and memory one after the other.
static double cyclesOf(const CallCost &cost, double flopsPerCycle) {
  return cost.flops / flopsPerCycle + cost.bytes / memoryBytesPerCycle;
}

static double flopsPerCycle(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>("attn.target");
  bool known = target && target.getInt("lanes") > 0;
  int64_t lanes = known ? target.getInt("lanes") : defaultLanes;
  int64_t units = known ? std::max<int64_t>(target.getInt("fma_per_cycle"), 1) : defaultUnits;
  return 2.0 * static_cast<double>(lanes * units);
}

/// The fewest rows of a call for which the expanded form is no dearer; none up to all keys.
static std::optional<int64_t> crossingOf(const LatentShape &shape, int64_t keys, double speed) {
  auto expandedWins = [&](int64_t rows) {
    auto cycles = [&](bool absorbed) {
      return cyclesOf(costOf(shape, absorbed, static_cast<double>(rows), static_cast<double>(keys)),
                      speed);
    };
    return cycles(false) <= cycles(true);
  };
  if (!expandedWins(keys))
    return std::nullopt;
  int64_t loses = 0, wins = keys;
  while (wins - loses > 1) {
    int64_t middle = loses + (wins - loses) / 2;
    (expandedWins(middle) ? wins : loses) = middle;
  }
  return wins;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

namespace {
/// The form chosen, and why.
struct Choice {
  bool absorbed = false;
  std::string reason;
};
} // namespace

static std::string crossingText(const LatentShape &shape, int64_t keys, double speed) {
  std::optional<int64_t> rows = crossingOf(shape, keys, speed);
  return rows ? llvm::formatv("expanded is no dearer from {0} query rows a call on, at {1} keys",
                              *rows, keys)
                    .str()
              : llvm::formatv("absorbed is cheaper for any number of query rows up to {0} keys",
                              keys)
                    .str();
}

static Choice choose(const LatentShape &shape, int64_t rows, int64_t keys, double speed) {
  if (!shape.fits(true))
    return {false,
            llvm::formatv("expanded: absorbed, keys of {0} and values of {1} would exceed "
                          "the largest head sizes, {2} and {3}",
                          shape.keySize(true), shape.valueSize(true), mostKeySize, mostValueSize)};
  CallCost cost[2];
  for (bool absorbed : {false, true})
    cost[absorbed] = costOf(shape, absorbed, static_cast<double>(rows), static_cast<double>(keys));
  bool absorbed = cyclesOf(cost[true], speed) < cyclesOf(cost[false], speed);
  return {absorbed, llvm::formatv("{0}: {1:f1} MFLOP of keys, values and scores for {2} query rows "
                                  "and {3} keys, {4} {5:f1}; {6}",
                                  absorbed ? "absorbed" : "expanded", cost[absorbed].flops / 1e6,
                                  rows, keys, absorbed ? "expanded" : "absorbed",
                                  cost[!absorbed].flops / 1e6, crossingText(shape, keys, speed))};
}

/// Moves the keys' expansions and, unless they cannot move, the values'.
static LogicalResult takeForm(RewriterBase &rewriter, AttentionOp op, const LatentShape &shape,
                              bool absorbed) {
  bool hasKeys = llvm::any_of(shape.keys, [](const Part &part) { return part.rank > 0; });
  rewriter.setInsertionPoint(op);
  if (hasKeys && failed(absorbed ? absorbLatentKey(rewriter, op) : expandLatentKey(rewriter, op)))
    return failure();
  rewriter.setInsertionPoint(op);
  bool moved =
      succeeded(absorbed ? absorbLatentValue(rewriter, op) : expandLatentValue(rewriter, op));
  return success(hasKeys || moved);
}

/// Whether a person chose: the spec says a form, or nobody wrote a spec.
static bool isChosen(AttentionOp op) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto name =
      function ? function->getAttrOfType<FlatSymbolRefAttr>("attn.spec") : FlatSymbolRefAttr();
  auto module = op->getParentOfType<ModuleOp>();
  auto spec = name && module ? module.lookupSymbol<SpecOp>(name.getValue()) : SpecOp();
  return !spec || spec.getForm();
}

static int64_t rowsOfCall(AttentionOp op, int64_t rows) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto entry = function ? function->getAttrOfType<StringAttr>("attn.entry") : StringAttr();
  int64_t given = op.getQuery().getType().getDimSize(2);
  if (!ShapedType::isDynamic(given))
    return given;
  return entry && isDecodeRole(entry.getValue()) ? 1 : rows;
}

namespace {
struct ChooseFormPass : impl::ChooseFormPassBase<ChooseFormPass> {
  using Base::Base;

  void runOnOperation() override {
    double speed = flopsPerCycle(getOperation());
    SmallVector<AttentionOp> attentions;
    getOperation()->walk([&](AttentionOp op) { attentions.push_back(op); });
    for (AttentionOp op : attentions)
      visit(op, speed);
  }

  void visit(AttentionOp op, double speed) {
    std::optional<LatentShape> shape = shapeOf(op);
    if (!shape || op.getSchedule())
      return;
    int64_t rowsNow = rowsOfCall(op, rows);
    Choice choice = choose(*shape, rowsNow, std::max(keys.getValue(), rowsNow), speed);
    DeclineReporter reporter(/*strict=*/false);
    IRRewriter rewriter(&getContext(), &reporter);
    StringRef kept;
    if (!all && isChosen(op))
      kept = "as written";
    else if (choice.absorbed == shape->isAbsorbed)
      kept = "";
    else if (succeeded(takeForm(rewriter, op, *shape, choice.absorbed)))
      ++numChanged;
    else
      kept = "the other form is blocked";
    if (!kept.empty())
      choice.reason = (Twine(shape->isAbsorbed ? "absorbed" : "expanded") + ": " + kept +
                       "; by cost " + choice.reason)
                          .str();
    op->setAttr("attn.form_reason", StringAttr::get(&getContext(), choice.reason));
  }
};
} // namespace

} // namespace mlir::attn
