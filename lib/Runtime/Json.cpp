//===- Json.cpp - reads the JSON of a manifest ----------------------------===//

#include "Json.h"

#include <cerrno>
#include <cstdlib>

using namespace attn_rt;

namespace {

/// Deeper nesting than any manifest has; bounds the recursion.
constexpr int maxDepth = 64;

class Parser {
public:
  Parser(const std::string &text, std::string &error) : text(text), error(error) {}

  bool parseAll(Json &value) {
    if (!parseValue(value, 0))
      return false;
    skipSpace();
    return at == text.size() || fail("end of text");
  }

private:
  const std::string &text;
  std::string &error;
  size_t at = 0;

  /// '\0' past the end; a NUL byte inside is no valid token either.
  char peek() const { return at < text.size() ? text[at] : '\0'; }

  bool fail(const std::string &expected) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < text.size(); ++i) {
      column = text[i] == '\n' ? 1 : column + 1;
      line += text[i] == '\n';
    }
    std::string found = at < text.size() ? std::string("'") + text[at] + "'" : "end of text";
    error = std::to_string(line) + ":" + std::to_string(column) + ": expected " + expected +
            ", found " + found;
    return false;
  }

  void skipSpace() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')
      ++at;
  }

  bool take(char c) {
    skipSpace();
    if (peek() != c)
      return false;
    ++at;
    return true;
  }

  bool parseValue(Json &value, int depth) {
    skipSpace();
    if (depth > maxDepth)
      return fail("less nesting");
    switch (peek()) {
    case '{':
      return parseObject(value, depth);
    case '[':
      return parseArray(value, depth);
    case '"':
      value.kind = Json::Kind::String;
      return parseString(value.text);
    case 't':
      return parseWord("true", value, Json::Kind::Bool, true);
    case 'f':
      return parseWord("false", value, Json::Kind::Bool, false);
    case 'n':
      return parseWord("null", value, Json::Kind::Null, false);
    default:
      return parseNumber(value);
    }
  }

  bool parseWord(const char *word, Json &value, Json::Kind kind, bool boolean) {
    if (text.compare(at, std::string(word).size(), word) != 0)
      return fail("a value");
    at += std::string(word).size();
    value.kind = kind;
    value.boolean = boolean;
    return true;
  }

  bool parseObject(Json &value, int depth) {
    value.kind = Json::Kind::Object;
    ++at;
    if (take('}'))
      return true;
    do {
      if (!parseField(value, depth))
        return false;
    } while (take(','));
    return take('}') || fail("',' or '}'");
  }

  bool parseField(Json &object, int depth) {
    std::string key;
    skipSpace();
    if (peek() != '"')
      return fail("a field's name in quotes");
    if (!parseString(key))
      return false;
    if (object.find(key))
      return fail("each field once, not a second \"" + key + "\"");
    if (!take(':'))
      return fail("':'");
    object.fields.emplace_back(std::move(key), Json());
    return parseValue(object.fields.back().second, depth + 1);
  }

  bool parseArray(Json &value, int depth) {
    value.kind = Json::Kind::Array;
    ++at;
    if (take(']'))
      return true;
    do {
      value.items.emplace_back();
      if (!parseValue(value.items.back(), depth + 1))
        return false;
    } while (take(','));
    return take(']') || fail("',' or ']'");
  }

  bool takeDigits() {
    size_t first = at;
    while (peek() >= '0' && peek() <= '9')
      ++at;
    return at != first;
  }

  bool parseNumber(Json &value) {
    size_t first = at;
    if (peek() == '-')
      ++at;
    size_t digits = at;
    if (!takeDigits())
      return fail("a value");
    if (text[digits] == '0' && at != digits + 1) {
      at = digits;
      return fail("a number without leading zeros");
    }
    bool whole = true;
    if (!parseFraction(whole) || !parseExponent(whole))
      return false;
    storeNumber(text.substr(first, at - first), whole, value);
    return true;
  }

  bool parseFraction(bool &whole) {
    if (peek() != '.')
      return true;
    ++at;
    whole = false;
    return takeDigits() || fail("a digit");
  }

  bool parseExponent(bool &whole) {
    if (peek() != 'e' && peek() != 'E')
      return true;
    ++at;
    whole = false;
    if (peek() == '+' || peek() == '-')
      ++at;
    return takeDigits() || fail("a digit");
  }

  static void storeNumber(const std::string &digits, bool whole, Json &value) {
    errno = 0;
    value.integer = whole ? std::strtoll(digits.c_str(), nullptr, 10) : 0;
    value.real = std::strtod(digits.c_str(), nullptr);
    value.kind = whole && errno == 0 ? Json::Kind::Integer : Json::Kind::Real;
  }

  bool parseString(std::string &out) {
    for (++at; peek() != '"'; ++at) {
      if (static_cast<unsigned char>(peek()) < 0x20)
        return fail("the closing '\"' of a string");
      if (peek() != '\\')
        out += text[at];
      else if (!parseEscape(out))
        return false;
    }
    ++at;
    return true;
  }

  /// At the backslash; ends on the escape's last character.
  bool parseEscape(std::string &out) {
    static const std::string names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    ++at;
    if (peek() == 'u')
      return parseUnicode(out);
    size_t which = at < text.size() ? names.find(peek()) : std::string::npos;
    if (which == std::string::npos)
      return fail("an escape character");
    out += meanings[which];
    return true;
  }

  bool parseHex(unsigned &unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i) {
      ++at;
      char c = peek();
      int digit = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
      if (digit < 0)
        return fail("a hexadecimal digit");
      unit = unit * 16 + digit;
    }
    return true;
  }

  bool parseUnicode(std::string &out) {
    unsigned unit, low;
    if (!parseHex(unit))
      return false;
    if (unit >= 0xDC00 && unit < 0xE000)
      return fail("a high surrogate first");
    if (unit >= 0xD800 && unit < 0xDC00) {
      if (text.compare(at + 1, 2, "\\u") != 0)
        return fail("a low surrogate after a high one");
      at += 2;
      if (!parseHex(low))
        return false;
      if (low < 0xDC00 || low >= 0xE000)
        return fail("a low surrogate after a high one");
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    appendUtf8(unit, out);
    return true;
  }

  static void appendUtf8(unsigned point, std::string &out) {
    if (point < 0x80) {
      out += static_cast<char>(point);
      return;
    }
    int extra = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned lead[] = {0, 0xC0, 0xE0, 0xF0};
    out += static_cast<char>(lead[extra] | (point >> (6 * extra)));
    while (extra-- > 0)
      out += static_cast<char>(0x80 | ((point >> (6 * extra)) & 0x3F));
  }
};

} // namespace

const Json *Json::find(const std::string &key) const {
  for (const auto &field : fields)
    if (field.first == key)
      return &field.second;
  return nullptr;
}

bool attn_rt::parseJson(const std::string &text, Json &value, std::string &error) {
  value = Json();
  return Parser(text, error).parseAll(value);
}
