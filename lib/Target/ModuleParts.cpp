//===- ModuleParts.cpp - an LLVM module in pieces that compile apart --------===//
#include "attn/Target/ModuleParts.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace mlir::attn;

/// Instructions below which a part costs more to send around than it saves.
static constexpr size_t smallestPart = 1000;

//===----------------------------------------------------------------------===//
// What goes together
//===----------------------------------------------------------------------===//

static size_t sizeOf(const FunctionGroup &group) {
  size_t size = 0;
  for (llvm::Function *function : group)
    size += function->getInstructionCount();
  return size;
}

/// Places of the groups, largest first, equal ones in their order.
static SmallVector<size_t> bySize(ArrayRef<FunctionGroup> groups) {
  SmallVector<std::pair<size_t, size_t>> sizes;
  for (auto [i, group] : llvm::enumerate(groups))
    sizes.emplace_back(sizeOf(group), i);
  llvm::sort(sizes, [](auto a, auto b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  return llvm::map_to_vector(sizes, [](auto entry) { return entry.second; });
}

/// Largest group first, each into the part that is smallest so far.
static std::vector<FunctionGroup> joinBySize(ArrayRef<FunctionGroup> groups, size_t count) {
  std::vector<FunctionGroup> parts(count), out;
  std::vector<size_t> sizes(count, 0);
  for (size_t i : bySize(groups)) {
    size_t smallest = std::min_element(sizes.begin(), sizes.end()) - sizes.begin();
    parts[smallest].append(groups[i]);
    sizes[smallest] += sizeOf(groups[i]);
  }
  for (size_t i : bySize(parts))
    out.push_back(std::move(parts[i]));
  return out;
}

/// A part ends where it has its share.
static std::vector<FunctionGroup> joinNeighbours(ArrayRef<FunctionGroup> groups, size_t share) {
  std::vector<FunctionGroup> parts;
  size_t filled = share;
  for (const FunctionGroup &group : groups) {
    if (filled >= share) {
      parts.emplace_back();
      filled = 0;
    }
    parts.back().append(group);
    filled += sizeOf(group);
  }
  return parts;
}

std::vector<FunctionGroup> attn::joinGroups(ArrayRef<FunctionGroup> groups, size_t most,
                                            bool inOrder) {
  size_t total = 0;
  for (const FunctionGroup &group : groups)
    total += sizeOf(group);
  size_t count = std::max<size_t>(
      1, std::min({most, groups.size(), (total + smallestPart - 1) / smallestPart}));
  return inOrder ? joinNeighbours(groups, total / count) : joinBySize(groups, count);
}

//===----------------------------------------------------------------------===//
// Bitcode
//===----------------------------------------------------------------------===//

namespace {
/// Which part defines a symbol; the first one what belongs to no part.
class Owners {
public:
  Owners(ArrayRef<FunctionGroup> parts, IsCopied isCopied) : isCopied(isCopied) {
    for (auto [i, part] : llvm::enumerate(parts))
      for (llvm::Function *function : part)
        owners[function] = i;
  }

  size_t of(const llvm::GlobalValue *value) const { return owners.lookup(value); }

  IsCopied isCopied;

private:
  DenseMap<const llvm::GlobalValue *, size_t> owners;
};
} // namespace

/// The functions that use a symbol, also through constants.
static void collectUsers(const llvm::Value *value, SmallPtrSetImpl<const llvm::Function *> &users) {
  for (const llvm::User *user : value->users()) {
    if (auto *instruction = dyn_cast<llvm::Instruction>(user))
      users.insert(instruction->getFunction());
    else
      collectUsers(user, users);
  }
}

static bool isUsedElsewhere(const llvm::GlobalValue &value, const Owners &owners) {
  SmallPtrSet<const llvm::Function *, 8> users;
  collectUsers(&value, users);
  return llvm::any_of(users, [&](const llvm::Function *user) {
    return owners.isCopied(*user) || owners.of(user) != owners.of(&value);
  });
}

static std::string firstPublicName(const llvm::Module &module) {
  for (const llvm::Function &function : module)
    if (!function.isDeclaration() && !function.hasLocalLinkage())
      return function.getName().str();
  return "kernel";
}

/// Local symbols that another part uses become hidden ones.
static void exposeShared(llvm::Module &module, const Owners &owners) {
  std::string prefix = firstPublicName(module) + ".";
  for (llvm::GlobalValue &value : module.global_values()) {
    if (!value.hasLocalLinkage() || value.isDeclaration() || owners.isCopied(value) ||
        !isUsedElsewhere(value, owners))
      continue;
    value.setName(prefix + value.getName());
    value.setLinkage(llvm::GlobalValue::ExternalLinkage);
    value.setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
}

/// What a clone brought along and nobody in it uses. Copied functions may use each other.
static void dropUnused(llvm::Module &part) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (llvm::GlobalValue &value : llvm::make_early_inc_range(part.global_values())) {
      value.removeDeadConstantUsers();
      if (!value.use_empty() || !(value.isDeclaration() || value.hasLocalLinkage()))
        continue;
      value.eraseFromParent();
      changed = true;
    }
  }
}

static std::string partOf(const llvm::Module &module, size_t number, const Owners &owners) {
  llvm::ValueToValueMapTy map;
  std::unique_ptr<llvm::Module> part =
      llvm::CloneModule(module, map, [&](const llvm::GlobalValue *value) {
        return owners.isCopied(*value) || owners.of(value) == number;
      });
  dropUnused(*part);
  std::string text;
  llvm::raw_string_ostream stream(text);
  // With the order of uses, which some passes go by: the same code as without parts.
  llvm::WriteBitcodeToFile(*part, stream, /*ShouldPreserveUseListOrder=*/true);
  return text;
}

std::vector<std::string> attn::splitModule(llvm::Module &module, ArrayRef<FunctionGroup> parts,
                                           IsCopied isCopied) {
  Owners owners(parts, isCopied);
  exposeShared(module, owners);
  std::vector<std::string> out;
  for (size_t i = 0; i < parts.size(); ++i)
    out.push_back(partOf(module, i, owners));
  return out;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

static std::string compilePart(StringRef bitcode,
                               function_ref<std::string(llvm::Module &)> compile) {
  std::string out;
  llvm::CrashRecoveryContext recovery;
  recovery.DumpStackAndCleanupOnFailure = false;
  recovery.RunSafely([&] {
    llvm::LLVMContext context;
    auto part = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "attn"), context);
    if (part)
      out = compile(**part);
    else
      llvm::consumeError(part.takeError());
  });
  return out;
}

std::vector<std::string> attn::compileParts(ArrayRef<std::string> parts,
                                            function_ref<std::string(llvm::Module &)> compile) {
  std::vector<std::string> out(parts.size());
  llvm::parallelFor(0, parts.size(), [&](size_t i) { out[i] = compilePart(parts[i], compile); });
  return out;
}
