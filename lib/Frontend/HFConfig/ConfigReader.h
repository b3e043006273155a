//===- ConfigReader.h - typed, checked access to config keys --------------===//

#ifndef ATTN_LIB_FRONTEND_HFCONFIG_CONFIGREADER_H
#define ATTN_LIB_FRONTEND_HFCONFIG_CONFIGREADER_H

#include "ConfigText.h"

#include "llvm/ADT/StringSet.h"

#include <initializer_list>

namespace mlir::attn::hf {

/// Names one fact goes by; the first is the one to tell users about.
using Keys = std::initializer_list<llvm::StringRef>;

/// What all readers of one config share.
struct ReadState {
  const ConfigText &text;
  ConfigReport report;
  bool failed = false;
  /// Keys and messages already reported: two layer kinds may read one wrong key.
  llvm::StringSet<> reported;
};

/// One object of the config. A wrong value is reported where it stands and replaced by a harmless
/// one, so that handlers read straight on and ask `failed()` before they compute with the values. A
/// key whose value is null counts as absent.
class ConfigReader {
public:
  ConfigReader(ReadState &state, const llvm::json::Object &object, std::string path = "")
      : state(state), object(object), path(std::move(path)) {}

  bool failed() const { return state.failed; }
  bool has(Keys keys) const;
  /// True also where the value is null.
  bool mentions(llvm::StringRef key) const { return object.get(key) != nullptr; }

  /// Integers from 1 to `limit`.
  int64_t count(Keys keys, int64_t limit);
  int64_t countOr(Keys keys, int64_t fallback, int64_t limit);
  std::optional<int64_t> maybeCount(Keys keys, int64_t limit);
  /// Integers from 0 to `limit`.
  int64_t indexOr(Keys keys, int64_t fallback, int64_t limit);

  /// Finite numbers above zero.
  double positive(Keys keys);
  double positiveOr(Keys keys, double fallback);
  std::optional<double> maybePositive(Keys keys);
  /// Finite numbers from zero on.
  double nonNegativeOr(Keys keys, double fallback);

  bool flagOr(Keys keys, bool fallback);
  std::optional<llvm::StringRef> maybeString(Keys keys);
  std::optional<ConfigReader> maybeObject(llvm::StringRef key);
  /// Finite positive numbers, `length` of them.
  std::vector<double> positives(llvm::StringRef key, int64_t length);
  /// Strings, `length` of them; none when the key is absent.
  std::optional<std::vector<llvm::StringRef>> maybeStrings(llvm::StringRef key, int64_t length);
  /// Integers 0 or 1, at least `length` of them.
  std::optional<std::vector<bool>> maybeFlags(llvm::StringRef key, int64_t length);

  /// Reports at the value of `key` (an element as `key[i]`), or at this object when it has none.
  void error(llvm::StringRef key, const llvm::Twine &message);
  /// The path of `key` from the top, for messages.
  std::string full(llvm::StringRef key) const;

private:
  struct Entry {
    llvm::StringRef key;
    const llvm::json::Value *value = nullptr;
    explicit operator bool() const { return value; }
  };

  Entry find(Keys keys);
  void missing(Keys keys, llvm::StringRef wanted);
  void wrong(llvm::StringRef key, const llvm::json::Value &value, const llvm::Twine &wanted,
             const llvm::Twine &advice = "correct this value");
  std::optional<int64_t> toInteger(Entry entry, int64_t least, int64_t limit);
  std::optional<double> toNumber(Entry entry, bool allowZero);
  const llvm::json::Array *findList(llvm::StringRef key, llvm::StringRef what, int64_t length,
                                    bool orLonger);

  ReadState &state;
  const llvm::json::Object &object;
  std::string path;
};

} // namespace mlir::attn::hf

#endif // ATTN_LIB_FRONTEND_HFCONFIG_CONFIGREADER_H
