//===- ConfigText.cpp - JSON with the places of its keys ------------------===//

#include "ConfigText.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::hf;

namespace {

// Configs are a few kilobytes; the limits keep a hostile file from exhausting stack or memory.
constexpr size_t maxBytes = size_t(4) << 20;
constexpr unsigned maxDepth = 64;
constexpr size_t maxPath = 256;

ConfigDiagnostic diagnosticAt(StringRef text, size_t offset, std::string message) {
  StringRef before = text.take_front(offset);
  size_t lineStart = before.rfind('\n');
  lineStart = lineStart == StringRef::npos ? 0 : lineStart + 1;
  ConfigDiagnostic diagnostic;
  diagnostic.line = unsigned(before.count('\n')) + 1;
  diagnostic.column = unsigned(before.size() - lineStart) + 1;
  diagnostic.message = std::move(message);
  return diagnostic;
}

/// Offset just past the string that starts at `offset`, or the end of the text.
size_t skipString(StringRef text, size_t offset) {
  for (++offset; offset < text.size() && text[offset] != '"'; ++offset)
    if (text[offset] == '\\')
      ++offset;
  return std::min(offset + 1, text.size());
}

/// Offset of the first bracket nested deeper than allowed. Works on any bytes, so that it can run
/// before the recursive parser.
std::optional<size_t> findTooDeep(StringRef text) {
  unsigned depth = 0;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      i = skipString(text, i);
      continue;
    }
    if ((text[i] == '{' || text[i] == '[') && ++depth > maxDepth)
      return i;
    if ((text[i] == '}' || text[i] == ']') && depth > 0)
      --depth;
    ++i;
  }
  return std::nullopt;
}

/// Walks a text already known to be JSON and notes where each value starts. Values whose path is
/// absurdly long are passed over: no key that is read lies there, and noting them could take
/// quadratic memory.
class Indexer {
public:
  Indexer(StringRef text, StringMap<size_t> &offsets) : text(text), offsets(offsets) {}

  void run() { visit(""); }

  /// Path of the first key that appears twice in its object, and where.
  std::optional<std::pair<std::string, size_t>> duplicate;

private:
  void skipSpace() {
    while (at < text.size() && isSpace(text[at]))
      ++at;
  }

  char peek() {
    skipSpace();
    return at < text.size() ? text[at] : '\0';
  }

  /// Dots and brackets of a key itself are replaced, so that no two paths are confused.
  static std::string join(const std::string &path, StringRef key) {
    if (path.size() + key.size() > maxPath || path == tooLong)
      return tooLong;
    std::string result = path.empty() ? "" : path + ".";
    for (char c : key)
      result += c == '.' || c == '[' ? '\x01' : c;
    return result;
  }

  void note(StringRef path, size_t offset) {
    if (path != tooLong && !offsets.try_emplace(path, offset).second && !duplicate)
      duplicate = {path.str(), offset};
  }

  void visit(const std::string &path) {
    skipSpace();
    note(path, at);
    switch (peek()) {
    case '{':
      return visitObject(path);
    case '[':
      return visitArray(path);
    case '"':
      at = skipString(text, at);
      return;
    default:
      at = std::min(text.find_first_of(",]} \t\r\n", at), text.size());
    }
  }

  void visitObject(const std::string &path) {
    ++at;
    while (peek() == '"') {
      size_t end = skipString(text, at);
      StringRef key = text.slice(at + 1, end - 1);
      at = end;
      peek(); // the colon
      ++at;
      visit(join(path, key));
      if (peek() == ',')
        ++at;
    }
    ++at;
  }

  void visitArray(const std::string &path) {
    ++at;
    for (size_t i = 0; peek() != ']' && peek() != '\0'; ++i) {
      visit(path == tooLong ? tooLong : path + "[" + utostr(i) + "]");
      if (peek() == ',')
        ++at;
    }
    ++at;
  }

  static constexpr const char *tooLong = "\x02";

  StringRef text;
  StringMap<size_t> &offsets;
  size_t at = 0;
};

/// llvm's parse error only prints itself, as `[line:column, byte=n]: message`.
ConfigDiagnostic fromParseError(Error error) {
  std::string text = toString(std::move(error));
  StringRef rest = text;
  ConfigDiagnostic diagnostic;
  rest.consume_front("[");
  rest.consumeInteger(10, diagnostic.line);
  rest.consume_front(":");
  rest.consumeInteger(10, diagnostic.column);
  diagnostic.line = std::max(diagnostic.line, 1u);
  diagnostic.column = std::max(diagnostic.column, 1u);
  StringRef message = rest.split("]: ").second;
  diagnostic.message = ("expected well-formed JSON, found an error: " + message +
                        "; look here for a missing comma, quote or bracket")
                           .str();
  return diagnostic;
}

} // namespace

std::string ConfigDiagnostic::str(StringRef fileName) const {
  return (fileName + ":" + Twine(line) + ":" + Twine(column) + ": error: " + message).str();
}

FailureOr<ConfigText> ConfigText::parse(StringRef text, ConfigReport report) {
  auto fail = [&](size_t offset, const Twine &message) {
    report(diagnosticAt(text, offset, message.str()));
    return failure();
  };
  if (text.size() > maxBytes)
    return fail(0, "expected a config of at most 4 MiB, found " + Twine(text.size()) +
                       " bytes; give the model's config.json, not its weights or tokenizer");
  if (std::optional<size_t> offset = findTooDeep(text))
    return fail(*offset, "expected at most " + Twine(maxDepth) +
                             " levels of brackets, found more; no model config nests so deeply, "
                             "check that this is one");
  Expected<json::Value> value = json::parse(text);
  if (!value) {
    report(fromParseError(value.takeError()));
    return failure();
  }
  if (!value->getAsObject())
    return fail(0, "expected a JSON object of config keys, found another JSON value; give a "
                   "config.json that starts with '{'");
  ConfigText result(text, std::move(*value));
  Indexer indexer(text, result.offsets);
  indexer.run();
  if (indexer.duplicate)
    return fail(indexer.duplicate->second, "expected every key once, found '" +
                                               indexer.duplicate->first +
                                               "' a second time; keep one of them");
  return result;
}

ConfigDiagnostic ConfigText::at(StringRef path, std::string message) const {
  auto found = offsets.find(path);
  while (found == offsets.end() && !path.empty()) {
    size_t cut = path.find_last_of(".[");
    path = path.take_front(cut == StringRef::npos ? 0 : cut);
    found = offsets.find(path);
  }
  return diagnosticAt(text, found == offsets.end() ? 0 : found->second, std::move(message));
}
