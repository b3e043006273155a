//===- EntryPoints.cpp - the C calling convention of kernels ---===//
#include "EntryChecks.h"
#include "LowerParallel.h"
#include "attn/IR/AttnOps.h"
#include "attn/Target/CPU/Passes.h"
#include "attn/Target/Target.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"

namespace mlir::attn {
#define GEN_PASS_DEF_CPUENTRYPOINTSPASS
#include "attn/Target/CPU/Passes.h.inc"
} // namespace mlir::attn

using namespace mlir;
using namespace mlir::attn;

/// ATTN_ERROR_ARGUMENT_COUNT of attn_runtime.h.
static constexpr int64_t wrongCount = 999001;

static Value i32Constant(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

static bool isEntry(func::FuncOp function) {
  unsigned count = function.getNumArguments();
  return function.isPublic() && !function.isExternal() && count > 0 &&
         function.getArgAttr(count - 1, "attn.threads");
}

/// `condition ? first() : second()`, both i32.
static Value branch(ImplicitLocOpBuilder &b, Value condition, function_ref<Value()> first,
                    function_ref<Value()> second) {
  auto branch = scf::IfOp::create(b, b.getI32Type(), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(b, first());
  b.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(b, second());
  return branch.getResult(0);
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

/// The memref that lies where the caller's tensor says.
static Value buildMemref(ImplicitLocOpBuilder &b, const LLVMTypeConverter &converter,
                         const TensorFields &fields, MemRefType type) {
  auto descriptor = MemRefDescriptor::poison(b, b.getLoc(), converter.convertType(type));
  descriptor.setAllocatedPtr(b, b.getLoc(), fields.data);
  descriptor.setAlignedPtr(b, b.getLoc(), fields.data);
  descriptor.setConstantOffset(b, b.getLoc(), 0);
  for (auto [i, size] : llvm::enumerate(fields.sizes))
    descriptor.setSize(b, b.getLoc(), i, size);
  for (auto [i, stride] : llvm::enumerate(fields.strides))
    descriptor.setStride(b, b.getLoc(), i, stride);
  Value value = descriptor;
  return UnrealizedConversionCastOp::create(b, TypeRange{type}, value).getResult(0);
}

static Value loadScalar(ImplicitLocOpBuilder &b, const TensorFields &fields, Type type) {
  if (!type.isIndex())
    return LLVM::LoadOp::create(b, type, fields.data);
  Value value = LLVM::LoadOp::create(b, b.getI64Type(), fields.data);
  return arith::IndexCastOp::create(b, type, value);
}

static SmallVector<Value> buildArguments(ImplicitLocOpBuilder &b, func::FuncOp kernel,
                                         ArrayRef<TensorFields> fields) {
  LLVMTypeConverter converter(b.getContext());
  SmallVector<Value> values;
  for (auto [tensor, type] : llvm::zip(fields, kernel.getArgumentTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    values.push_back(memref ? buildMemref(b, converter, tensor, memref)
                            : loadScalar(b, tensor, type));
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// Runs the kernel with at most `threads` threads (all when zero or less) and leaves the caller's
/// setting as it was. The value is the kernel's code.
static Value callKernel(ImplicitLocOpBuilder &b, func::FuncOp kernel, SmallVector<Value> arguments,
                        Value threads) {
  auto module = kernel->getParentOfType<ModuleOp>();
  auto i32 = b.getI32Type();
  auto none = LLVM::LLVMVoidType::get(b.getContext());
  LLVM::LLVMFuncOp get = declareFunction(module, "omp_get_max_threads", i32);
  LLVM::LLVMFuncOp set = declareFunction(module, "omp_set_num_threads", none, {i32});
  Value before = LLVM::CallOp::create(b, get, ValueRange{}).getResult();
  Value given = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, threads, i32Constant(b, 0));
  Value during = arith::SelectOp::create(b, given, threads, before);
  LLVM::CallOp::create(b, set, ValueRange{during});
  arguments.push_back(arith::SelectOp::create(b, given, threads, i32Constant(b, 0)));
  Value code = func::CallOp::create(b, kernel, arguments).getResult(0);
  LLVM::CallOp::create(b, set, ValueRange{before});
  return code;
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

namespace {

/// The wrapper of one kernel while it is written.
struct Entry {
  ImplicitLocOpBuilder &b;
  func::FuncOp kernel;
  Value args, count, threads;
  LogicalResult result = success();

  void write();
  Value checkAndRun();
  Value run(ArrayRef<TensorFields> fields);
};

} // namespace

Value Entry::run(ArrayRef<TensorFields> fields) {
  return branch(
      b, emitHasWork(b, kernel, fields),
      [&] { return callKernel(b, kernel, buildArguments(b, kernel, fields), threads); },
      [&] { return i32Constant(b, 0); });
}

Value Entry::checkAndRun() {
  SmallVector<TensorFields> fields;
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes().drop_back()))
    fields.push_back(loadFields(b, args, static_cast<int64_t>(i), type));
  FailureOr<Value> code = emitChecks(b, kernel, fields);
  if (failed(code)) {
    result = failure();
    return i32Constant(b, 0);
  }
  Value good = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, *code, i32Constant(b, 0));
  return branch(b, good, [&] { return run(fields); }, [&] { return *code; });
}

void Entry::write() {
  Value expected = arith::ConstantOp::create(
      b, b.getI64IntegerAttr(static_cast<int64_t>(kernel.getNumArguments()) - 1));
  Value counted = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, count, expected);
  Value null = LLVM::ZeroOp::create(b, args.getType());
  Value given = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, args, null);
  Value readable = arith::AndIOp::create(b, counted, given);
  Value code = branch(
      b, readable, [&] { return checkAndRun(); }, [&] { return i32Constant(b, wrongCount); });
  func::ReturnOp::create(b, code);
}

/// The kernel keeps its code but neither its name nor what only the wrapper needed. Nobody outside
/// the object sees it.
static void makePrivate(func::FuncOp kernel, StringRef name) {
  kernel.setName((name + ".body").str());
  kernel.setPrivate();
  kernel->setAttr("llvm.linkage",
                  LLVM::LinkageAttr::get(kernel.getContext(), LLVM::Linkage::Internal));
  for (NamedAttribute attr : llvm::to_vector(kernel->getDiscardableAttrs()))
    if (attr.getName().getValue().starts_with("attn."))
      kernel->removeDiscardableAttr(attr.getName());
}

/// The kernel returns 0, or what a pass behind this one lets it return.
static void returnCode(func::FuncOp kernel) {
  ImplicitLocOpBuilder b(kernel.getLoc(), kernel.getContext());
  kernel.setFunctionType(b.getFunctionType(kernel.getArgumentTypes(), b.getI32Type()));
  kernel.walk([&](func::ReturnOp op) {
    b.setInsertionPoint(op);
    op->setOperands(i32Constant(b, 0));
  });
}

static LogicalResult makeEntry(func::FuncOp kernel) {
  std::string name = kernel.getSymName().str();
  Attribute workspace = kernel->getAttr(workspaceAttrName);
  makePrivate(kernel, name);
  returnCode(kernel);
  ImplicitLocOpBuilder b(kernel.getLoc(), kernel);
  Type types[] = {LLVM::LLVMPointerType::get(b.getContext()), b.getI64Type(), b.getI32Type()};
  auto wrapper = func::FuncOp::create(b, name, b.getFunctionType(types, b.getI32Type()));
  if (workspace)
    wrapper->setAttr(workspaceAttrName, workspace);
  Block *block = wrapper.addEntryBlock();
  b.setInsertionPointToStart(block);
  Entry entry{b, kernel, block->getArgument(0), block->getArgument(1), block->getArgument(2)};
  entry.write();
  kernel.removeArgAttrsAttr();
  return entry.result;
}

namespace {

struct CPUEntryPointsPass : attn::impl::CPUEntryPointsPassBase<CPUEntryPointsPass> {
  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!isEntry(function))
        continue;
      if (failed(makeEntry(function)))
        return signalPassFailure();
      ++numEntries;
    }
    for (auto spec : llvm::to_vector(getOperation().getOps<SpecOp>()))
      spec.erase();
  }
};

} // namespace
