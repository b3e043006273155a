//===- InputRoles.h - what a function's arguments are used for ---------------===//
#ifndef ATTN_LIB_REFERENCE_INPUTROLES_H
#define ATTN_LIB_REFERENCE_INPUTROLES_H

#include "attn/IR/AttnOps.h"
#include "attn/Reference/Inputs.h"

namespace mlir::attn::reference {

enum class Role {
  Tokens,
  ExpandWeight,
  ConvolutionWeight,
  /// Of `attn.project`: heads and their elements are summed.
  ProjectWeight,
  /// [heads, in, out] of which other weights are made.
  PartWeight,
  Coefficients,
  Hidden,
  Gain,
  /// Of `attn.bias`.
  Bias,
  Sinks,
  Gate,
  Lse,
  PrefixLengths,
  Documents,
  DenseMask,
  BlockMask,
  /// Read by `tensor.extract`.
  Table,
  /// An index or integer scalar.
  Position,
  /// A float scalar, or a tensor that nothing uses.
  Other
};

/// What an argument is, and the operation that says so (null for `Other`).
struct InputUse {
  Role role = Role::Other;
  Operation *user = nullptr;
  /// Rows and columns of one block, for `BlockMask`.
  int64_t blockRows = 1, blockKeys = 1;
};

InputUse findUse(BlockArgument argument);

/// Groups the tensors of a function by the sequence they run along.
class Sequences {
public:
  Sequences(func::FuncOp function, const InputSizes &wanted);
  /// Length of the sequence (axis 2) that `value` runs along.
  int64_t lengthOf(Value value);
  /// Whether some attention reads the sequence as keys.
  bool isAsked(Value value) { return sequences[find(value)].asked; }

private:
  struct Sequence {
    int parent;
    bool asks = false, asked = false;
    int64_t fixed = -1;
  };
  int find(Value value);
  void unite(ValueRange values);
  void visit(Operation *op);

  InputSizes wanted;
  llvm::DenseMap<Value, int> ids;
  std::vector<Sequence> sequences;
};

/// The position an index argument stands for.
int64_t positionFor(BlockArgument argument, Sequences &sequences, const InputSizes &wanted);

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_INPUTROLES_H
