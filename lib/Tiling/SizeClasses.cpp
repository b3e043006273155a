//===- SizeClasses.cpp - which sizes of a function's tensors must agree ---===//
#include "SizeClasses.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::attn;

SizeClasses::SizeClasses(func::FuncOp function) {
  function.walk([&](Operation *op) { collect(op); });
}

//===----------------------------------------------------------------------===//
// Union and find
//===----------------------------------------------------------------------===//

int64_t SizeClasses::constantNode(int64_t size) {
  auto id = static_cast<int64_t>(nodes.size());
  nodes.push_back({id, size, -1});
  return id;
}

int64_t SizeClasses::nodeOf(Value tensor, int64_t dimension) {
  auto [at, isNew] = ids.try_emplace({tensor.getAsOpaquePointer(), dimension}, 0);
  if (isNew)
    at->second = constantNode(cast<RankedTensorType>(tensor.getType()).getDimSize(dimension));
  return at->second;
}

int64_t SizeClasses::find(int64_t node) {
  while (nodes[node].parent != node)
    node = nodes[node].parent = nodes[nodes[node].parent].parent;
  return node;
}

void SizeClasses::unite(int64_t lhs, int64_t rhs) {
  lhs = find(lhs), rhs = find(rhs);
  if (lhs == rhs)
    return;
  nodes[rhs].parent = lhs;
  if (ShapedType::isDynamic(nodes[lhs].size))
    nodes[lhs].size = nodes[rhs].size;
}

void SizeClasses::equate(Value lhs, int64_t lhsDimension, Value rhs, int64_t rhsDimension) {
  unite(nodeOf(lhs, lhsDimension), nodeOf(rhs, rhsDimension));
}

void SizeClasses::bound(Value tensor, int64_t dimension, int64_t node, int64_t divisor) {
  bounds[{tensor.getAsOpaquePointer(), dimension}] = {node, divisor};
}

//===----------------------------------------------------------------------===//
// What operations say
//===----------------------------------------------------------------------===//

static bool isTokens(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() >= 3;
}

void SizeClasses::collect(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return collectAttention(attention);
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    auto type = dyn_cast<RankedTensorType>(cast.getSource().getType());
    for (int64_t i = 0; type && i < type.getRank(); ++i)
      equate(cast.getSource(), i, cast.getDest(), i);
    return;
  }
  if (collectLayer(op))
    return;
  if (!isa<RopeOp, NormOp, ExpandOp, ConcatOp, ColumnsOp, HeadsOp, ScaleOp, ShortConvOp, MergeOp,
           GatedSumOp, GateOp, ShiftOp, JoinHeadsOp, ClampOp>(op))
    return;
  // Batch and sequence of everything but weights and tokens before are those of the first operand.
  bool weighted = isa<ExpandOp, ShortConvOp, NormOp, ShiftOp>(op);
  SmallVector<Value> values(weighted ? op->getOperands().take_front(1) : op->getOperands());
  llvm::append_range(values, op->getResults());
  for (Value value : values) {
    if (!isTokens(value))
      continue;
    equate(op->getOperand(0), 0, value, 0);
    equate(op->getOperand(0), 2, value, 2);
  }
  collectWeights(op);
}

/// Operations on hidden states and caches, whose axes differ from operand to result.
bool SizeClasses::collectLayer(Operation *op) {
  if (auto tokens = dyn_cast<TokensOp>(op)) {
    equate(tokens.getInput(), 0, tokens.getResult(), 0);
    equate(tokens.getInput(), 1, tokens.getResult(), 2);
  } else if (auto project = dyn_cast<ProjectOp>(op)) {
    equate(project.getInput(), 0, project.getResult(), 0);
    equate(project.getInput(), 2, project.getResult(), 1);
  } else if (auto append = dyn_cast<AppendOp>(op)) {
    for (int64_t dimension : {0, 2})
      equate(append.getCache(), dimension, append.getResult(), dimension);
    equate(append.getCache(), 0, append.getRows(), 0);
    room[append.getCache().getAsOpaquePointer()].push_back(nodeOf(append.getRows(), 2));
  } else if (auto newest = dyn_cast<NewestOp>(op)) {
    equate(newest.getInput(), 0, newest.getResult(), 0);
    room[newest.getInput().getAsOpaquePointer()].push_back(nodeOf(newest.getResult(), 2));
  } else if (auto carry = dyn_cast<CarryOp>(op)) {
    for (int64_t dimension : {0, 2})
      equate(carry.getBefore(), dimension, carry.getResult(), dimension);
    equate(carry.getBefore(), 0, carry.getTokens(), 0);
  } else if (auto bias = dyn_cast<BiasOp>(op)) {
    equateAll(bias.getInput(), bias.getResult());
  } else if (auto add = dyn_cast<AddOp>(op)) {
    for (Value part : add.getParts())
      equateAll(part, add.getResult());
  } else {
    return false;
  }
  return true;
}

void SizeClasses::equateAll(Value lhs, Value rhs) {
  int64_t rank = cast<RankedTensorType>(lhs.getType()).getRank();
  for (int64_t dimension = 0; dimension < rank; ++dimension)
    equate(lhs, dimension, rhs, dimension);
}

void SizeClasses::collectWeights(Operation *op) {
  if (auto expand = dyn_cast<ExpandOp>(op)) {
    bool transposed = expand.getTransposed();
    equate(expand.getInput(), 3, expand.getWeight(), transposed ? 2 : 1);
    equate(expand.getResult(), 3, expand.getWeight(), transposed ? 1 : 2);
  } else if (auto conv = dyn_cast<ShortConvOp>(op)) {
    equate(conv.getInput(), 1, conv.getWeight(), 0);
    equate(conv.getInput(), 3, conv.getWeight(), 2);
    if (conv.getBefore())
      equate(conv.getInput(), 0, conv.getBefore(), 0);
  } else if (auto shift = dyn_cast<ShiftOp>(op)) {
    if (shift.getBefore())
      equate(shift.getInput(), 0, shift.getBefore(), 0);
  } else if (auto norm = dyn_cast<NormOp>(op)) {
    Value gain = norm.getGain();
    if (!gain)
      return;
    int64_t last = cast<RankedTensorType>(gain.getType()).getRank() - 1;
    equate(norm.getInput(), 3, gain, last);
    if (last == 1)
      equate(norm.getInput(), 1, gain, 0);
  }
}

void SizeClasses::collectAttention(AttentionOp op) {
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  for (Value other : {key, value, Value(op.getOut())})
    equate(query, 0, other, 0);
  equate(key, 2, value, 2);
  equate(query, 2, op.getOut(), 2);
  if (op.getLse()) {
    equate(query, 0, op.getLse(), 0);
    equate(query, 2, op.getLse(), 2);
  }
  if (op.getSinks())
    unite(nodeOf(op.getSinks(), 0), constantNode(op.scoreHeads()));
  if (op.getMask())
    collectMask(op, *op.getMask());
  collectScoreReads(op);
}

void SizeClasses::collectMask(AttentionOp op, MaskAttr mask) {
  collectMaskOperand(op, mask);
  for (unsigned i = 0; i < mask.getChildren().size(); ++i)
    collectMask(op, mask.getChild(i));
}

/// Operand dimensions are batch, head, row and key; a size 1 is shared, as the type says.
void SizeClasses::collectMaskOperand(AttentionOp op, MaskAttr word) {
  MaskKind kind = word.getKind();
  bool isBlocks = kind == MaskKind::Blocks;
  if (!isBlocks && kind != MaskKind::PrefixLength && kind != MaskKind::Document &&
      kind != MaskKind::Dense)
    return;
  Value operand = op.getMaskOperands()[word.getValues()[isBlocks ? 2 : 0]];
  auto type = cast<RankedTensorType>(operand.getType());
  auto limit = [&](int64_t dimension, int64_t node, int64_t divisor) {
    if (type.getDimSize(dimension) != 1)
      bound(operand, dimension, node, divisor);
  };
  limit(0, nodeOf(op.getQuery(), 0), 1);
  if (kind == MaskKind::Document)
    limit(1, nodeOf(op.getKey(), 2), 1);
  if (kind != MaskKind::Dense && !isBlocks)
    return;
  limit(1, constantNode(op.scoreHeads()), 1);
  limit(2, nodeOf(op.getQuery(), 2), isBlocks ? word.getValues()[0] : 1);
  limit(3, nodeOf(op.getKey(), 2), isBlocks ? word.getValues()[1] : 1);
}

/// A tensor the score region reads at [.., b, h, q, k ..] must be as long as those indices run.
void SizeClasses::collectScoreReads(AttentionOp op) {
  if (!op.hasScoreRegion())
    return;
  Block &block = op.getScore().front();
  block.walk([&](tensor::ExtractOp read) {
    for (auto [i, index] : llvm::enumerate(read.getIndices())) {
      auto argument = dyn_cast<BlockArgument>(index);
      if (!argument || argument.getOwner() != &block)
        continue;
      auto dimension = static_cast<int64_t>(i);
      if (argument.getArgNumber() == 1)
        bound(read.getTensor(), dimension, nodeOf(op.getQuery(), 0));
      else if (argument.getArgNumber() == 2)
        bound(read.getTensor(), dimension, constantNode(op.scoreHeads()));
      else if (argument.getArgNumber() == 4 || !op.getOffset())
        bound(read.getTensor(), dimension, nodeOf(op.getKey(), 2));
    }
  });
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string SizeClasses::text(int64_t node) {
  Node &root = nodes[find(node)];
  if (!ShapedType::isDynamic(root.size))
    return std::to_string(root.size);
  if (root.symbol < 0)
    root.symbol = numSymbols++;
  return "s" + std::to_string(root.symbol);
}

std::string SizeClasses::describe(Value tensor, int64_t dimension) {
  auto bound = bounds.find({tensor.getAsOpaquePointer(), dimension});
  if (bound != bounds.end()) {
    std::string result = ">=" + text(bound->second.node);
    if (bound->second.divisor != 1)
      result += "/" + std::to_string(bound->second.divisor);
    return result;
  }
  SmallVector<std::string> texts;
  if (cast<RankedTensorType>(tensor.getType()).isDynamicDim(dimension))
    texts.push_back(text(nodeOf(tensor, dimension)));
  if (dimension == 2)
    for (int64_t length : room[tensor.getAsOpaquePointer()])
      if (find(length) != find(nodeOf(tensor, 2)))
        texts.push_back(">=" + text(length));
  texts.erase(llvm::unique(texts), texts.end());
  return llvm::join(texts, ";");
}

ArrayAttr SizeClasses::describe(Value tensor) {
  SmallVector<Attribute> texts;
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  for (int64_t i = 0; i < rank; ++i)
    texts.push_back(StringAttr::get(tensor.getContext(), describe(tensor, i)));
  return ArrayAttr::get(tensor.getContext(), texts);
}
