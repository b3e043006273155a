//===- Store.h - what tuning found, remembered in a file -------------------===//
#ifndef ATTN_TUNING_STORE_H
#define ATTN_TUNING_STORE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::attn::tuning {

/// What a result is valid for. Equal keys, equal kernels on equal machines.
struct Key {
  /// Model name of the processor.
  std::string machine;
  /// `#attn.target<…>`: features, caches, cores.
  std::string target;
  /// Digest of the entry's definition, whatever it is called.
  std::string kernel;

  bool operator==(const Key &other) const {
    return machine == other.machine && target == other.target && kernel == other.kernel;
  }
};

/// The best schedules of an entry, one for each attention in it.
struct Result {
  Key key;
  /// For people only.
  std::string entry;
  std::vector<std::string> schedules;
  int64_t batch = 0, queryLength = 0, keyLength = 0, threads = 0;
  /// Of one call, with these schedules and with the planner's.
  double seconds = 0, plannedSeconds = 0;
};

/// Results in a JSON file. Reading a file that is not there gives an empty store.
class Store {
public:
  /// Fails with a message that names the file when it is there but is not such a file.
  static llvm::Expected<Store> read(StringRef path);
  /// Writes beside the file and renames; makes its folder.
  llvm::Error write(StringRef path) const;

  const Result *find(const Key &key) const;
  /// Replaces the result of the same key.
  void put(Result result);
  size_t size() const { return results.size(); }

private:
  std::vector<Result> results;
};

/// $ATTN_TUNE_FILE, else attn-mlir/tune.json in $XDG_CACHE_HOME or ~/.cache.
std::string defaultStorePath();

/// The key of an entry, from its function in state `elaborated` and the module's target.
Key keyOf(func::FuncOp definition, Attribute target);

} // namespace mlir::attn::tuning

#endif // ATTN_TUNING_STORE_H
