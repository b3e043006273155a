//===- ReadModule.cpp - variables and entries of a PTX text --------------------------===//
#include "Cursor.h"
#include "Syntax.h"

#include <algorithm>
#include <cstdlib>

using namespace ptx;

void ptx::blankComments(std::string &text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '/' && text[i + 1] == '/') {
      for (; i < text.size() && text[i] != '\n'; ++i)
        text[i] = ' ';
    } else if (text[i] == '/' && text[i + 1] == '*') {
      size_t end = std::min(text.find("*/", i + 2), text.size() - 2);
      for (; i < end + 2; ++i)
        text[i] = text[i] == '\n' ? '\n' : ' ';
    }
  }
}

static uint64_t number(std::string_view word) {
  return std::strtoull(std::string(word).c_str(), nullptr, 0);
}

static uint64_t bytesOfType(std::string_view type) {
  size_t digits = type.find_first_of("0123456789");
  return digits == std::string_view::npos ? 0 : number(type.substr(digits)) / 8;
}

/// Values of elements of `width` bytes behind `=`.
static void readValues(Cursor &cursor, uint64_t width, Variable &variable) {
  if (!cursor.take('{'))
    return;
  Cursor list(cursor.braced());
  while (!list.atEnd()) {
    uint64_t value = number(list.word());
    for (uint64_t i = 0; i < width; ++i)
      variable.values.push_back(static_cast<uint8_t>(value >> (8 * i)));
    list.take(',');
  }
}

Problem ptx::readVariable(std::string_view text, int line, Variable &variable) {
  Cursor cursor(text, line);
  uint64_t width = 0, count = 1;
  std::string_view word;
  while ((word = cursor.word()).substr(0, 1) == ".") {
    if (word == ".align")
      variable.align = number(cursor.word());
    else if (uint64_t bytes = bytesOfType(word))
      width = bytes;
  }
  variable.name = word;
  if (cursor.take('[')) {
    std::string_view size = cursor.until(']');
    count = size.empty() ? 0 : number(size);
  }
  variable.bytes = width * count;
  if (cursor.take('='))
    readValues(cursor, width, variable);
  if (!width || word.empty())
    return {line, "expected a variable, found '" + std::string(text.substr(0, 60)) + "'"};
  return {};
}

static Problem readParameters(std::string_view text, int line, Entry &entry) {
  Cursor cursor(text, line);
  while (!cursor.atEnd()) {
    Parameter parameter;
    uint64_t count = 1;
    std::string_view word;
    // Behind `.ptr` an alignment tells of what the pointer points at.
    for (bool isPointer = false; (word = cursor.word()).substr(0, 1) == ".";) {
      isPointer |= word == ".ptr";
      if (word == ".align") {
        uint64_t align = number(cursor.word());
        parameter.align = isPointer ? parameter.align : align;
      } else if (uint64_t bytes = bytesOfType(word)) {
        parameter.bytes = bytes;
      }
    }
    parameter.name = word;
    if (cursor.take('['))
      count = number(cursor.until(']'));
    parameter.align = std::max(parameter.align, parameter.bytes);
    parameter.bytes *= count;
    if (!parameter.bytes || word.empty())
      return {cursor.line(), "expected a parameter"};
    entry.parameters.push_back(parameter);
    cursor.take(',');
  }
  return {};
}

static Problem readEntry(Cursor &cursor, Entry &entry) {
  entry.name = cursor.word();
  if (cursor.take('(')) {
    int line = cursor.line();
    if (Problem problem = readParameters(cursor.until(')'), line, entry))
      return problem;
  }
  while (cursor.peek() == '.') {
    std::string_view directive = cursor.word();
    unsigned value = static_cast<unsigned>(number(cursor.word()));
    if (directive == ".maxntid")
      entry.maxThreads = value;
    else if (directive == ".minnctapersm")
      entry.minBlocks = value;
    while (cursor.take(','))
      entry.maxThreads *= static_cast<unsigned>(number(cursor.word()));
  }
  if (!cursor.take('{'))
    return {cursor.line(), "expected the body of '" + std::string(entry.name) + "'"};
  entry.line = cursor.line();
  entry.body = cursor.braced();
  return {};
}

/// What begins with `.global`, `.const`, `.shared`, or these behind linkage.
static Problem readDeclaration(Cursor &cursor, std::string_view first, ModuleText &module) {
  while (first == ".visible" || first == ".weak" || first == ".extern")
    first = cursor.word();
  if (first == ".entry") {
    module.entries.emplace_back();
    return readEntry(cursor, module.entries.back());
  }
  if (first != ".global" && first != ".const" && first != ".shared")
    return {cursor.line(), "unknown directive '" + std::string(first) + "'"};
  int line = cursor.line();
  module.variables.emplace_back();
  Variable &variable = module.variables.back();
  variable.isShared = first == ".shared";
  return readVariable(cursor.until(';'), line, variable);
}

Problem ptx::readModule(std::string_view text, ModuleText &module) {
  Cursor cursor(text);
  while (!cursor.atEnd()) {
    std::string_view word = cursor.word();
    if (word == ".version" || word == ".address_size") {
      cursor.word();
    } else if (word == ".target") {
      module.target = std::string(cursor.word());
      while (cursor.take(','))
        cursor.word();
    } else if (word.empty()) {
      return {cursor.line(), std::string("unexpected '") + cursor.peek() + "'"};
    } else if (Problem problem = readDeclaration(cursor, word, module)) {
      return problem;
    }
  }
  return module.target.empty() ? Problem{1, "expected .target"} : Problem{};
}
