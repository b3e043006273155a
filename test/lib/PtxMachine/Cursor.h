//===- Cursor.h - a place in a text ---------------------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_CURSOR_H
#define ATTN_TEST_PTXMACHINE_CURSOR_H

#include <cctype>
#include <cstdint>
#include <string_view>

namespace ptx {

class Cursor {
public:
  explicit Cursor(std::string_view text, int line = 1) : text(text), lineNumber(line) {}

  int line() const { return lineNumber; }
  bool atEnd() {
    skip();
    return at == text.size();
  }
  char peek() {
    skip();
    return at < text.size() ? text[at] : '\0';
  }
  /// Takes `c` if it is next.
  bool take(char c) {
    if (peek() != c)
      return false;
    ++at;
    return true;
  }
  /// Letters, digits and `%_$.`; with colons inside, as opcodes have them, if asked for.
  std::string_view word(bool colons = false) {
    skip();
    size_t begin = at;
    while (at < text.size() && (isWordCharacter(text[at]) || (colons && isColonPair())))
      at += text[at] == ':' ? 2 : 1;
    return text.substr(begin, at - begin);
  }
  /// Everything before the next `end`, which is taken.
  std::string_view until(char end) {
    skip();
    size_t begin = at;
    while (at < text.size() && text[at] != end)
      step();
    std::string_view found = text.substr(begin, at - begin);
    if (at < text.size())
      ++at;
    return found;
  }
  /// The inside of braces, of which the first is taken.
  std::string_view braced() {
    size_t begin = at;
    for (int depth = 1; at < text.size(); step()) {
      depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
      if (!depth)
        break;
    }
    std::string_view found = text.substr(begin, at - begin);
    if (at < text.size())
      ++at;
    return found;
  }

private:
  static bool isWordCharacter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '%' || c == '_' || c == '$' ||
           c == '.';
  }
  bool isColonPair() const {
    return text[at] == ':' && at + 1 < text.size() && text[at + 1] == ':';
  }
  void step() { lineNumber += text[at++] == '\n'; }
  void skip() {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])))
      step();
  }

  std::string_view text;
  size_t at = 0;
  int lineNumber;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_CURSOR_H
