//===- EntryChecks.h - checks of an entry point's arguments -----*- C++ -*-===//
#ifndef ATTN_LIB_TARGET_CPU_ENTRYCHECKS_H
#define ATTN_LIB_TARGET_CPU_ENTRYCHECKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::attn {

/// What an entry expects of its arguments, in rows of `rowWords` numbers: first a row for each
/// argument, then the rules of all of them.
struct ArgumentTable {
  static constexpr int64_t rowWords = 5;
  /// Words of an argument's row. Its rules are the rows `FirstRule` to before `EndRule`.
  enum ArgumentWord { Rank, Dtype, IsOutput, FirstRule, EndRule };
  /// Words of a rule's row: the size at `Given` equals `Number`, or, where `Source` is not
  /// negative, the size at `Source` over `Divisor`, rounded up; or is at least that. Places of
  /// sizes are counted in 64-bit words from the first argument on.
  enum RuleWord { Given, IsBound, Source, Number, Divisor };

  SmallVector<int64_t> words;
  int64_t arguments = 0;
};

/// The table of `kernel`, whose last argument is no tensor. Fails with a diagnostic when an
/// argument's type has no place in the calling convention.
FailureOr<ArgumentTable> makeArgumentTable(func::FuncOp kernel);

/// `attn_tensor` of attn_runtime.h.
LLVM::LLVMStructType tensorStruct(MLIRContext *context);
/// Words of 64 bits in an `attn_tensor`, and before its sizes.
constexpr int64_t tensorWords = 10, wordsBeforeSizes = 2;
constexpr int64_t mostDimensions = 4;

/// Emits a call that compares `args` with the table, which becomes constant memory of this name.
/// The value (i32) is the code of the first thing wrong, or 0.
Value emitChecks(ImplicitLocOpBuilder &b, const ArgumentTable &table, StringRef name, Value args);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_ENTRYCHECKS_H
