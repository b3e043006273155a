//===- ConfigReader.cpp - typed, checked access to config keys ------------===//

#include "ConfigReader.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

/// Strings are shown cut off, since a config may hold a whole chat template in one.
std::string describe(const json::Value &value) {
  std::string text;
  raw_string_ostream os(text);
  if (std::optional<StringRef> string = value.getAsString())
    os << "the string \"" << string->take_front(40) << (string->size() > 40 ? "…\"" : "\"");
  else if (const json::Array *array = value.getAsArray())
    os << "a list of " << array->size();
  else if (value.getAsObject())
    os << "an object";
  else if (value.kind() == json::Value::Number)
    os << "the number " << value;
  else
    os << value;
  return text;
}

StringRef adviceFor(const json::Value &value) {
  return value.getAsString() ? "write the number without quotes" : "correct this value";
}

} // namespace

std::string ConfigReader::full(StringRef key) const {
  return path.empty() ? key.str() : path + "." + key.str();
}

void ConfigReader::error(StringRef key, const Twine &message) {
  state.failed = true;
  std::string text = message.str();
  if (state.reported.insert(full(key) + "\n" + text).second)
    state.report(state.text.at(full(key), text));
}

bool ConfigReader::has(Keys keys) const {
  return any_of(keys, [&](StringRef key) {
    const json::Value *value = object.get(key);
    return value && value->kind() != json::Value::Null;
  });
}

ConfigReader::Entry ConfigReader::find(Keys keys) {
  Entry first;
  for (StringRef key : keys) {
    if (!has({key}))
      continue;
    const json::Value *value = object.get(key);
    if (!first)
      first = {key, value};
    else if (*first.value != *value)
      error(key, "expected '" + full(key) + "' to agree with '" + full(first.key) + "', found " +
                     describe(*value) + " against " + describe(*first.value) +
                     "; they name the same thing, keep one");
  }
  return first;
}

void ConfigReader::missing(Keys keys, StringRef wanted) {
  StringRef key = *keys.begin();
  StringRef found = mentions(key) ? "null" : "no such key";
  error(key, "expected '" + full(key) + "' to be " + wanted + ", found " + found +
                 "; add it to the config");
}

void ConfigReader::wrong(StringRef key, const json::Value &value, const Twine &wanted,
                         const Twine &advice) {
  error(key, "expected '" + full(key) + "' to be " + wanted + ", found " + describe(value) + "; " +
                 advice);
}

std::optional<int64_t> ConfigReader::toInteger(Entry entry, int64_t least, int64_t limit) {
  // Doubles beyond 2^53 no longer name one integer, and all limits are far below.
  std::optional<int64_t> integer;
  if (std::optional<double> number = entry.value->getAsNumber())
    if (std::abs(*number) < 0x1p53)
      integer = entry.value->getAsInteger();
  if (integer && *integer >= least && *integer <= limit)
    return integer;
  wrong(entry.key, *entry.value, "an integer from " + Twine(least) + " to " + Twine(limit),
        adviceFor(*entry.value));
  return std::nullopt;
}

std::optional<double> ConfigReader::toNumber(Entry entry, bool allowZero) {
  std::optional<double> number = entry.value->getAsNumber();
  if (number && std::isfinite(*number) && (*number > 0 || (allowZero && *number == 0)))
    return number;
  wrong(entry.key, *entry.value,
        allowZero ? "a finite number of at least 0" : "a finite number above 0",
        adviceFor(*entry.value));
  return std::nullopt;
}

int64_t ConfigReader::count(Keys keys, int64_t limit) {
  if (!has(keys))
    missing(keys, "a positive integer");
  return countOr(keys, 1, limit);
}

int64_t ConfigReader::countOr(Keys keys, int64_t fallback, int64_t limit) {
  return maybeCount(keys, limit).value_or(fallback);
}

std::optional<int64_t> ConfigReader::maybeCount(Keys keys, int64_t limit) {
  Entry entry = find(keys);
  return entry ? toInteger(entry, 1, limit) : std::nullopt;
}

int64_t ConfigReader::indexOr(Keys keys, int64_t fallback, int64_t limit) {
  Entry entry = find(keys);
  return entry ? toInteger(entry, 0, limit).value_or(fallback) : fallback;
}

double ConfigReader::positive(Keys keys) {
  if (!has(keys))
    missing(keys, "a number above 0");
  return positiveOr(keys, 1.0);
}

double ConfigReader::positiveOr(Keys keys, double fallback) {
  return maybePositive(keys).value_or(fallback);
}

std::optional<double> ConfigReader::maybePositive(Keys keys) {
  Entry entry = find(keys);
  return entry ? toNumber(entry, /*allowZero=*/false) : std::nullopt;
}

double ConfigReader::nonNegativeOr(Keys keys, double fallback) {
  Entry entry = find(keys);
  return entry ? toNumber(entry, /*allowZero=*/true).value_or(fallback) : fallback;
}

bool ConfigReader::flagOr(Keys keys, bool fallback) {
  Entry entry = find(keys);
  if (!entry)
    return fallback;
  if (std::optional<bool> flag = entry.value->getAsBoolean())
    return *flag;
  wrong(entry.key, *entry.value, "true or false", "write it without quotes");
  return fallback;
}

std::optional<StringRef> ConfigReader::maybeString(Keys keys) {
  Entry entry = find(keys);
  if (!entry)
    return std::nullopt;
  std::optional<StringRef> string = entry.value->getAsString();
  if (!string)
    wrong(entry.key, *entry.value, "a string");
  return string;
}

std::optional<ConfigReader> ConfigReader::maybeObject(StringRef key) {
  Entry entry = find({key});
  if (!entry)
    return std::nullopt;
  if (const json::Object *inner = entry.value->getAsObject())
    return ConfigReader(state, *inner, full(key));
  wrong(key, *entry.value, "an object");
  return std::nullopt;
}

const json::Array *ConfigReader::findList(StringRef key, StringRef what, int64_t length,
                                          bool orLonger) {
  Entry entry = find({key});
  if (!entry)
    return nullptr;
  const json::Array *array = entry.value->getAsArray();
  if (array && (int64_t(array->size()) == length || (orLonger && int64_t(array->size()) > length)))
    return array;
  wrong(key, *entry.value, "a list of " + Twine(length) + " " + what,
        "make its length agree with the rest of the config");
  return nullptr;
}

std::vector<double> ConfigReader::positives(StringRef key, int64_t length) {
  if (!has({key}))
    missing({key}, "a list of numbers above 0");
  const json::Array *array = findList(key, "numbers", length, /*orLonger=*/false);
  std::vector<double> result;
  for (size_t i = 0, e = array ? array->size() : 0; i < e; ++i) {
    std::string element = (key + "[" + Twine(i) + "]").str();
    std::optional<double> number = toNumber({element, &(*array)[i]}, /*allowZero=*/false);
    if (!number)
      return result;
    result.push_back(*number);
  }
  return result;
}

std::optional<std::vector<StringRef>> ConfigReader::maybeStrings(StringRef key, int64_t length) {
  const json::Array *array = findList(key, "strings, one per layer", length, /*orLonger=*/false);
  if (!array)
    return std::nullopt;
  std::vector<StringRef> result;
  for (const auto &[i, value] : enumerate(*array)) {
    std::optional<StringRef> string = value.getAsString();
    if (!string) {
      wrong((key + "[" + Twine(i) + "]").str(), value, "a string");
      return std::nullopt;
    }
    result.push_back(*string);
  }
  return result;
}

std::optional<std::vector<bool>> ConfigReader::maybeFlags(StringRef key, int64_t length) {
  const json::Array *array = findList(key, "entries 0 or 1, one per layer", length,
                                      /*orLonger=*/true);
  if (!array)
    return std::nullopt;
  std::vector<bool> result;
  for (const auto &[i, value] : enumerate(*array)) {
    std::optional<double> number = value.getAsNumber();
    if (!number || (*number != 0 && *number != 1)) {
      wrong((key + "[" + Twine(i) + "]").str(), value, "0 or 1");
      return std::nullopt;
    }
    result.push_back(*number == 1);
  }
  return result;
}
