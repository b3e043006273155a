//===- Options.cpp - command lines: a table of options, help, suggestions -===//

#include "attn/Driver/Options.h"

#include "attn/IR/AttnRecords.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;

std::string attn::suggestion(StringRef word, ArrayRef<std::string> candidates) {
  SmallVector<StringRef> known(candidates.begin(), candidates.end());
  StringRef nearest = nearestWord(word, known);
  return nearest.empty() ? "" : ("; did you mean '" + nearest + "'?").str();
}

static std::string listOf(ArrayRef<std::string> words) { return llvm::join(words, ", "); }

static std::vector<std::string> spellings(const OptionTable &table) {
  std::vector<std::string> names = {"--help"};
  for (const Option &option : table.options)
    names.push_back("--" + option.name);
  return names;
}

/// Checks `value` against the option and stores it.
static std::string storeValue(const Option &option, StringRef value) {
  if (llvm::is_contained(option.notBuilt, value))
    return "--" + option.name + ": '" + value.str() + "' is not built yet; available are " +
           listOf(option.choices);
  if (!option.choices.empty() && !llvm::is_contained(option.choices, value) &&
      !(option.optionalValue && value.empty()))
    return "--" + option.name + ": expected one of " + listOf(option.choices) + ", found '" +
           value.str() + "'" + suggestion(value, option.choices);
  std::string expected = option.store(value);
  if (expected.empty())
    return "";
  return "--" + option.name + ": expected " + expected + ", found '" + value.str() + "'";
}

namespace {

/// A command line being read from left to right.
struct Reader {
  const OptionTable &table;
  ArrayRef<StringRef> rest;

  std::string readOption(StringRef argument) {
    auto [spelled, value] = argument.split('=');
    bool hasValue = argument.contains('=');
    StringRef name = spelled.ltrim('-');
    auto option =
        llvm::find_if(table.options, [&](const Option &option) { return option.name == name; });
    if (option == table.options.end())
      return "unknown option '" + spelled.str() + "'" + suggestion(spelled, spellings(table)) +
             (suggestion(spelled, spellings(table)).empty() ? "; see --help" : "");
    if (option->value.empty() && hasValue)
      return spelled.str() + " takes no value, found '" + value.str() + "'";
    if (option->value.empty() || hasValue || option->optionalValue)
      return storeValue(*option, value);
    if (rest.empty())
      return spelled.str() + ": expected a value (" + option->value + "), found none";
    value = rest.front();
    rest = rest.drop_front();
    return storeValue(*option, value);
  }
};

} // namespace

std::string OptionTable::parse(ArrayRef<StringRef> arguments, bool &wantsHelp) const {
  Reader reader{*this, arguments};
  wantsHelp = false;
  bool onlyPositional = false;
  while (!reader.rest.empty()) {
    StringRef argument = reader.rest.front();
    reader.rest = reader.rest.drop_front();
    if (!onlyPositional && argument == "--") {
      onlyPositional = true;
      continue;
    }
    if (!onlyPositional && (argument == "--help" || argument == "-help" || argument == "-h")) {
      wantsHelp = true;
      return "";
    }
    bool isOption = !onlyPositional && argument.size() > 1 && argument.front() == '-';
    std::string message = isOption ? reader.readOption(argument) : positional(argument);
    if (!message.empty())
      return message;
  }
  return "";
}

static std::string leftColumn(const Option &option) {
  std::string dashes = option.name.size() == 1 ? "-" : "--";
  if (option.value.empty())
    return dashes + option.name;
  if (option.optionalValue)
    return dashes + option.name + "[=" + option.value + "]";
  return dashes + option.name + (option.name.size() == 1 ? " " : "=") + option.value;
}

void OptionTable::printHelp(raw_ostream &os) const {
  constexpr size_t column = 24;
  os << overview << "\n\nusage: " << program << " " << usage << "\n\noptions:\n";
  for (const Option &option : options) {
    std::string left = "  " + leftColumn(option);
    os << left
       << (left.size() < column ? std::string(column - left.size(), ' ') : std::string(2, ' '))
       << option.help;
    if (!option.choices.empty() && !option.optionalValue)
      os << ": " << listOf(option.choices);
    os << "\n";
  }
  os << "  --help" << std::string(column - 8, ' ') << "this text\n";
}

Option attn::flagOption(std::string name, std::string help, bool &target) {
  auto store = [&target](StringRef) {
    target = true;
    return std::string();
  };
  return {std::move(name), "", std::move(help), {}, false, store};
}

Option attn::textOption(std::string name, std::string value, std::string help,
                        std::string &target) {
  auto store = [&target](StringRef text) {
    target = text.str();
    return std::string(text.empty() ? "text" : "");
  };
  return {std::move(name), std::move(value), std::move(help), {}, false, store};
}

Option attn::choiceOption(std::string name, std::string value, std::string help,
                          std::vector<std::string> choices,
                          std::function<std::string(StringRef)> store) {
  return {std::move(name), std::move(value), std::move(help), std::move(choices),
          false,           std::move(store)};
}

Option attn::numberOption(std::string name, std::string help,
                          std::function<std::string(StringRef)> store) {
  return {std::move(name), "N", std::move(help), {}, false, std::move(store)};
}

std::function<std::string(StringRef)> attn::storeNumber(int64_t &target, int64_t least,
                                                        int64_t most) {
  return [&target, least, most](StringRef value) -> std::string {
    int64_t number;
    if (value.getAsInteger(10, number) || number < least || number > most)
      return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    target = number;
    return "";
  };
}
