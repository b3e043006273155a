//===- HostBuilder.h - writes the host's programs ----------------------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_HOSTBUILDER_H
#define ATTN_LIB_TARGET_NVGPU_HOSTBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {

/// Numbers of 64 bits of a tensor in attn_runtime.h: data, rank and type, four sizes, four strides.
constexpr int64_t tensorWords = 10, tensorSizeWord = 2, tensorStrideWord = 6;

/// Functions, memory and constants of the host's module. Numbers are i64 or index.
class HostBuilder : public ImplicitLocOpBuilder {
public:
  HostBuilder(Location loc, ModuleOp host)
      : ImplicitLocOpBuilder(loc, loc.getContext()), host(host) {}

  /// Starts `llvm.func @name(args, count, stream) -> i32`; the insertion point is its body.
  LLVM::LLVMFuncOp createEntry(StringRef name);

  Value i64(int64_t number) { return arith::ConstantOp::create(*this, getI64IntegerAttr(number)); }
  Value index(int64_t number) { return arith::ConstantIndexOp::create(*this, number); }
  Value toI64(Value number);
  Value toIndex(Value number) { return arith::IndexCastOp::create(*this, getIndexType(), number); }

  /// Memory on the stack of the function under construction, made once per call.
  Value words(int64_t count);
  /// Address of word `first + number`, and its contents.
  Value wordAt(Value words, Value number);
  void putWord(Value words, int64_t number, Value value);
  Value getWord(Value words, int64_t number);
  Value getWord(Value words, Value number);
  Value pointerFrom(Value address);
  Value addressFrom(Value pointer);

  /// Address of an array of the module: constants, or words that start at zero and change.
  Value table(const Twine &name, ArrayRef<int64_t> numbers);
  Value variable(const Twine &name, int64_t count);
  Value text(const Twine &name, StringRef text);
  /// Address of something that another part of the library defines.
  Value external(StringRef name);

  /// Calls a C function of the runtime; a null type returns nothing.
  Value call(StringRef callee, Type result, ValueRange operands);

private:
  Value global(const Twine &name, Type type, bool isConstant, LLVM::Linkage linkage,
               Attribute value);

  ModuleOp host;
  LLVM::LLVMFuncOp function;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_HOSTBUILDER_H
