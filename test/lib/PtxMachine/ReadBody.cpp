//===- ReadBody.cpp - statements of an entry's body -----------------------------------===//
#include "Cursor.h"
#include "Syntax.h"

#include <cstdlib>
#include <cstring>

using namespace ptx;

/// `12`, `-1`, `0x1F`, `0f3F800000`, `0d…`; bits of 64, negative numbers sign-extended.
static bool readNumber(Cursor &cursor, Operand &operand) {
  bool negative = cursor.take('-');
  char c = cursor.peek();
  if (c < '0' || c > '9')
    return false;
  std::string word(cursor.word());
  bool isReal = word.size() > 2 && word[0] == '0' && std::strchr("fFdD", word[1]);
  uint64_t value = isReal ? std::strtoull(word.c_str() + 2, nullptr, 16)
                          : std::strtoull(word.c_str(), nullptr, 0);
  operand.kind = Operand::Number;
  operand.bits = negative ? 0 - value : value;
  return true;
}

static Problem readOperand(Cursor &cursor, Operand &operand);

static Problem readParts(Cursor &cursor, char end, Operand &operand) {
  while (!cursor.take(end)) {
    operand.parts.emplace_back();
    if (Problem problem = readOperand(cursor, operand.parts.back()))
      return problem;
    cursor.take(',');
  }
  return {};
}

/// Behind `[`: a base, what is added to it, coordinates.
static Problem readAddress(Cursor &cursor, Operand &operand) {
  operand.kind = Operand::Address;
  operand.parts.emplace_back();
  if (Problem problem = readOperand(cursor, operand.parts.back()))
    return problem;
  Operand offset;
  bool plus = cursor.take('+');
  if ((plus || cursor.peek() == '-') && readNumber(cursor, offset))
    operand.bits = offset.bits;
  if (cursor.take(',')) {
    operand.parts.emplace_back();
    if (Problem problem = readOperand(cursor, operand.parts.back()))
      return problem;
  }
  if (!cursor.take(']'))
    return {cursor.line(), "expected ']'"};
  return {};
}

static Problem readOperand(Cursor &cursor, Operand &operand) {
  operand.negated = cursor.take('!');
  if (cursor.take('{')) {
    operand.kind = Operand::Vector;
    return readParts(cursor, '}', operand);
  }
  if (cursor.take('['))
    return readAddress(cursor, operand);
  if (readNumber(cursor, operand))
    return {};
  operand.name = cursor.word();
  operand.kind = operand.name == "_" ? Operand::Discarded : Operand::Name;
  if (operand.name.empty())
    return {cursor.line(), std::string("expected an operand, found '") + cursor.peek() + "'"};
  return {};
}

static Problem readInstruction(Cursor &cursor, std::string_view word, Statement &statement) {
  statement.text = word;
  while (!cursor.take(';')) {
    if (cursor.atEnd())
      return {statement.line, "expected ';' behind '" + std::string(word) + "'"};
    statement.operands.emplace_back();
    if (Problem problem = readOperand(cursor, statement.operands.back()))
      return problem;
    if (!cursor.take(','))
      cursor.take('|');
  }
  return {};
}

static void readGuard(Cursor &cursor, Statement &statement) {
  if (!cursor.take('@'))
    return;
  statement.guardNegated = cursor.take('!');
  statement.guard = cursor.word();
}

static Problem readStatement(Cursor &cursor, std::vector<Statement> &statements) {
  Statement statement;
  if (cursor.take(';'))
    return {};
  readGuard(cursor, statement);
  std::string_view word = cursor.word(/*colons=*/true);
  statement.line = cursor.line();
  if (word == ".reg" || word == ".shared") {
    statement.kind = word == ".reg" ? Statement::Registers : Statement::Shared;
    statement.text = cursor.until(';');
  } else if (word == ".pragma" || word == ".loc") {
    cursor.until(word == ".loc" ? '\n' : ';');
    return {};
  } else if (word.empty() || word[0] == '.') {
    return {cursor.line(), word.empty() ? std::string("unexpected '") + cursor.peek() + "'"
                                        : "unknown directive '" + std::string(word) + "'"};
  } else if (cursor.take(':')) {
    statement.kind = Statement::Label;
    statement.text = word;
  } else if (Problem problem = readInstruction(cursor, word, statement)) {
    return problem;
  }
  statements.push_back(std::move(statement));
  return {};
}

Problem ptx::readBody(const Entry &entry, std::vector<Statement> &statements) {
  Cursor cursor(entry.body, entry.line);
  while (!cursor.atEnd()) {
    bool opens = cursor.take('{');
    if (opens || cursor.take('}')) {
      statements.emplace_back();
      statements.back().kind = opens ? Statement::Open : Statement::Close;
      statements.back().line = cursor.line();
    } else if (Problem problem = readStatement(cursor, statements)) {
      return problem;
    }
  }
  return {};
}
