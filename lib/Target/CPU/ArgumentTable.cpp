//===- ArgumentTable.cpp - what an entry point expects of its arguments ---===//
#include "EntryChecks.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// One text of `attn.sizes`, taken apart: `[>=] (number | symbol) [/ divisor]`.
struct SizeText {
  bool isBound = false;
  std::string symbol; // empty for a number
  int64_t number = 0, divisor = 1;
};

class TableWriter {
public:
  explicit TableWriter(func::FuncOp kernel)
      : kernel(kernel), types(kernel.getArgumentTypes().drop_back()) {}

  FailureOr<ArgumentTable> run();

private:
  void defineSymbols();
  LogicalResult addArgument(size_t argument);
  LogicalResult addRules(size_t argument);
  LogicalResult addText(int64_t given, StringRef text);
  void addRule(int64_t given, const SizeText &size, int64_t source);

  func::FuncOp kernel;
  ArrayRef<Type> types;
  llvm::StringMap<int64_t> symbols;
  SmallVector<int64_t> arguments, rules;
};

} // namespace

/// Code of an element type in attn_runtime.h; failure where it has none.
static FailureOr<int64_t> dtypeCode(Type element) {
  if (element.isF32())
    return 0;
  if (element.isBF16())
    return 1;
  if (element.isF16())
    return 2;
  if (element.isIndex() || element.isInteger(64))
    return 3;
  if (element.isInteger(32))
    return 4;
  if (element.isF64())
    return 5;
  if (element.isInteger(8))
    return 6;
  return failure();
}

static int64_t rankOf(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref ? memref.getRank() : 0;
}

static int64_t placeOfSize(size_t argument, size_t dimension) {
  return static_cast<int64_t>(argument) * tensorWords + wordsBeforeSizes +
         static_cast<int64_t>(dimension);
}

//===----------------------------------------------------------------------===//
// Sizes that must agree
//===----------------------------------------------------------------------===//

static SizeText parseSize(StringRef text) {
  SizeText result;
  result.isBound = text.consume_front(">=");
  auto [size, divisor] = text.split('/');
  if (!divisor.empty() && divisor.getAsInteger(10, result.divisor))
    result.divisor = 1;
  if (size.getAsInteger(10, result.number))
    result.symbol = size.str();
  return result;
}

static SmallVector<StringRef> sizeTexts(func::FuncOp kernel, size_t argument) {
  auto texts = kernel.getArgAttrOfType<ArrayAttr>(argument, "attn.sizes");
  SmallVector<StringRef> result;
  if (texts)
    llvm::append_range(result, texts.getAsValueRange<StringAttr>());
  return result;
}

/// A symbol is the size where it first stands without a bound.
void TableWriter::defineSymbols() {
  for (size_t argument = 0; argument < types.size(); ++argument)
    for (auto [i, text] : llvm::enumerate(sizeTexts(kernel, argument))) {
      SizeText size = parseSize(text.split(';').first);
      if (!size.isBound && !size.symbol.empty())
        symbols.try_emplace(size.symbol, placeOfSize(argument, i));
    }
}

void TableWriter::addRule(int64_t given, const SizeText &size, int64_t source) {
  rules.append({given, size.isBound, source, size.number, size.divisor});
}

/// `text` may be an equality and a bound, `s1;>=s0`.
LogicalResult TableWriter::addText(int64_t given, StringRef text) {
  auto [first, second] = text.split(';');
  if (!second.empty())
    return success(succeeded(addText(given, first)) && succeeded(addText(given, second)));
  if (text.empty())
    return success();
  SizeText size = parseSize(text);
  auto symbol = symbols.find(size.symbol);
  if (!size.symbol.empty() && symbol == symbols.end())
    return kernel.emitError("expected 'attn.sizes' to define ")
           << size.symbol << ", found it in a bound only";
  int64_t source = size.symbol.empty() ? -1 : symbol->second;
  // Where a symbol first stands it would be compared with itself.
  if (source != given || size.divisor != 1)
    addRule(given, size, source);
  return success();
}

LogicalResult TableWriter::addRules(size_t argument) {
  auto type = dyn_cast<MemRefType>(types[argument]);
  if (!type)
    return success();
  for (int64_t i = 0; i < type.getRank(); ++i) {
    SizeText size;
    size.number = type.getDimSize(i);
    if (!type.isDynamicDim(i))
      addRule(placeOfSize(argument, i), size, -1);
  }
  for (auto [i, text] : llvm::enumerate(sizeTexts(kernel, argument)))
    if (failed(addText(placeOfSize(argument, i), text)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

LogicalResult TableWriter::addArgument(size_t argument) {
  Type type = types[argument];
  FailureOr<int64_t> dtype = dtypeCode(getElementTypeOrSelf(type));
  if (failed(dtype) || rankOf(type) > mostDimensions)
    return kernel.emitError("expected argument ")
           << argument << " to be a tensor of rank 0 to 4, or a scalar, of f32, bf16, f16, f64, "
           << "i8, i32, i64 or index, found " << type << "; the C calling convention has no other";
  auto nextRule = [&] {
    return static_cast<int64_t>(types.size() + rules.size() / ArgumentTable::rowWords);
  };
  bool isOutput = kernel.getArgAttr(argument, "attn.output") != nullptr;
  arguments.append({rankOf(type), *dtype, isOutput, nextRule()});
  if (failed(addRules(argument)))
    return failure();
  arguments.push_back(nextRule());
  return success();
}

FailureOr<ArgumentTable> TableWriter::run() {
  defineSymbols();
  for (size_t argument = 0; argument < types.size(); ++argument)
    if (failed(addArgument(argument)))
      return failure();
  ArgumentTable table;
  table.arguments = static_cast<int64_t>(types.size());
  table.words = arguments;
  llvm::append_range(table.words, rules);
  return table;
}

FailureOr<ArgumentTable> attn::makeArgumentTable(func::FuncOp kernel) {
  return TableWriter(kernel).run();
}
