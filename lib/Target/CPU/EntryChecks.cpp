//===- EntryChecks.cpp - checks of an entry point's arguments ---===//
#include "EntryChecks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::attn;

using CodeBuilder = ImplicitLocOpBuilder;

/// Kinds of error in attn_runtime.h.
enum ErrorKind { NullData = 1, WrongRank = 2, WrongType = 3, WrongSize = 4, WrongStride = 5 };

static Value constant(CodeBuilder &b, int64_t value, unsigned width) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(b.getIntegerType(width), value));
}

static Value compare(CodeBuilder &b, arith::CmpIPredicate predicate, Value lhs, int64_t rhs) {
  return arith::CmpIOp::create(b, predicate, lhs,
                               constant(b, rhs, lhs.getType().getIntOrFloatBitWidth()));
}

static Value either(CodeBuilder &b, Value lhs, Value rhs) {
  return lhs ? arith::OrIOp::create(b, lhs, rhs).getResult() : rhs;
}

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

LLVM::LLVMStructType attn::tensorStruct(MLIRContext *context) {
  auto i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64);
  auto four = LLVM::LLVMArrayType::get(i64, 4);
  return LLVM::LLVMStructType::getLiteral(
      context, {LLVM::LLVMPointerType::get(context), i32, i32, four, four});
}

static int64_t rankOf(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref ? memref.getRank() : 0;
}

TensorFields attn::loadFields(CodeBuilder &b, Value args, int64_t index, Type type) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto tensor = tensorStruct(b.getContext());
  auto load = [&](Type field, ArrayRef<LLVM::GEPArg> path) -> Value {
    SmallVector<LLVM::GEPArg> indices = {static_cast<int32_t>(index)};
    llvm::append_range(indices, path);
    Value address = LLVM::GEPOp::create(b, pointer, tensor, args, indices);
    return LLVM::LoadOp::create(b, field, address);
  };
  TensorFields fields;
  fields.data = load(pointer, {0});
  fields.rank = load(b.getI32Type(), {1});
  fields.dtype = load(b.getI32Type(), {2});
  for (int32_t i = 0; i < rankOf(type); ++i) {
    fields.sizes.push_back(load(b.getI64Type(), {3, i}));
    fields.strides.push_back(load(b.getI64Type(), {4, i}));
  }
  return fields;
}

FailureOr<int32_t> attn::dtypeCode(Type element) {
  if (element.isF32())
    return 0;
  if (element.isBF16())
    return 1;
  if (element.isF16())
    return 2;
  if (element.isIndex() || element.isInteger(64))
    return 3;
  if (element.isInteger(32))
    return 4;
  if (element.isF64())
    return 5;
  if (element.isInteger(8))
    return 6;
  return failure();
}

/// Product of the sizes; meaningful once all are checked to be non-negative.
static Value isEmpty(CodeBuilder &b, const TensorFields &fields) {
  Value empty;
  for (Value size : fields.sizes)
    empty = either(b, empty, compare(b, arith::CmpIPredicate::eq, size, 0));
  return empty ? empty : constant(b, 0, 1);
}

Value attn::emitHasWork(CodeBuilder &b, func::FuncOp kernel, ArrayRef<TensorFields> arguments) {
  Value work = constant(b, 0, 1);
  for (auto [i, fields] : llvm::enumerate(arguments)) {
    if (!kernel.getArgAttr(i, "attn.output"))
      continue;
    Value empty = isEmpty(b, fields);
    Value some = arith::XOrIOp::create(b, empty, constant(b, 1, 1));
    work = either(b, work, some);
  }
  return work;
}

//===----------------------------------------------------------------------===//
// Sizes that must agree
//===----------------------------------------------------------------------===//

namespace {

/// One text of `attn.sizes`, taken apart: `[>=] (number | symbol) [/ divisor]`.
struct SizeText {
  bool isBound = false;
  std::string symbol; // empty for a number
  int64_t number = 0, divisor = 1;
};

/// Collects checks in order; the first that fails gives the code.
class Checker {
public:
  Checker(CodeBuilder &b, func::FuncOp kernel, ArrayRef<TensorFields> arguments)
      : b(b), kernel(kernel), arguments(arguments), code(constant(b, 0, 32)) {}

  FailureOr<Value> run();

private:
  void failIf(Value condition, size_t argument, ErrorKind kind);
  LogicalResult checkType(size_t argument);
  LogicalResult checkSizes(size_t argument);
  LogicalResult checkText(size_t argument, size_t dimension, StringRef text);
  void checkMemory(size_t argument);
  void defineSymbols();

  CodeBuilder &b;
  func::FuncOp kernel;
  ArrayRef<TensorFields> arguments;
  Value code;
  llvm::StringMap<Value> symbols;
};

} // namespace

static SizeText parseSize(StringRef text) {
  SizeText result;
  result.isBound = text.consume_front(">=");
  auto [size, divisor] = text.split('/');
  if (!divisor.empty() && divisor.getAsInteger(10, result.divisor))
    result.divisor = 1;
  if (size.getAsInteger(10, result.number))
    result.symbol = size.str();
  return result;
}

static SmallVector<StringRef> sizeTexts(func::FuncOp kernel, size_t argument) {
  auto texts = kernel.getArgAttrOfType<ArrayAttr>(argument, "attn.sizes");
  SmallVector<StringRef> result;
  if (texts)
    llvm::append_range(result, texts.getAsValueRange<StringAttr>());
  return result;
}

/// A symbol is the size where it first stands without a bound.
void Checker::defineSymbols() {
  for (size_t argument = 0; argument < arguments.size(); ++argument)
    for (auto [i, text] : llvm::enumerate(sizeTexts(kernel, argument))) {
      SizeText size = parseSize(text.split(';').first);
      if (!size.isBound && !size.symbol.empty())
        symbols.try_emplace(size.symbol, arguments[argument].sizes[i]);
    }
}

void Checker::failIf(Value condition, size_t argument, ErrorKind kind) {
  Value good = compare(b, arith::CmpIPredicate::eq, code, 0);
  Value now = arith::AndIOp::create(b, good, condition);
  Value value = constant(b, 1000 * static_cast<int64_t>(argument) + kind, 32);
  code = arith::SelectOp::create(b, now, value, code);
}

LogicalResult Checker::checkType(size_t argument) {
  Type type = kernel.getArgumentTypes()[argument];
  FailureOr<int32_t> dtype = dtypeCode(getElementTypeOrSelf(type));
  if (failed(dtype) || rankOf(type) > 4)
    return kernel.emitError("expected argument ")
           << argument << " to be a tensor of rank 0 to 4, or a scalar, of f32, bf16, f16, f64, "
           << "i8, i32, i64 or index, found " << type << "; the C calling convention has no other";
  const TensorFields &fields = arguments[argument];
  failIf(compare(b, arith::CmpIPredicate::ne, fields.rank, rankOf(type)), argument, WrongRank);
  failIf(compare(b, arith::CmpIPredicate::ne, fields.dtype, *dtype), argument, WrongType);
  return success();
}

/// `text` may be an equality and a bound, `s1;>=s0`.
LogicalResult Checker::checkText(size_t argument, size_t dimension, StringRef text) {
  auto [first, second] = text.split(';');
  if (!second.empty())
    return success(succeeded(checkText(argument, dimension, first)) &&
                   succeeded(checkText(argument, dimension, second)));
  if (text.empty())
    return success();
  SizeText size = parseSize(text);
  Value expected = size.symbol.empty() ? constant(b, size.number, 64) : symbols.lookup(size.symbol);
  if (!expected)
    return kernel.emitError("expected 'attn.sizes' to define ")
           << size.symbol << ", found it in a bound only";
  if (size.divisor != 1)
    expected = arith::CeilDivSIOp::create(b, expected, constant(b, size.divisor, 64));
  auto wrong = size.isBound ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ne;
  Value given = arguments[argument].sizes[dimension];
  failIf(arith::CmpIOp::create(b, wrong, given, expected), argument, WrongSize);
  return success();
}

LogicalResult Checker::checkSizes(size_t argument) {
  auto type = dyn_cast<MemRefType>(kernel.getArgumentTypes()[argument]);
  if (!type)
    return success();
  // Unsigned: a negative size is refused, too.
  constexpr int64_t limit = int64_t(1) << 31;
  for (auto [i, size] : llvm::enumerate(arguments[argument].sizes)) {
    failIf(compare(b, arith::CmpIPredicate::uge, size, limit), argument, WrongSize);
    if (!type.isDynamicDim(i))
      failIf(compare(b, arith::CmpIPredicate::ne, size, type.getDimSize(i)), argument, WrongSize);
  }
  for (auto [i, text] : llvm::enumerate(sizeTexts(kernel, argument)))
    if (failed(checkText(argument, i, text)))
      return failure();
  return success();
}

/// Strides and pointer, which do not matter to a tensor without elements. Elements of an output
/// must not coincide.
void Checker::checkMemory(size_t argument) {
  const TensorFields &fields = arguments[argument];
  Value filled = arith::XOrIOp::create(b, isEmpty(b, fields), constant(b, 1, 1));
  auto failIfFilled = [&](Value condition, ErrorKind kind) {
    failIf(arith::AndIOp::create(b, filled, condition), argument, kind);
  };
  if (!fields.strides.empty())
    failIfFilled(compare(b, arith::CmpIPredicate::ne, fields.strides.back(), 1), WrongStride);
  if (kernel.getArgAttr(argument, "attn.output"))
    for (auto [size, stride] : llvm::zip(fields.sizes, fields.strides)) {
      Value repeated = compare(b, arith::CmpIPredicate::sgt, size, 1);
      Value still = compare(b, arith::CmpIPredicate::eq, stride, 0);
      failIfFilled(arith::AndIOp::create(b, repeated, still), WrongStride);
    }
  Value null = LLVM::ZeroOp::create(b, fields.data.getType());
  failIfFilled(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, fields.data, null), NullData);
}

FailureOr<Value> Checker::run() {
  defineSymbols();
  for (size_t argument = 0; argument < arguments.size(); ++argument) {
    if (failed(checkType(argument)) || failed(checkSizes(argument)))
      return failure();
    checkMemory(argument);
  }
  return code;
}

FailureOr<Value> attn::emitChecks(CodeBuilder &b, func::FuncOp kernel,
                                  ArrayRef<TensorFields> arguments) {
  return Checker(b, kernel, arguments).run();
}
