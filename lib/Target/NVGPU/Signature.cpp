//===- Signature.cpp - what the host checks of an entry's arguments ----------===//
#include "Lowering.h"
#include "TokenKernel.h"

using namespace mlir;
using namespace mlir::attn;

int64_t attn::runtimeType(Type type) {
  if (type.isF32())
    return 0;
  if (type.isBF16())
    return 1;
  if (type.isF16())
    return 2;
  if (type.isInteger(32))
    return 4;
  return type.isInteger(8) ? 6 : 3;
}

namespace {
/// One dimension as `attn_gpu_argument` has it.
struct SizeRule {
  int64_t size = -1, symbol = -1, leastSymbol = -1, least = 0;
  /// One or several of `[>=] (number | symbol) [/ divisor]`; false for another text.
  bool read(StringRef text);

private:
  bool readOne(StringRef text);
};
} // namespace

bool SizeRule::readOne(StringRef text) {
  bool isBound = text.consume_front(">=");
  auto [what, divisor] = text.split('/');
  int64_t number = 0, by = 1;
  bool isSymbol = what.consume_front("s");
  if (what.getAsInteger(10, number) || (!divisor.empty() && divisor.getAsInteger(10, by)))
    return false;
  if (!isBound) {
    (isSymbol ? symbol : size) = number;
    return by == 1;
  }
  leastSymbol = isSymbol ? number : -1;
  least = isSymbol ? by : (number + by - 1) / by;
  return true;
}

bool SizeRule::read(StringRef text) {
  for (StringRef one : llvm::split(text, ';'))
    if (!one.empty() && !readOne(one))
      return false;
  return true;
}

/// Sizes of an argument as `attn_gpu_argument` has them.
static LogicalResult appendArgument(func::FuncOp function, unsigned index,
                                    SmallVectorImpl<int64_t> &numbers) {
  Type type = function.getArgument(index).getType();
  auto memref = dyn_cast<MemRefType>(type);
  int64_t rank = memref ? memref.getRank() : 0;
  auto texts = function.getArgAttrOfType<ArrayAttr>(index, "attn.sizes");
  numbers.append({rank, runtimeType(getElementTypeOrSelf(type)),
                  function.getArgAttr(index, "attn.output") ? 1 : 0,
                  memref && isWideArgument(memref) ? 1 : 0});
  SizeRule rules[4];
  for (int64_t i = 0; i < rank; ++i) {
    auto dimension = static_cast<unsigned>(i);
    if (!memref.isDynamicDim(dimension)) {
      rules[i].size = memref.getDimSize(dimension);
      continue;
    }
    StringRef text =
        texts ? cast<StringAttr>(texts[static_cast<size_t>(i)]).getValue() : StringRef();
    if (!rules[i].read(text))
      return function.emitError("expected sizes of argument ")
             << index << " that equal or bound others, found '" << text << "'";
  }
  for (int64_t SizeRule::*field :
       {&SizeRule::size, &SizeRule::symbol, &SizeRule::leastSymbol, &SizeRule::least})
    for (const SizeRule &rule : rules)
      numbers.push_back(rule.*field);
  return success();
}

static constexpr unsigned mostArguments = 32; // ATTN_GPU_MAX_ARGUMENTS
static constexpr size_t argumentFields = 20;  // of attn_gpu_argument

LogicalResult attn::describeSignature(func::FuncOp function, SmallVectorImpl<int64_t> &numbers) {
  unsigned count = function.getNumArguments() - 1; // without threads
  if (count > mostArguments)
    return function.emitError("expected at most ")
           << mostArguments << " arguments, found " << count;
  numbers.push_back(count);
  for (unsigned i = 0; i < count; ++i)
    if (failed(appendArgument(function, i, numbers)))
      return failure();
  numbers.append((mostArguments - count) * argumentFields, 0);
  return success();
}

SmallVector<int64_t> attn::emptySignature() {
  return SmallVector<int64_t>(1 + mostArguments * argumentFields, 0);
}
