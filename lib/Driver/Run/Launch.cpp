//===- Launch.cpp - a kernel with arguments, ready to be launched ---------===//

#include "Launch.h"

#include "attn/IR/AttnOps.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

/// The argument whose batch and sequence a result shares: an attention's rows are its queries', a
/// token operation's rows its first operand's.
static BlockArgument rowsOf(Value value) {
  while (value && !isa<BlockArgument>(value)) {
    Operation *op = value.getDefiningOp();
    value = op->getNumOperands() ? op->getOperand(0) : Value();
  }
  return dyn_cast_or_null<BlockArgument>(value);
}

/// Hidden states run along axis 1, heads and rows along axis 2; heads are never open.
static size_t sequenceAxis(RankedTensorType type) {
  return type.getRank() == 3 && type.isDynamicDim(1) ? 1 : 2;
}

SmallVector<SmallVector<int64_t>> attn::resultSizes(func::FuncOp function,
                                                    ArrayRef<SmallVector<int64_t>> argumentSizes) {
  Operation *terminator = function.getBody().front().getTerminator();
  SmallVector<SmallVector<int64_t>> all;
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> sizes(tensor.getShape());
    BlockArgument rows = rowsOf(terminator->getOperand(i));
    size_t axis = rows ? sequenceAxis(cast<RankedTensorType>(rows.getType())) : 0;
    for (auto [dimension, size] : llvm::enumerate(sizes))
      if (ShapedType::isDynamic(size))
        size = rows ? argumentSizes[rows.getArgNumber()][dimension ? axis : 0] : 0;
    all.push_back(sizes);
  }
  return all;
}

static std::vector<TensorMemory> allocate(func::FuncOp function, ArrayRef<HostTensor> inputs,
                                          bool guarded) {
  std::vector<TensorMemory> memories;
  SmallVector<SmallVector<int64_t>> sizes;
  // Both orders of memory are met by every kernel with two arguments.
  auto layout = [&] {
    return !guarded              ? Layout::Contiguous
           : memories.size() % 2 ? Layout::GuardedTokenMajor
                                 : Layout::Guarded;
  };
  for (const HostTensor &input : inputs) {
    memories.emplace_back(input.sizes, input.kind, layout());
    memories.back().fill(input);
    sizes.push_back(input.sizes);
  }
  for (auto [type, size] : llvm::zip_equal(function.getResultTypes(), resultSizes(function, sizes)))
    memories.emplace_back(size, *elementKindOf(cast<RankedTensorType>(type).getElementType()),
                          layout());
  return memories;
}

Launch::Launch(const attn_rt::Entry &entry, func::FuncOp function, ArrayRef<HostTensor> inputs,
               bool guarded, Device *device)
    : entry(entry), numInputs(inputs.size()), device(device),
      memories(allocate(function, inputs, guarded)) {
  for (const TensorMemory &memory : memories)
    tensors.push_back(memory.tensor());
  for (unsigned i = 0; guarded && i < numInputs; ++i)
    given.push_back(memories[i].snapshot());
}

Launch::~Launch() {
  for (uint64_t address : addresses)
    device->release(address);
}

//===----------------------------------------------------------------------===//
// On a device. Scalars stay with the host, which reads them.
//===----------------------------------------------------------------------===//

std::string Launch::prepare() {
  if (!device || !addresses.empty())
    return "";
  for (auto [memory, tensor] : llvm::zip_equal(memories, tensors)) {
    uint64_t address = 0;
    std::string wrong = device->allocate(static_cast<size_t>(memory.size()), address);
    if (!wrong.empty())
      return wrong;
    addresses.push_back(address);
    if (tensor.rank > 0)
      tensor.data = reinterpret_cast<void *>(address);
  }
  return upload();
}

void Launch::growCaches(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [i, result] : llvm::enumerate(terminator->getOperands())) {
    auto append = result.getDefiningOp<AppendOp>();
    if (auto cache = append ? dyn_cast<BlockArgument>(append.getCache()) : BlockArgument())
      tensors[numInputs + i].data = tensors[cache.getArgNumber()].data;
  }
}

std::string Launch::upload() {
  for (auto [memory, address] : llvm::zip_equal(memories, addresses))
    if (std::string wrong =
            device->copyIn(address, memory.data(), static_cast<size_t>(memory.size()));
        !wrong.empty())
      return wrong;
  return "";
}

std::string Launch::download() {
  for (auto [memory, address] : llvm::zip_equal(memories, addresses))
    if (std::string wrong =
            device->copyOut(memory.data(), address, static_cast<size_t>(memory.size()));
        !wrong.empty())
      return wrong;
  return "";
}

std::string Launch::enqueue() const {
  std::string message;
  int32_t code = entry.launch(tensors.data(), tensors.size(), device->stream(), &message);
  return code == 0 ? "" : message;
}

//===----------------------------------------------------------------------===//
// Running and looking
//===----------------------------------------------------------------------===//

std::string Launch::run(int32_t threads) {
  std::string message;
  if (!device)
    return entry.run(tensors.data(), tensors.size(), threads, &message) == 0 ? "" : message;
  message = prepare();
  if (message.empty())
    message = upload(); // what the host changed since
  if (message.empty())
    message = enqueue();
  if (message.empty())
    message = device->finish();
  return message.empty() ? download() : message;
}

void Launch::poisonOutputs() {
  for (unsigned i = numInputs; i < memories.size(); ++i)
    memories[i].poison();
}

int64_t Launch::outputRows(unsigned i) const {
  const attn_tensor &tensor = tensors[numInputs + i];
  return tensor.rank < 3 ? 0 : tensor.sizes[0] * tensor.sizes[1] * tensor.sizes[2];
}

std::string Launch::damaged() const {
  for (auto [i, memory] : llvm::enumerate(memories)) {
    bool intact = i < given.size() ? memory.snapshot() == given[i] : memory.guardsIntact();
    if (!intact)
      return entry.arguments[i].name;
  }
  return "";
}

std::vector<std::vector<char>> Launch::outputBytes() const {
  std::vector<std::vector<char>> all;
  for (unsigned i = numInputs; i < memories.size(); ++i)
    all.push_back(memories[i].snapshot());
  return all;
}
