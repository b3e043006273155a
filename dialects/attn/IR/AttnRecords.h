//===- AttnRecords.h - attributes made of named fields -----------------------===//
//
// Several attributes are records: `#attn.rope<dims = 64, base = 10000.0>`. One table per
// record lists its fields; parsing, printing, verification and typed access all read it.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_IR_ATTNRECORDS_H
#define ATTN_IR_ATTNRECORDS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::attn {

/// What a field of a record holds. Integers are from 0 to 2^40, flags 0 or 1, reals finite.
enum class FieldKind { Int, Flag, Real, Word, Text, Ints, Reals };

/// One field of a record. Absent fields read as their default; a field without default
/// (`required`) must be present. Words must be one of `words`.
struct RecordField {
  StringRef name;
  FieldKind kind;
  double number = 0;
  StringRef word = {};
  ArrayRef<StringRef> words = {};
  bool required = false;
};

/// Typed reading of a field; the field must be in the table.
int64_t recordInt(DictionaryAttr fields, ArrayRef<RecordField> table, StringRef name);
double recordReal(DictionaryAttr fields, ArrayRef<RecordField> table, StringRef name);
StringRef recordWord(DictionaryAttr fields, ArrayRef<RecordField> table, StringRef name);
SmallVector<int64_t> recordInts(DictionaryAttr fields, StringRef name);
SmallVector<double> recordReals(DictionaryAttr fields, StringRef name);

/// Parses `<a, b, ...>`, possibly empty. (`parseCommaSeparatedList` with the delimiter LessGreater
/// reports a missing '<' and then succeeds.)
ParseResult parseAngleList(AsmParser &parser, function_ref<ParseResult()> element);

/// Parses `<name = value, ...>`; an unknown name is answered with the nearest known one.
FailureOr<DictionaryAttr> parseRecord(AsmParser &parser, ArrayRef<RecordField> table);
/// Prints the fields that differ from their default, in table order.
void printRecord(AsmPrinter &printer, DictionaryAttr fields, ArrayRef<RecordField> table);
/// Checks names, kinds, words and required fields.
LogicalResult verifyRecord(function_ref<InFlightDiagnostic()> emitError, DictionaryAttr fields,
                           ArrayRef<RecordField> table, StringRef record);

/// Shortest decimal text that reads back as the same double, always with a point; infinities and
/// NaN, which have no decimal form, as their bits in hexadecimal.
std::string printReal(double value);

/// The candidate with the smallest edit distance to `word`, or an empty string if none is near.
StringRef nearestWord(StringRef word, ArrayRef<StringRef> candidates);

} // namespace mlir::attn

#endif // ATTN_IR_ATTNRECORDS_H
