//===- AttnAssembly.h - text and rules that several operations share ---------===//
#ifndef ATTN_IR_ATTNASSEMBLY_H
#define ATTN_IR_ATTNASSEMBLY_H

#include "attn/IR/AttnOps.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Custom directives of the assembly formats
//===----------------------------------------------------------------------===//

/// A real number, printed as the shortest text that reads back the same.
ParseResult parseReal(OpAsmParser &parser, FloatAttr &attr);
void printReal(OpAsmPrinter &printer, Operation *op, FloatAttr attr);
/// `[0.5, 0.25]`, each number exact; the array attribute's own text rounds to six digits here.
ParseResult parseReals(OpAsmParser &parser, DenseF64ArrayAttr &attr);
void printReals(OpAsmPrinter &printer, Operation *op, DenseF64ArrayAttr attr);

/// `<expression>` of the mask algebra.
ParseResult parseMaskExpr(OpAsmParser &parser, MaskAttr &mask);
void printMaskExpr(OpAsmPrinter &printer, Operation *op, MaskAttr mask);

/// `query = [...], key = [...], value = [...]`, each at most once.
ParseResult parseHeadMaps(OpAsmParser &parser, DenseI64ArrayAttr &query, DenseI64ArrayAttr &key,
                          DenseI64ArrayAttr &value);
void printHeadMaps(OpAsmPrinter &printer, Operation *op, DenseI64ArrayAttr query,
                   DenseI64ArrayAttr key, DenseI64ArrayAttr value);

//===----------------------------------------------------------------------===//
// Rules; `rule` is the label of the constraint that a message ends with
//===----------------------------------------------------------------------===//

/// Whether two sizes can be equal: both static and equal, or one unknown.
bool compatible(int64_t a, int64_t b);
/// Whether `type` has the rank of `shape` and sizes compatible with it.
bool hasShape(ShapedType type, ArrayRef<int64_t> shape);
/// `[?, 8, ?, 64]`.
std::string shapeText(ArrayRef<int64_t> shape);

/// Head count and head size of a 4-D value are static, positive and at most 2^20, so that sums of
/// a few of them cannot overflow.
LogicalResult verifyStatic(Operation *op, StringRef name, ShapedType type, StringRef rule);

/// `before`, if given, is a static number of tokens of the kind of `input`, at least `least`.
LogicalResult verifyBefore(Operation *op, Value before, ShapedType input, int64_t least,
                           StringRef rule);

/// The score region takes (f32, index, index, index, index), yields one f32 and has no effects.
LogicalResult verifyScoreRegion(Operation *op, Region &region, StringRef rule);

/// Operand numbers and ranks fit `operands`; per-head tables have `scoreHeads` entries, when that
/// count is known.
LogicalResult verifyMask(Operation *op, MaskAttr mask, ValueRange operands,
                         std::optional<int64_t> scoreHeads, StringRef rule);

} // namespace mlir::attn

#endif // ATTN_IR_ATTNASSEMBLY_H
