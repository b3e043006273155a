//===- Steps.cpp - an entry as several kernels and the host's program --------===//
//
// Every operation of the entry's body that touches memory becomes a kernel. What is left is the
// host's: sizes, views, and where intermediate tensors lie in device memory. It becomes a function
// of the host's module that checks its arguments, reserves that memory and launches one kernel
// after the other.
//
//===----------------------------------------------------------------------===//
#include "HostValues.h"
#include "Lowering.h"
#include "ProductKernel.h"
#include "TokenKernel.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::attn;

/// Numbers of 64 bits of `attn_gpu_call` and of `attn_gpu_state`.
static constexpr int64_t callWords = 16, stateWords = 4;

namespace {

/// The first fields of `attn_gpu_shape`.
struct LaunchShape {
  int64_t threads, itemsPerBlock, blocksPerItem;
};

class StepEmitter {
public:
  StepEmitter(func::FuncOp function, ModuleOp host)
      : function(function), b(function.getLoc(), host), kernels(function.getLoc(), function),
        known(b) {
    kernels.followsLaunches = mayFollowLaunches(function);
  }
  LogicalResult emit();

private:
  LogicalResult emitReady(Value arguments);
  LogicalResult emitSteps(Block &block);
  LogicalResult emitStep(Operation &op);
  LogicalResult emitBranch(scf::IfOp op);
  LogicalResult emitTokens(Operation &op);
  LogicalResult emitAttention(WorkOp work);
  LogicalResult emitProduct(ProductNest &nest, Operation &op);
  void launch(StringRef name, LaunchShape shape, ArrayRef<Value> numbers);
  void launchProduct(ProductNest &nest, const ProductTile &tile, StringRef name);
  void launchTokens(const TokenKernelEmitter &kernel, StringRef name);
  void launchAttention(NVWorkPlan &plan, StringRef name, ValueRange operands);
  Value parameterOf(const KernelParameter &parameter);
  bool isPassed(Value value) const;
  void putOperand(Value tensors, int64_t first, Value operand);
  std::string nextName(Operation &op, StringRef otherwise);

  func::FuncOp function;
  HostBuilder b;
  KernelBuilder kernels;
  HostValues known;
  Value call;                   // attn_gpu_call
  SmallVector<StringRef> steps; // what each kernel does
};

} // namespace

//===----------------------------------------------------------------------===//
// Loops over tokens
//===----------------------------------------------------------------------===//

/// `<entry>_<number>_<what>`, where Tiling named the loops.
std::string StepEmitter::nextName(Operation &op, StringRef otherwise) {
  auto named = op.getLoc()->findInstanceOf<NameLoc>();
  StringRef what = named ? named.getName().getValue() : otherwise;
  std::string number = std::to_string(steps.size());
  steps.push_back(what);
  return (function.getSymName() + "_" + number + "_" + what).str();
}

Value StepEmitter::parameterOf(const KernelParameter &parameter) {
  switch (parameter.kind) {
  case KernelParameter::Kind::Address:
    return known.addressOf(parameter.value);
  case KernelParameter::Kind::Size:
    return known.tensor(parameter.value).sizes[parameter.dimension];
  case KernelParameter::Kind::Stride:
    return known.tensor(parameter.value).strides[parameter.dimension];
  case KernelParameter::Kind::Index:
    return known.scalar(parameter.value);
  }
  llvm_unreachable("all kinds are handled");
}

/// The first of the numbers is that of the items.
void StepEmitter::launch(StringRef name, LaunchShape shape, ArrayRef<Value> numbers) {
  auto count = static_cast<int64_t>(numbers.size());
  Value memory = b.words(count);
  for (auto [i, number] : llvm::enumerate(numbers))
    b.putWord(memory, static_cast<int64_t>(i), number);
  b.call("attn_gpu_tokens", {},
         {call,
          b.table(name + "_shape", {shape.threads, shape.itemsPerBlock, shape.blocksPerItem, count,
                                    kernels.followsLaunches}),
          b.variable(name + "_state", stateWords), b.external(imagesName),
          b.text(name + "_name", name), memory});
}

/// The kernel's numbers: items, sizes of its loops but the first, parameters.
void StepEmitter::launchTokens(const TokenKernelEmitter &kernel, StringRef name) {
  Value items = b.index(1);
  SmallVector<Value> numbers = {items};
  for (auto [i, size] : llvm::enumerate(kernel.sizes())) {
    Value count = known.scalar(size);
    if (i > 0)
      numbers.push_back(count);
    items = arith::MulIOp::create(b, items, count);
  }
  numbers.front() = items;
  for (const KernelParameter &parameter : kernel.parameters())
    numbers.push_back(parameterOf(parameter));
  launch(name, {kernel.threads(), kernel.itemsPerBlock(), kernel.blocksPerItem()}, numbers);
}

/// The kernel's numbers: blocks, rows, tiles of rows, extents of the loops, parameters.
void StepEmitter::launchProduct(ProductNest &nest, const ProductTile &tile, StringRef name) {
  kernels.setInsertionPoint(function);
  ProductEmitter kernel(kernels, nest, tile, name);
  kernel.emit();
  Value rows = b.index(1), groups = b.index(1);
  SmallVector<Value> numbers;
  for (auto [axis, bound] : llvm::zip_equal(nest.axes, nest.loop.getUpperBound())) {
    Value &count = axis.isGroup() ? groups : rows;
    numbers.push_back(known.scalar(bound));
    count = arith::MulIOp::create(b, count, numbers.back());
  }
  Value tiles = arith::CeilDivUIOp::create(b, rows, b.index(tile.rows));
  Value columns = b.index(static_cast<int64_t>(llvm::divideCeil(nest.columns, tile.columns)));
  Value blocks = arith::MulIOp::create(b, tiles, arith::MulIOp::create(b, columns, groups));
  numbers.insert(numbers.begin(), {blocks, rows, tiles});
  for (const KernelParameter &parameter : kernel.parameters())
    numbers.push_back(parameterOf(parameter));
  launch(name, {tile.threads(), /*itemsPerBlock=*/1, /*blocksPerItem=*/1}, numbers);
}

/// Few rows and many have a kernel each; the call's lengths choose.
LogicalResult StepEmitter::emitProduct(ProductNest &nest, Operation &op) {
  std::string name = nextName(op, "product");
  Value rows = b.index(1);
  for (auto [axis, bound] : llvm::zip_equal(nest.axes, nest.loop.getUpperBound()))
    if (!axis.isGroup())
      rows = arith::MulIOp::create(b, rows, known.scalar(bound));
  Value isFew =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, rows, b.index(ProductTile::mostFewRows));
  auto branch = scf::IfOp::create(b, isFew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  launchProduct(nest, ProductTile::forFewRows(nest), name + "_few");
  b.setInsertionPoint(branch.elseYield());
  launchProduct(nest, ProductTile::wide(), name);
  return success();
}

/// Kernels take addresses and numbers of 64 bits.
bool StepEmitter::isPassed(Value value) const {
  Type type = value.getType();
  return known.isKnown(value) && (isa<MemRefType>(type) || type.isIndex() || type.isInteger(64));
}

LogicalResult StepEmitter::emitTokens(Operation &op) {
  if (std::optional<ProductNest> product = matchProduct(&op))
    return emitProduct(*product, op);
  std::string name = nextName(op, "tokens");
  kernels.setInsertionPoint(function);
  TokenKernelEmitter kernel(kernels, &op, name);
  if (failed(kernel.emit()))
    return failure();
  for (const KernelParameter &parameter : kernel.parameters())
    if (!isPassed(parameter.value))
      return op.emitOpError("needs a value of type ")
             << parameter.value.getType()
             << " that the host does not know; on a GPU, only kernels read tensors";
  launchTokens(kernel, name);
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// A tensor of the launch, or a scalar in the host's memory.
void StepEmitter::putOperand(Value tensors, int64_t first, Value operand) {
  auto type = dyn_cast<MemRefType>(operand.getType());
  auto put = [&](int64_t word, Value value) { b.putWord(tensors, first + word, value); };
  int64_t rank = type ? type.getRank() : 0;
  put(1, b.i64(rank | runtimeType(getElementTypeOrSelf(operand.getType())) << 32));
  if (!type) {
    Value scalar = b.words(1);
    b.putWord(scalar, 0, known.scalar(operand));
    return put(0, b.addressFrom(scalar));
  }
  put(0, known.addressOf(operand));
  const HostTensor &tensor = known.tensor(operand);
  for (auto [i, size] : llvm::enumerate(tensor.sizes))
    put(tensorSizeWord + static_cast<int64_t>(i), size);
  for (auto [i, stride] : llvm::enumerate(tensor.strides))
    put(tensorStrideWord + static_cast<int64_t>(i), stride);
}

void StepEmitter::launchAttention(NVWorkPlan &plan, StringRef name, ValueRange operands) {
  SmallVector<int64_t> numbers;
  describeAttention(plan, emptySignature(), numbers);
  Value tensors = b.words(tensorWords * static_cast<int64_t>(operands.size()));
  for (auto [i, operand] : llvm::enumerate(operands))
    putOperand(tensors, tensorWords * static_cast<int64_t>(i), operand);
  b.call("attn_gpu_attention", {},
         {call, b.table(name + "_entry", numbers), b.variable(name + "_state", stateWords),
          b.external(imagesName), b.text(name + "_name", name), tensors});
}

/// The copy engine and 16-byte accesses.
static LogicalResult checkRows(NVWorkPlan &plan, ArrayRef<Value> operands) {
  constexpr int64_t unit = 8; // elements of 16 bits in 16 bytes
  const ArgumentRoles &roles = plan.roles;
  for (int64_t role : {roles.query, roles.key, roles.value, roles.out})
    if (Value operand = operands[static_cast<size_t>(role)]; rowAlignment(operand) % unit != 0)
      return plan.work.emitOpError("expected rows that start at multiples of 16 bytes, found ")
             << operand.getType() << " from a column between them";
  return success();
}

LogicalResult StepEmitter::emitAttention(WorkOp work) {
  SmallVector<Value> operands;
  auto numberOf = [&](Value value) -> int64_t {
    if (!known.isKnown(value))
      return -1;
    if (!llvm::is_contained(operands, value))
      operands.push_back(value);
    return std::distance(operands.begin(), llvm::find(operands, value));
  };
  FailureOr<NVWorkPlan> plan = NVWorkPlan::create(work, numberOf);
  if (failed(plan))
    return failure();
  if (failed(checkRows(*plan, operands)))
    return failure();
  std::string name = nextName(*work, "attention");
  kernels.setInsertionPoint(function);
  if (failed(attn::emitAttention(kernels, *plan, name)))
    return failure();
  launchAttention(*plan, name, operands);
  return success();
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

LogicalResult StepEmitter::emitBranch(scf::IfOp op) {
  if (op.getNumResults() != 0)
    return op.emitOpError("expected a branch without results between kernels");
  auto branch =
      scf::IfOp::create(b, known.scalar(op.getCondition()), static_cast<bool>(op.elseBlock()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  if (failed(emitSteps(*op.thenBlock())))
    return failure();
  if (!op.elseBlock())
    return success();
  b.setInsertionPoint(branch.elseYield());
  return emitSteps(*op.elseBlock());
}

LogicalResult StepEmitter::emitStep(Operation &op) {
  if (auto work = dyn_cast<WorkOp>(op))
    return emitAttention(work);
  if (auto branch = dyn_cast<scf::IfOp>(op); branch && known.isKnown(branch.getCondition()))
    return emitBranch(branch);
  if (auto pointer = dyn_cast<memref::ExtractAlignedPointerAsIndexOp>(op)) {
    known.map(pointer.getResult(), b.toIndex(known.memoryOf(pointer.getSource())));
    return success();
  }
  if (known.prepare(op))
    return success();
  if (isa<scf::ParallelOp, scf::ForOp>(op))
    return emitTokens(op);
  return op.emitOpError(
      "has no code for a GPU between kernels; the host knows sizes and views, and "
      "kernels are loops over tokens and attentions");
}

LogicalResult StepEmitter::emitSteps(Block &block) {
  for (Operation &op : block.without_terminator())
    if (!known.isDone(op) && failed(emitStep(op)))
      return failure();
  return success();
}

LogicalResult StepEmitter::emitReady(Value arguments) {
  Block &body = function.getBody().front();
  known.readArguments(function, arguments);
  known.prepare(body);
  known.reserve(call);
  return emitSteps(body);
}

LogicalResult StepEmitter::emit() {
  SmallVector<int64_t> signature;
  if (failed(describeSignature(function, signature)))
    return failure();
  LLVM::LLVMFuncOp program = b.createEntry(function.getSymName());
  Block::BlockArgListType arguments = program.getArguments();
  call = b.words(callWords);
  Value code = b.call("attn_gpu_begin", b.getI32Type(),
                      {call, b.table(function.getSymName() + "_signature", signature), arguments[0],
                       arguments[1], arguments[2]});
  Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  Value isReady = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, code, zero);
  auto branch = scf::IfOp::create(b, b.getI32Type(), isReady, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, code);
    b.setInsertionPointToStart(branch.thenBlock());
    if (failed(emitReady(arguments[0])))
      return failure();
    scf::YieldOp::create(b, b.call("attn_gpu_end", b.getI32Type(), {call}));
  }
  LLVM::ReturnOp::create(b, branch.getResults());
  program->setAttr(stepsAttrName, b.getStrArrayAttr(steps));
  return success();
}

LogicalResult attn::lowerSteps(func::FuncOp function, ModuleOp host) {
  return StepEmitter(function, host).emit();
}
