//===- ModuleParts.h - an LLVM module in pieces that compile apart ----------===//
//
// An LLVM context belongs to one thread. So pieces travel as bitcode, each to a context of its own,
// and are compiled in as many threads as the machine has processors. How many pieces there are, and
// what is in them, depends on the module alone: the same input gives the same bytes everywhere.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_TARGET_MODULEPARTS_H
#define ATTN_TARGET_MODULEPARTS_H

#include "mlir/Support/LLVM.h"
#include "llvm/IR/Module.h"
#include <string>
#include <vector>

namespace mlir::attn {

/// Functions that stay together.
using FunctionGroup = SmallVector<llvm::Function *>;

/// Joins groups to at most `most` parts of about equal size, largest part first; fewer when the
/// module is small. With `inOrder` a part holds groups that follow each other, parts in their
/// order.
std::vector<FunctionGroup> joinGroups(ArrayRef<FunctionGroup> groups, size_t most, bool inOrder);

/// Whether each part that uses a symbol may have a definition of its own.
using IsCopied = function_ref<bool(const llvm::GlobalValue &)>;

/// The bitcode of each part: its functions, and of the rest what they use. What one part uses of
/// another, and is not copied, is no longer local to the module but a hidden symbol, whose name
/// begins with the module's first public function, so that objects of several modules can be
/// linked. Changes `module`.
std::vector<std::string> splitModule(llvm::Module &module, ArrayRef<FunctionGroup> parts,
                                     IsCopied isCopied);

/// What `compile` makes of each part, several at a time, each in a context of its own. A crash is
/// caught: an empty text says that its part failed.
std::vector<std::string> compileParts(ArrayRef<std::string> parts,
                                      function_ref<std::string(llvm::Module &)> compile);

} // namespace mlir::attn

#endif // ATTN_TARGET_MODULEPARTS_H
