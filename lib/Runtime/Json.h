//===- Json.h - reads the JSON of a manifest ------------------------------===//
//
// A strict reader of RFC 8259 without dependencies: the runtime links no LLVM.

#ifndef ATTN_LIB_RUNTIME_JSON_H
#define ATTN_LIB_RUNTIME_JSON_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace attn_rt {

/// A JSON value. Numbers without fraction and exponent that fit are Integer, others Real.
struct Json {
  enum class Kind { Null, Bool, Integer, Real, String, Array, Object };
  Kind kind = Kind::Null;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<Json> items;
  /// In the order of the text; a repeated key is an error of parsing.
  std::vector<std::pair<std::string, Json>> fields;

  /// The field's value, or null when this is no object or has no such field.
  const Json *find(const std::string &key) const;
  bool is(Kind wanted) const { return kind == wanted; }
};

/// Parses all of `text`. On failure returns false and sets `error` to
/// `line:column: expected …, found …` (from 1, columns count bytes).
bool parseJson(const std::string &text, Json &value, std::string &error);

} // namespace attn_rt

#endif // ATTN_LIB_RUNTIME_JSON_H
