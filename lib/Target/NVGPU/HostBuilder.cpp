//===- HostBuilder.cpp - writes the host's programs --------------------------===//
#include "HostBuilder.h"

using namespace mlir;
using namespace mlir::attn;

static LLVM::LLVMPointerType pointerType(OpBuilder &b) {
  return LLVM::LLVMPointerType::get(b.getContext());
}

LLVM::LLVMFuncOp HostBuilder::createEntry(StringRef name) {
  setInsertionPointToEnd(host.getBody());
  Type pointer = pointerType(*this);
  auto type = LLVM::LLVMFunctionType::get(getI32Type(), {pointer, getI64Type(), pointer});
  function = LLVM::LLVMFuncOp::create(*this, name, type);
  setInsertionPointToStart(function.addEntryBlock(*this));
  return function;
}

Value HostBuilder::toI64(Value number) {
  return number.getType().isIndex()
             ? arith::IndexCastOp::create(*this, getI64Type(), number).getResult()
             : number;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value HostBuilder::words(int64_t count) {
  InsertionGuard guard(*this);
  setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(*this, pointerType(*this), getI64Type(), i64(count),
                                /*alignment=*/8);
}

Value HostBuilder::wordAt(Value words, Value number) {
  return LLVM::GEPOp::create(*this, pointerType(*this), getI64Type(), words,
                             ArrayRef<LLVM::GEPArg>{toI64(number)});
}

void HostBuilder::putWord(Value words, int64_t number, Value value) {
  LLVM::StoreOp::create(*this, toI64(value), wordAt(words, i64(number)));
}

Value HostBuilder::getWord(Value words, Value number) {
  return LLVM::LoadOp::create(*this, getI64Type(), wordAt(words, number));
}
Value HostBuilder::getWord(Value words, int64_t number) { return getWord(words, i64(number)); }

Value HostBuilder::pointerFrom(Value address) {
  return LLVM::IntToPtrOp::create(*this, pointerType(*this), toI64(address));
}
Value HostBuilder::addressFrom(Value pointer) {
  return LLVM::PtrToIntOp::create(*this, getI64Type(), pointer);
}

//===----------------------------------------------------------------------===//
// Globals and functions
//===----------------------------------------------------------------------===//

Value HostBuilder::global(const Twine &name, Type type, bool isConstant, LLVM::Linkage linkage,
                          Attribute value) {
  std::string symbol = name.str();
  auto known = host.lookupSymbol<LLVM::GlobalOp>(symbol);
  if (!known) {
    InsertionGuard guard(*this);
    setInsertionPointToStart(host.getBody());
    known = LLVM::GlobalOp::create(*this, type, isConstant, linkage, symbol, value);
  }
  return LLVM::AddressOfOp::create(*this, known);
}

static DenseElementsAttr elements(OpBuilder &b, ArrayRef<int64_t> numbers) {
  auto count = static_cast<int64_t>(numbers.size());
  return DenseElementsAttr::get(RankedTensorType::get({count}, b.getI64Type()), numbers);
}

Value HostBuilder::table(const Twine &name, ArrayRef<int64_t> numbers) {
  return global(name, LLVM::LLVMArrayType::get(getI64Type(), numbers.size()), /*isConstant=*/true,
                LLVM::Linkage::Internal, elements(*this, numbers));
}

Value HostBuilder::variable(const Twine &name, int64_t count) {
  SmallVector<int64_t> zeros(static_cast<size_t>(count), 0);
  return global(name, LLVM::LLVMArrayType::get(getI64Type(), zeros.size()), /*isConstant=*/false,
                LLVM::Linkage::Internal, elements(*this, zeros));
}

Value HostBuilder::text(const Twine &name, StringRef text) {
  std::string ended = text.str() + '\0';
  return global(name, LLVM::LLVMArrayType::get(getI8Type(), ended.size()), /*isConstant=*/true,
                LLVM::Linkage::Internal, getStringAttr(ended));
}

Value HostBuilder::external(StringRef name) {
  return global(name, LLVM::LLVMArrayType::get(getI8Type(), 0), /*isConstant=*/true,
                LLVM::Linkage::External, Attribute());
}

Value HostBuilder::call(StringRef callee, Type result, ValueRange operands) {
  auto known = host.lookupSymbol<LLVM::LLVMFuncOp>(callee);
  if (!known) {
    InsertionGuard guard(*this);
    setInsertionPointToStart(host.getBody());
    Type type = result ? result : LLVM::LLVMVoidType::get(getContext());
    known = LLVM::LLVMFuncOp::create(
        *this, callee, LLVM::LLVMFunctionType::get(type, llvm::to_vector(operands.getTypes())));
  }
  auto call = LLVM::CallOp::create(*this, known, operands);
  return result ? call.getResult() : Value();
}
