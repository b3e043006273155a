//===- AttnTypes.cpp - types of the tiled form -------------------------------===//
#include "attn/IR/AttnTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::attn;

#define GET_TYPEDEF_CLASSES
#include "attn/IR/AttnTypes.cpp.inc"

void AttnDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "attn/IR/AttnTypes.cpp.inc"
      >();
}

/// Parses `<RxCxT>` with static positive sizes.
template <typename T> static Type parseShaped(AsmParser &parser) {
  SmallVector<int64_t> sizes;
  Type element;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false) ||
      parser.parseType(element) || parser.parseGreater())
    return {};
  if (sizes.size() != 2) {
    parser.emitError(loc, "expected rows x columns, as in 128x64xf32; found ")
        << sizes.size() << " sizes";
    return {};
  }
  return T::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), sizes[0],
                       sizes[1], element);
}

using EmitError = function_ref<InFlightDiagnostic()>;

/// Rows and columns multiply without overflow below this.
static constexpr int64_t mostRows = int64_t(1) << 40, mostColumns = int64_t(1) << 20;

static LogicalResult verifyShaped(EmitError emitError, int64_t rows, int64_t columns,
                                  Type element) {
  if (rows < 1 || rows > mostRows || columns < 1 || columns > mostColumns)
    return emitError() << "expected from 1 to " << mostRows << " rows and from 1 to " << mostColumns
                       << " columns, found " << rows << 'x' << columns;
  if (!element || !(element.isF32() || element.isBF16() || element.isF16()))
    return emitError() << "expected elements of f32, bf16 or f16, found " << element;
  return success();
}

LogicalResult RowsType::verify(EmitError emitError, int64_t count) {
  if (count < 1 || count > mostRows)
    return emitError() << "expected from 1 to " << mostRows << " rows, found " << count;
  return success();
}

LogicalResult TileType::verify(EmitError emitError, int64_t rows, int64_t columns, Type element) {
  return verifyShaped(emitError, rows, columns, element);
}

LogicalResult OnlineType::verify(EmitError emitError, int64_t rows, int64_t columns, Type element) {
  return verifyShaped(emitError, rows, columns, element);
}

Type TileType::parse(AsmParser &parser) { return parseShaped<TileType>(parser); }
void TileType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << 'x' << getElementType() << '>';
}

Type OnlineType::parse(AsmParser &parser) { return parseShaped<OnlineType>(parser); }
void OnlineType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << 'x' << getElementType() << '>';
}
