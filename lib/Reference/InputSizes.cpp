//===- InputSizes.cpp - roles and sizes of a function's arguments ------------===//
#include "InputRoles.h"
#include "OpEvaluation.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

/// The word of `mask` that reads operand `number`.
static MaskAttr findWord(MaskAttr mask, int64_t number) {
  switch (mask.getKind()) {
  case MaskKind::PrefixLength:
  case MaskKind::Document:
  case MaskKind::Dense:
    return mask.getValues()[0] == number ? mask : MaskAttr();
  case MaskKind::Blocks:
    return mask.getValues()[2] == number ? mask : MaskAttr();
  default:
    for (Attribute child : mask.getChildren())
      if (MaskAttr found = findWord(cast<MaskAttr>(child), number))
        return found;
    return {};
  }
}

static InputUse maskUse(AttentionOp op, int64_t number) {
  MaskAttr word = op.getMask() ? findWord(*op.getMask(), number) : MaskAttr();
  if (!word)
    return {};
  switch (word.getKind()) {
  case MaskKind::PrefixLength:
    return {Role::PrefixLengths, op};
  case MaskKind::Document:
    return {Role::Documents, op};
  case MaskKind::Dense:
    return {Role::DenseMask, op};
  default:
    return {Role::BlockMask, op, word.getValues()[0], word.getValues()[1]};
  }
}

static InputUse attentionUse(AttentionOp op, Value value) {
  for (auto [number, operand] : llvm::enumerate(op.getMaskOperands()))
    if (operand == value)
      return maskUse(op, static_cast<int64_t>(number));
  if (op.getSinks() == value)
    return {Role::Sinks, op};
  return {Role::Tokens, op};
}

static bool isHeads(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 4 && isa<FloatType>(type.getElementType());
}

static InputUse useBy(Operation *user, Value value) {
  return llvm::TypeSwitch<Operation *, InputUse>(user)
      .Case([&](AttentionOp op) { return attentionUse(op, value); })
      .Case([&](ExpandOp op) {
        return InputUse{op.getWeight() == value ? Role::ExpandWeight : Role::Tokens, op};
      })
      .Case([&](ShortConvOp op) {
        return InputUse{op.getWeight() == value ? Role::ConvolutionWeight : Role::Tokens, op};
      })
      .Case([&](NormOp op) {
        return InputUse{op.getGain() == value ? Role::Gain : Role::Tokens, op};
      })
      .Case([&](ProjectOp op) {
        return InputUse{op.getWeight() == value ? Role::ProjectWeight : Role::Tokens, op};
      })
      .Case([&](TokensOp op) { return InputUse{Role::Hidden, op}; })
      .Case([&](ComposeOp op) { return InputUse{Role::PartWeight, op}; })
      .Case([&](CombineOp op) {
        return InputUse{op.getWeight() == value ? Role::PartWeight : Role::Coefficients, op};
      })
      .Case([&](AddOp op) { return InputUse{isHeads(value) ? Role::Tokens : Role::Hidden, op}; })
      .Case([&](BiasOp op) {
        if (op.getBias() == value)
          return InputUse{Role::Bias, op};
        return InputUse{isHeads(value) ? Role::Tokens : Role::Hidden, op};
      })
      .Case<AppendOp, ClampOp, GateOp, ShiftOp, CarryOp, NewestOp, JoinHeadsOp>(
          [&](auto op) { return InputUse{Role::Tokens, op}; })
      .Case([&](MergeOp op) {
        return InputUse{llvm::is_contained(op.getLses(), value) ? Role::Lse : Role::Tokens, op};
      })
      .Case([&](GatedSumOp op) {
        return InputUse{llvm::is_contained(op.getGates(), value) ? Role::Gate : Role::Tokens, op};
      })
      .Case([&](tensor::ExtractOp op) {
        return InputUse{op.getTensor() == value ? Role::Table : Role::Other, op};
      })
      // A value that an entry hands on as it came is a sequence of tokens, too.
      .Default([&](Operation *op) {
        bool isTokens = isToken(op) || (isa<func::ReturnOp>(op) && isHeads(value));
        return isTokens ? InputUse{Role::Tokens, op} : InputUse();
      });
}

InputUse reference::findUse(BlockArgument argument) {
  if (argument.getType().isIntOrIndex())
    return {Role::Position, nullptr};
  for (Operation *user : argument.getUsers()) {
    InputUse use = useBy(user, argument);
    if (use.role != Role::Other)
      return use;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

/// [batch][sequence][width], as opposed to rows [batch][head][sequence].
static bool isHidden(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() != 3)
    return false;
  return isa_and_nonnull<ProjectOp, AddOp, BiasOp>(value.getDefiningOp()) ||
         llvm::any_of(value.getUsers(),
                      [](Operation *user) { return isa<TokensOp, AddOp, BiasOp>(user); });
}

static int64_t staticLength(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() < 3)
    return -1;
  int64_t axis = isHidden(value) ? 1 : 2;
  return type.isDynamicDim(axis) ? -1 : type.getDimSize(axis);
}

int Sequences::find(Value value) {
  auto [it, isNew] = ids.try_emplace(value, static_cast<int>(sequences.size()));
  if (isNew)
    sequences.push_back({it->second, false, false, staticLength(value)});
  int id = it->second;
  while (sequences[id].parent != id)
    id = sequences[id].parent;
  return id;
}

void Sequences::unite(ValueRange values) {
  int first = find(values.front());
  for (Value value : values.drop_front()) {
    int other = find(value);
    if (other == first)
      continue;
    sequences[other].parent = first;
    sequences[first].asks |= sequences[other].asks;
    sequences[first].asked |= sequences[other].asked;
    sequences[first].fixed = std::max(sequences[first].fixed, sequences[other].fixed);
  }
}

static bool hasSequence(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && (type.getRank() == 4 || type.getRank() == 3);
}

void Sequences::visit(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    unite({attention.getQuery(), attention.getOut()});
    if (attention.getLse())
      unite({attention.getQuery(), attention.getLse()});
    unite({attention.getKey(), attention.getValue()});
    sequences[find(attention.getQuery())].asks = true;
    sequences[find(attention.getKey())].asked = true;
    return;
  }
  // The rows that are appended are asked with the cache, but are another, shorter sequence.
  // So are tokens before the first, and a view of the last ones belongs to no one's sequence.
  if (isa<ExpandOp, NormOp, ShortConvOp, ProjectOp, AppendOp, BiasOp, ShiftOp, CarryOp>(op))
    return unite({op->getOperand(0), op->getResult(0)});
  if (isa<TokensOp, AddOp, ClampOp, GateOp, JoinHeadsOp>(op)) {
    SmallVector<Value> values(op->getOperands());
    values.push_back(op->getResult(0));
    return unite(values);
  }
  if (!isToken(op) && !isa<MergeOp, GatedSumOp, tensor::CastOp>(op))
    return;
  SmallVector<Value> values(llvm::make_filter_range(op->getOperands(), hasSequence));
  llvm::append_range(values, llvm::make_filter_range(op->getResults(), hasSequence));
  if (!values.empty())
    unite(values);
}

Sequences::Sequences(func::FuncOp function, const InputSizes &wanted) : wanted(wanted) {
  for (Operation &op : function.front())
    visit(&op);
}

int64_t Sequences::lengthOf(Value value) {
  const Sequence &sequence = sequences[find(value)];
  if (sequence.fixed >= 0)
    return sequence.fixed;
  return sequence.asked ? wanted.keyLength : wanted.queryLength;
}

int64_t reference::positionFor(BlockArgument argument, Sequences &sequences,
                               const InputSizes &wanted) {
  for (Operation *user : argument.getUsers())
    if (auto attention = dyn_cast<AttentionOp>(user);
        attention && attention.getOffset() == argument)
      return sequences.lengthOf(attention.getKey()) - sequences.lengthOf(attention.getQuery());
  for (Operation *user : argument.getUsers())
    if (auto rope = dyn_cast<RopeOp>(user); rope && sequences.isAsked(rope.getInput()))
      return 0;
  return std::max<int64_t>(0, wanted.keyLength - wanted.queryLength);
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Sizes that the role implies, before static ones are put in; -1 where it implies none.
static SmallVector<int64_t> maskSizes(const InputUse &use, Sequences &sequences, int64_t batch) {
  auto op = cast<AttentionOp>(use.user);
  int64_t keys = sequences.lengthOf(op.getKey()), rows = sequences.lengthOf(op.getQuery());
  int64_t heads = op.getOut().getType().getDimSize(1);
  switch (use.role) {
  case Role::PrefixLengths:
    return {batch};
  case Role::Documents:
    return {batch, keys};
  case Role::DenseMask:
    return {batch, heads, rows, keys};
  default:
    return {batch, heads, llvm::divideCeilSigned(rows, use.blockRows),
            llvm::divideCeilSigned(keys, use.blockKeys)};
  }
}

/// How far an index of a table's `tensor.extract` can reach.
static int64_t reachOf(Value index, Sequences &sequences, const InputSizes &wanted) {
  auto argument = dyn_cast<BlockArgument>(index);
  auto op = argument ? dyn_cast<AttentionOp>(argument.getOwner()->getParentOp()) : AttentionOp();
  int64_t longest = wanted.keyLength + wanted.queryLength;
  if (!op)
    return longest;
  int64_t keys = sequences.lengthOf(op.getKey()), rows = sequences.lengthOf(op.getQuery());
  int64_t reach[] = {0, wanted.batch, op.getOut().getType().getDimSize(1), std::max(keys, rows),
                     keys};
  return reach[argument.getArgNumber()];
}

static SmallVector<int64_t> impliedSizes(BlockArgument argument, const InputUse &use,
                                         Sequences &sequences, const InputSizes &wanted) {
  int64_t rank = cast<RankedTensorType>(argument.getType()).getRank();
  SmallVector<int64_t> sizes(rank, -1);
  switch (use.role) {
  case Role::Tokens:
  case Role::Gate:
  case Role::Lse:
    sizes[0] = wanted.batch;
    sizes[2] = sequences.lengthOf(argument);
    return sizes;
  case Role::Hidden:
    sizes[0] = wanted.batch;
    sizes[1] = sequences.lengthOf(argument);
    return sizes;
  case Role::PrefixLengths:
  case Role::Documents:
  case Role::DenseMask:
  case Role::BlockMask:
    return maskSizes(use, sequences, wanted.batch);
  case Role::Sinks:
    return {cast<AttentionOp>(use.user).getOut().getType().getDimSize(1)};
  case Role::Table:
    for (auto [axis, index] : llvm::enumerate(cast<tensor::ExtractOp>(use.user).getIndices()))
      sizes[axis] = reachOf(index, sequences, wanted);
    return sizes;
  case Role::Other:
    return SmallVector<int64_t>(rank, wanted.queryLength);
  default:
    return sizes;
  }
}

static FailureOr<SmallVector<int64_t>> sizesOf(BlockArgument argument, Sequences &sequences,
                                               const InputSizes &wanted) {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  if (!type)
    return SmallVector<int64_t>();
  SmallVector<int64_t> sizes = impliedSizes(argument, findUse(argument), sequences, wanted);
  for (auto [axis, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size))
      sizes[axis] = size;
    if (sizes[axis] < 0)
      return emitError(argument.getLoc())
             << "argument " << argument.getArgNumber() << " of type " << type << ": size of axis "
             << axis << " does not follow from its use; make it static";
  }
  return sizes;
}

FailureOr<SmallVector<SmallVector<int64_t>>> reference::inputSizes(func::FuncOp function,
                                                                   const InputSizes &sizes) {
  if (function.isExternal())
    return function.emitError("has no body, so there is nothing to run");
  Sequences sequences(function, sizes);
  SmallVector<SmallVector<int64_t>> all;
  for (BlockArgument argument : function.getArguments()) {
    FailureOr<SmallVector<int64_t>> own = sizesOf(argument, sequences, sizes);
    if (failed(own))
      return failure();
    all.push_back(std::move(*own));
  }
  return all;
}
