//===- HostValues.cpp - sizes, views and addresses of an entry on the host ---===//
#include "HostValues.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::attn;

/// Scalars are read at once, since only the host knows them.
void HostValues::readArguments(func::FuncOp function, Value arguments) {
  for (BlockArgument argument : function.getArguments().drop_back()) { // without threads
    int64_t first = tensorWords * argument.getArgNumber();
    auto type = dyn_cast<MemRefType>(argument.getType());
    Value data = b.getWord(arguments, first);
    if (!type) {
      Value scalar = b.getWord(b.pointerFrom(data), int64_t(0));
      values.map(argument, argument.getType().isIndex() ? b.toIndex(scalar) : scalar);
      continue;
    }
    HostTensor &tensor = tensors[argument];
    tensor.memory = argument, tensor.offset = b.index(0);
    memories[argument] = data;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      bool isLast = i + 1 == type.getRank();
      auto read = [&](int64_t word) { return b.toIndex(b.getWord(arguments, first + word + i)); };
      tensor.sizes.push_back(type.isDynamicDim(static_cast<unsigned>(i))
                                 ? read(tensorSizeWord)
                                 : b.index(type.getDimSize(static_cast<unsigned>(i))));
      tensor.strides.push_back(isLast ? b.index(1) : read(tensorStrideWord));
    }
  }
}

bool HostValues::isKnown(Value value) const {
  return isa<MemRefType>(value.getType()) ? tensors.contains(value) : values.contains(value);
}

Value HostValues::scalar(Value value) { return values.lookup(value); }

Value HostValues::sizeFrom(OpFoldResult size) {
  if (auto constant = getConstantIntValue(size))
    return b.index(*constant);
  return values.lookup(cast<Value>(size));
}

/// In one piece, the last axis fastest.
void HostValues::addAllocation(memref::AllocOp op) {
  MemRefType type = op.getType();
  HostTensor &tensor = tensors[op];
  tensor.memory = op, tensor.offset = b.index(0);
  for (OpFoldResult size : op.getMixedSizes())
    tensor.sizes.push_back(sizeFrom(size));
  tensor.strides.resize(tensor.sizes.size());
  Value count = b.index(1);
  for (size_t i = tensor.sizes.size(); i > 0; --i) {
    tensor.strides[i - 1] = count;
    count = arith::MulIOp::create(b, count, tensor.sizes[i - 1]);
  }
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  allocations.push_back({op, arith::MulIOp::create(b, count, b.index(bytes))});
}

void HostValues::addSubView(memref::SubViewOp op) {
  HostTensor tensor = tensors.lookup(op.getSource());
  for (auto [i, first] : llvm::enumerate(op.getMixedOffsets())) {
    Value distance = arith::MulIOp::create(b, sizeFrom(first), tensor.strides[i]);
    tensor.offset = arith::AddIOp::create(b, tensor.offset, distance);
  }
  for (auto [i, size] : llvm::enumerate(op.getMixedSizes()))
    tensor.sizes[i] = sizeFrom(size);
  tensors[op] = tensor;
}

/// Axes of one element are put in: the others keep their strides.
void HostValues::addExpanded(memref::ExpandShapeOp op) {
  HostTensor source = tensors.lookup(op.getSrc()), tensor = source;
  tensor.sizes.clear(), tensor.strides.clear();
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  for (auto [i, group] : llvm::enumerate(op.getReassociationIndices()))
    for (int64_t axis : group) {
      bool isOwn = group.size() == 1 || shape[static_cast<size_t>(axis)] != 1;
      tensor.sizes.push_back(isOwn ? source.sizes[i] : b.index(1));
      tensor.strides.push_back(source.strides[i]);
    }
  tensors[op] = tensor;
}

bool HostValues::prepare(Operation &op) {
  if (isa<memref::DeallocOp, memref::GetGlobalOp>(op))
    return true;
  if (llvm::any_of(op.getOperands(), [&](Value operand) { return !isKnown(operand); }))
    return false;
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto axis = static_cast<size_t>(*dim.getConstantIndex());
    values.map(dim.getResult(), tensors.lookup(dim.getSource()).sizes[axis]);
  } else if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
    addAllocation(alloc);
  } else if (auto view = dyn_cast<memref::SubViewOp>(op)) {
    addSubView(view);
  } else if (auto expanded = dyn_cast<memref::ExpandShapeOp>(op)) {
    addExpanded(expanded);
  } else if (auto cast = dyn_cast<memref::CastOp>(op)) {
    tensors[cast] = tensors.lookup(cast.getSource());
  } else if (isa<arith::ArithDialect>(op.getDialect())) {
    b.clone(op, values);
  } else {
    return false;
  }
  return true;
}

void HostValues::prepare(Block &block) {
  for (Operation &op : block.without_terminator())
    if (prepare(op))
      done.insert(&op);
}

/// All intermediate tensors in one piece of device memory, each at a multiple of 256 bytes.
void HostValues::reserve(Value call) {
  constexpr int64_t grain = 256;
  SmallVector<Value> offsets;
  Value total = b.index(0);
  for (auto &[op, bytes] : allocations) {
    offsets.push_back(total);
    Value grains = arith::CeilDivUIOp::create(b, bytes, b.index(grain));
    total = arith::AddIOp::create(b, total, arith::MulIOp::create(b, grains, b.index(grain)));
  }
  if (allocations.empty())
    return;
  Value base = b.call("attn_gpu_reserve", b.getI64Type(), {call, b.toI64(total)});
  for (auto [allocation, offset] : llvm::zip_equal(allocations, offsets))
    memories[allocation.first] = arith::AddIOp::create(b, base, b.toI64(offset));
}

/// Of the first element, i64.
Value HostValues::addressOf(Value memref) {
  const HostTensor &shown = tensor(memref);
  int64_t bytes = cast<MemRefType>(memref.getType()).getElementTypeBitWidth() / 8;
  Value distance = arith::MulIOp::create(b, shown.offset, b.index(bytes));
  return arith::AddIOp::create(b, memories.lookup(shown.memory), b.toI64(distance));
}
