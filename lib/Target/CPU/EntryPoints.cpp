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

namespace {

/// What the kernel reads of one `attn_tensor`, as values.
struct TensorFields {
  Value data;
  SmallVector<Value> sizes, strides; // i64, as many as the kernel's argument has dimensions
};

} // namespace

static TensorFields loadFields(ImplicitLocOpBuilder &b, Value args, int64_t index, Type type) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto load = [&](Type field, ArrayRef<LLVM::GEPArg> path) -> Value {
    SmallVector<LLVM::GEPArg> indices = {static_cast<int32_t>(index)};
    llvm::append_range(indices, path);
    Value address = LLVM::GEPOp::create(b, pointer, tensorStruct(b.getContext()), args, indices);
    return LLVM::LoadOp::create(b, field, address);
  };
  TensorFields fields;
  fields.data = load(pointer, {0});
  auto memref = dyn_cast<MemRefType>(type);
  for (int32_t i = 0; memref && i < memref.getRank(); ++i) {
    // A static size has been checked.
    fields.sizes.push_back(
        memref.isDynamicDim(i)
            ? load(b.getI64Type(), {3, i})
            : Value(arith::ConstantOp::create(b, b.getI64IntegerAttr(memref.getDimSize(i)))));
    fields.strides.push_back(load(b.getI64Type(), {4, i}));
  }
  return fields;
}

/// i1: whether any tensor marked `attn.output` has an element.
static Value emitHasWork(ImplicitLocOpBuilder &b, func::FuncOp kernel,
                         ArrayRef<TensorFields> arguments) {
  Value work = arith::ConstantOp::create(b, b.getBoolAttr(false));
  Value none = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  for (auto [i, fields] : llvm::enumerate(arguments)) {
    if (!kernel.getArgAttr(i, "attn.output"))
      continue;
    Value some = arith::ConstantOp::create(b, b.getBoolAttr(true));
    for (Value size : fields.sizes)
      some = arith::AndIOp::create(b, some,
                                   arith::CmpIOp::create(b, arith::CmpIPredicate::ne, size, none));
    work = arith::OrIOp::create(b, work, some);
  }
  return work;
}

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
  const ArgumentTable &table;
  StringRef name;
  Value args, count, threads;

  void write();
  Value checkAndRun();
  Value run();
};

} // namespace

Value Entry::run() {
  SmallVector<TensorFields> fields;
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes().drop_back()))
    fields.push_back(loadFields(b, args, static_cast<int64_t>(i), type));
  return branch(
      b, emitHasWork(b, kernel, fields),
      [&] { return callKernel(b, kernel, buildArguments(b, kernel, fields), threads); },
      [&] { return i32Constant(b, 0); });
}

Value Entry::checkAndRun() {
  Value code = emitChecks(b, table, name, args);
  Value good = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, code, i32Constant(b, 0));
  return branch(b, good, [&] { return run(); }, [&] { return code; });
}

void Entry::write() {
  Value expected = arith::ConstantOp::create(b, b.getI64IntegerAttr(table.arguments));
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
  FailureOr<ArgumentTable> table = makeArgumentTable(kernel);
  if (failed(table))
    return failure();
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
  Entry{
      b, kernel, *table, name, block->getArgument(0), block->getArgument(1), block->getArgument(2)}
      .write();
  kernel.removeArgAttrsAttr();
  return success();
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
