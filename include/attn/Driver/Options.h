//===- Options.h - command lines: a table of options, help, suggestions ---===//
//
// LLVM's own command-line library would show the options of every code generator
// that is linked in, and cannot suggest the nearest value of an option.

#ifndef ATTN_DRIVER_OPTIONS_H
#define ATTN_DRIVER_OPTIONS_H

#include "mlir/Support/LLVM.h"

#include <functional>
#include <string>
#include <vector>

namespace mlir::attn {

/// One option. `--name` alone when `value` is empty; `--name=value` or `--name value` otherwise;
/// both `--name` and `--name=value` when `optionalValue` is set.
struct Option {
  std::string name;
  /// How the value is called in the help, such as `FILE`; empty for a switch.
  std::string value;
  std::string help;
  /// The only values allowed, where there are few; also shown in the help.
  std::vector<std::string> choices;
  bool optionalValue = false;
  /// Takes the value. Returns an empty string, or what was expected instead.
  std::function<std::string(StringRef)> store;
  /// Values that belong to the option's meaning but are not built yet; refused by name.
  std::vector<std::string> notBuilt = {};
};

/// A program's options and positional arguments.
struct OptionTable {
  std::string program, usage, overview;
  std::vector<Option> options;
  /// Takes an argument that is no option. Returns an empty string, or what is wrong with it.
  std::function<std::string(StringRef)> positional;

  /// Parses a command line without the program's name. Returns an empty string, or one message:
  /// unknown options and values come with the nearest known one. `--help` sets `wantsHelp`.
  std::string parse(ArrayRef<StringRef> arguments, bool &wantsHelp) const;
  void printHelp(raw_ostream &os) const;
};

/// Stores whole numbers in [least, most].
std::function<std::string(StringRef)> storeNumber(int64_t &target, int64_t least, int64_t most);

/// Common kinds of options: a switch, free text, one of a few words, a whole number.
Option flagOption(std::string name, std::string help, bool &target);
Option textOption(std::string name, std::string value, std::string help, std::string &target);
Option choiceOption(std::string name, std::string value, std::string help,
                    std::vector<std::string> choices, std::function<std::string(StringRef)> store);
Option numberOption(std::string name, std::string help,
                    std::function<std::string(StringRef)> store);

/// `; did you mean 'x'?` or nothing when no candidate is near.
std::string suggestion(StringRef word, ArrayRef<std::string> candidates);

} // namespace mlir::attn

#endif // ATTN_DRIVER_OPTIONS_H
