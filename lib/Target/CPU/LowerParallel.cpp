//===- LowerParallel.cpp - work shared by threads ----------------------------===//
#include "LowerParallel.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::attn;

/// The loop of one thread: take a number, run, until none is left.
static void emitTakingLoop(CpuBuilder &b, Value counter, Value count,
                           function_ref<void(Value)> body) {
  auto loop = scf::WhileOp::create(b, TypeRange{b.getIndexType()}, ValueRange());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&loop.getBefore());
  Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  Value taken =
      memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::addi, one, counter, ValueRange());
  Value number = arith::IndexCastOp::create(b, b.getIndexType(), taken);
  scf::ConditionOp::create(b, b.compare(arith::CmpIPredicate::ult, number, count), number);
  Block *after = b.createBlock(&loop.getAfter(), {}, b.getIndexType(), b.getLoc());
  body(after->getArgument(0));
  scf::YieldOp::create(b);
}

/// The number that threads take from, in the function's entry block: memory that is taken elsewhere
/// keeps a function from being inlined.
static Value createCounter(CpuBuilder &b) {
  OpBuilder::InsertionGuard guard(b);
  Operation *around = b.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<func::FuncOp>(around);
  if (!function)
    function = around->getParentOfType<func::FuncOp>();
  b.setInsertionPointToStart(&function.front());
  return memref::AllocaOp::create(b, MemRefType::get({}, b.getI64Type()));
}

void attn::emitSharedLoop(CpuBuilder &b, Value count, function_ref<void()> before,
                          function_ref<void(Value)> body, function_ref<void()> after) {
  Value counter = createCounter(b);
  b.when(b.compare(arith::CmpIPredicate::ugt, count, b.index(0)), [&] {
    memref::StoreOp::create(b, arith::ConstantOp::create(b, b.getI64IntegerAttr(0)), counter,
                            ValueRange());
    auto parallel = omp::ParallelOp::create(b);
    {
      OpBuilder::InsertionGuard guard(b);
      b.createBlock(&parallel.getRegion());
      before();
      emitTakingLoop(b, counter, count, body);
      after();
      omp::TerminatorOp::create(b);
    }
  });
}

LLVM::LLVMFuncOp attn::declareFunction(ModuleOp module, StringRef name, Type result,
                                       TypeRange arguments) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  SmallVector<Type> types(arguments);
  return LLVM::LLVMFuncOp::create(b, module.getLoc(), name,
                                  LLVM::LLVMFunctionType::get(result, types));
}

/// Number of iterations of each dimension.
static SmallVector<Value> emitSizes(CpuBuilder &b, scf::ParallelOp op) {
  SmallVector<Value> sizes;
  for (auto [lower, upper, step] : llvm::zip(op.getLowerBound(), op.getUpperBound(), op.getStep()))
    sizes.push_back(
        Value(arith::CeilDivUIOp::create(b, b.maximum(b.sub(upper, lower), b.index(0)), step)));
  return sizes;
}

/// Clones the body for iteration `number`, counted with the last dimension fastest.
static void emitIteration(CpuBuilder &b, scf::ParallelOp op, ArrayRef<Value> sizes, Value number) {
  IRMapping mapping;
  for (size_t i = sizes.size(); i-- > 0;) {
    Value position = b.mul(b.rem(number, sizes[i]), op.getStep()[i]);
    mapping.map(op.getInductionVars()[i], b.add(op.getLowerBound()[i], position));
    number = b.div(number, sizes[i]);
  }
  for (Operation &inner : op.getBody()->without_terminator())
    b.clone(inner, mapping);
}

LogicalResult attn::lowerParallel(scf::ParallelOp op, TargetAttr target) {
  if (op.getNumReductions() != 0)
    return op.emitOpError("reductions in parallel loops are not built for the CPU");
  OpBuilder builder(op);
  CpuBuilder b(op.getLoc(), builder, target);
  SmallVector<Value> sizes = emitSizes(b, op);
  Value total = sizes.front();
  for (Value size : ArrayRef<Value>(sizes).drop_front())
    total = b.mul(total, size);
  // A chunk amortises the shared counter where iterations are as small as one head vector; where
  // there are few iterations, they are long, and each is a chunk of its own.
  Value chunk = b.maximum(b.minimum(b.div(total, b.index(64)), b.index(32)), b.index(1));
  SmallVector<memref::AllocaOp> buffers;
  op.walk([&](memref::AllocaOp alloca) { buffers.push_back(alloca); });
  emitSharedLoop(
      b, Value(arith::CeilDivUIOp::create(b, total, chunk)),
      // Once per thread: a buffer taken inside the loop would grow the stack with each iteration.
      [&] {
        for (memref::AllocaOp alloca : buffers)
          alloca->moveBefore(b.getInsertionBlock(), b.getInsertionPoint());
      },
      [&](Value number) {
        Value first = b.mul(number, chunk);
        b.loop(first, b.minimum(b.add(first, chunk), total), 1,
               [&](Value i) { emitIteration(b, op, sizes, i); });
      },
      [] {});
  op.erase();
  return success();
}
