//===- EntryChecks.cpp - compares arguments with a table, all entries in one function ---===//
#include "EntryChecks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::attn;

/// Kinds of error in attn_runtime.h.
enum ErrorKind { NullData = 1, WrongRank = 2, WrongType = 3, WrongSize = 4, WrongStride = 5 };
constexpr int64_t codesPerArgument = 1000;
/// Sizes stay below 2^31.
constexpr int64_t sizeLimit = int64_t(1) << 31;

static constexpr StringLiteral checkFunctionName = "attn.check_arguments";

LLVM::LLVMStructType attn::tensorStruct(MLIRContext *context) {
  auto i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64);
  auto sizes = LLVM::LLVMArrayType::get(i64, mostDimensions);
  return LLVM::LLVMStructType::getLiteral(
      context, {LLVM::LLVMPointerType::get(context), i32, i32, sizes, sizes});
}

namespace {

using Predicate = arith::CmpIPredicate;

/// Writes the function `(args, table, number of arguments) -> code`. The code and whether the
/// tensor at hand has elements lie in stack slots, which LLVM turns into registers.
class CheckWriter {
public:
  CheckWriter(ImplicitLocOpBuilder &b, LLVM::LLVMFuncOp function)
      : b(b), pointer(LLVM::LLVMPointerType::get(b.getContext())),
        block(function.addEntryBlock(b)) {}

  void run();

private:
  Value number(int64_t n) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(n)); }
  Value code32(int64_t n) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(n)); }
  Value compare(Predicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, predicate, x, y);
  }
  Value both(Value x, Value y) { return arith::AndIOp::create(b, x, y); }
  Value plus(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value times(Value x, int64_t y) { return arith::MulIOp::create(b, x, number(y)); }
  Value load(Type type, Value address) { return LLVM::LoadOp::create(b, type, address); }
  void loop(Value from, Value to, function_ref<void(Value)> body);

  Value slot(Value first);
  Value word(Value base, Value index);
  Value row(Value index, int64_t column) {
    return word(table, plus(times(index, ArgumentTable::rowWords), number(column)));
  }
  Value field(int32_t index, Value dimension = Value());
  Value narrowField(int32_t index);
  void failIf(Value condition, ErrorKind kind);

  void checkArgument(Value index);
  void checkSize(Value dimension);
  void checkRule(Value rule);
  void checkStride(Value dimension);

  ImplicitLocOpBuilder &b;
  LLVM::LLVMPointerType pointer;
  Block *block;
  Value args, table, code, filled;
  // Of the argument at hand.
  Value tensor, firstCode, rank, isOutput;
};

} // namespace

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void CheckWriter::loop(Value from, Value to, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, from, to, number(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value CheckWriter::slot(Value first) {
  Value address = LLVM::AllocaOp::create(b, pointer, first.getType(), number(1));
  LLVM::StoreOp::create(b, first, address);
  return address;
}

/// 64 bits at `base`.
Value CheckWriter::word(Value base, Value index) {
  return load(b.getI64Type(), LLVM::GEPOp::create(b, pointer, b.getI64Type(), base, index));
}

/// Of the tensor at hand; an array's element at `dimension`.
Value CheckWriter::field(int32_t index, Value dimension) {
  LLVM::LLVMStructType type = tensorStruct(b.getContext());
  SmallVector<LLVM::GEPArg> path = {0, index};
  if (dimension)
    path.push_back(dimension);
  Type element = dimension ? Type(b.getI64Type()) : type.getBody()[index];
  return load(element, LLVM::GEPOp::create(b, pointer, type, tensor, path));
}

Value CheckWriter::narrowField(int32_t index) {
  return arith::ExtSIOp::create(b, b.getI64Type(), field(index));
}

/// The first failure gives the code.
void CheckWriter::failIf(Value condition, ErrorKind kind) {
  Value now = load(b.getI32Type(), code);
  Value first = both(condition, compare(Predicate::eq, now, code32(0)));
  Value wrong = arith::AddIOp::create(b, firstCode, code32(kind));
  LLVM::StoreOp::create(b, arith::SelectOp::create(b, first, wrong, now), code);
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// Unsigned: a negative size is refused, too.
void CheckWriter::checkSize(Value dimension) {
  Value size = field(3, dimension);
  failIf(compare(Predicate::uge, size, number(sizeLimit)), WrongSize);
  Value some = compare(Predicate::ne, size, number(0));
  LLVM::StoreOp::create(b, both(load(b.getI1Type(), filled), some), filled);
}

void CheckWriter::checkRule(Value rule) {
  Value given = word(args, row(rule, ArgumentTable::Given));
  Value source = row(rule, ArgumentTable::Source), divisor = row(rule, ArgumentTable::Divisor);
  Value isSize = compare(Predicate::sge, source, number(0));
  // Any argument's word may be read in its place where there is none.
  Value place = arith::SelectOp::create(b, isSize, source, number(0));
  Value upward = plus(word(args, place), plus(divisor, number(-1)));
  Value rounded = arith::DivUIOp::create(b, upward, divisor);
  Value expected = arith::SelectOp::create(b, isSize, rounded, row(rule, ArgumentTable::Number));
  Value isBound = compare(Predicate::ne, row(rule, ArgumentTable::IsBound), number(0));
  failIf(arith::SelectOp::create(b, isBound, compare(Predicate::slt, given, expected),
                                 compare(Predicate::ne, given, expected)),
         WrongSize);
}

/// Strides do not matter to a tensor without elements. The last one is 1, and elements of an output
/// must not coincide.
void CheckWriter::checkStride(Value dimension) {
  Value size = field(3, dimension), stride = field(4, dimension);
  Value last = compare(Predicate::eq, plus(dimension, number(1)), rank);
  Value apart = both(last, compare(Predicate::ne, stride, number(1)));
  Value still =
      both(compare(Predicate::sgt, size, number(1)), compare(Predicate::eq, stride, number(0)));
  Value wrong = arith::OrIOp::create(b, apart, both(isOutput, still));
  failIf(both(load(b.getI1Type(), filled), wrong), WrongStride);
}

void CheckWriter::checkArgument(Value index) {
  tensor = LLVM::GEPOp::create(b, pointer, tensorStruct(b.getContext()), args, index);
  Value narrow = arith::TruncIOp::create(b, b.getI32Type(), index);
  firstCode = arith::MulIOp::create(b, narrow, code32(codesPerArgument));
  rank = row(index, ArgumentTable::Rank);
  isOutput = compare(Predicate::ne, row(index, ArgumentTable::IsOutput), number(0));
  failIf(compare(Predicate::ne, narrowField(1), rank), WrongRank);
  failIf(compare(Predicate::ne, narrowField(2), row(index, ArgumentTable::Dtype)), WrongType);
  LLVM::StoreOp::create(b, arith::ConstantOp::create(b, b.getBoolAttr(true)), filled);
  loop(number(0), rank, [&](Value dimension) { checkSize(dimension); });
  loop(row(index, ArgumentTable::FirstRule), row(index, ArgumentTable::EndRule),
       [&](Value rule) { checkRule(rule); });
  loop(number(0), rank, [&](Value dimension) { checkStride(dimension); });
  Value null = LLVM::ZeroOp::create(b, pointer);
  Value missing = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, field(0), null);
  failIf(both(load(b.getI1Type(), filled), missing), NullData);
}

void CheckWriter::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(block);
  args = block->getArgument(0);
  table = block->getArgument(1);
  code = slot(code32(0));
  filled = slot(arith::ConstantOp::create(b, b.getBoolAttr(true)));
  loop(number(0), block->getArgument(2), [&](Value index) { checkArgument(index); });
  LLVM::ReturnOp::create(b, load(b.getI32Type(), code));
}

//===----------------------------------------------------------------------===//
// The function and its tables
//===----------------------------------------------------------------------===//

/// The module's, written when first asked for.
static LLVM::LLVMFuncOp checkFunction(ImplicitLocOpBuilder &b, ModuleOp module) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(checkFunctionName))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(b.getI32Type(), {pointer, pointer, b.getI64Type()});
  auto function = LLVM::LLVMFuncOp::create(b, checkFunctionName, type, LLVM::Linkage::Internal);
  function.setNoInline(true);
  CheckWriter(b, function).run();
  return function;
}

static LLVM::GlobalOp tableMemory(ImplicitLocOpBuilder &b, ModuleOp module, StringRef name,
                                  ArrayRef<int64_t> words) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI64Type(), words.size());
  return LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Private,
                                (name + ".arguments").str(), b.getI64TensorAttr(words));
}

Value attn::emitChecks(ImplicitLocOpBuilder &b, const ArgumentTable &table, StringRef name,
                       Value args) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  LLVM::GlobalOp memory = tableMemory(b, module, name, table.words);
  Value address = LLVM::AddressOfOp::create(b, memory);
  Value count = arith::ConstantOp::create(b, b.getI64IntegerAttr(table.arguments));
  return LLVM::CallOp::create(b, checkFunction(b, module), ValueRange{args, address, count})
      .getResult();
}
