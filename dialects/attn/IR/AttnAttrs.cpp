//===- AttnAttrs.cpp - attributes of the attn dialect ------------------------===//
#include "attn/IR/AttnAttrs.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::attn;

#include "attn/IR/AttnEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "attn/IR/AttnAttrs.cpp.inc"

void AttnDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "attn/IR/AttnAttrs.cpp.inc"
      >();
}

using EmitError = function_ref<InFlightDiagnostic()>;

/// Parses any record attribute.
template <typename T> static Attribute parseRecordAttr(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  FailureOr<DictionaryAttr> fields = parseRecord(parser, T::fieldTable());
  if (failed(fields))
    return {};
  return T::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), *fields);
}

#define ATTN_RECORD(NAME)                                                                          \
  Attribute NAME::parse(AsmParser &parser, Type) { return parseRecordAttr<NAME>(parser); }         \
  void NAME::print(AsmPrinter &printer) const { printRecord(printer, getFields(), fieldTable()); }
ATTN_RECORD(RopeAttr)
ATTN_RECORD(NormAttr)
ATTN_RECORD(LatentAttr)
ATTN_RECORD(TargetAttr)
ATTN_RECORD(ScheduleAttr)
#undef ATTN_RECORD

//===----------------------------------------------------------------------===//
// Rules. They run before the attribute exists, hence on the dictionary.
//===----------------------------------------------------------------------===//

static LogicalResult verifyPositive(EmitError emitError, DictionaryAttr fields,
                                    ArrayRef<RecordField> table, StringRef record,
                                    ArrayRef<StringRef> names, int64_t most = int64_t(1) << 40) {
  for (StringRef name : names) {
    int64_t value = recordInt(fields, table, name);
    if (value < 1 || value > most)
      return emitError() << record << ' ' << name << " must be from 1 to " << most << ", found "
                         << value;
  }
  return success();
}

static LogicalResult verifyRopeReals(EmitError emitError, DictionaryAttr fields) {
  for (StringRef name :
       {"base", "factor", "low_freq", "high_freq", "beta_fast", "beta_slow", "magnitude"}) {
    double value = recordReal(fields, RopeAttr::fieldTable(), name);
    if (value <= 0)
      return emitError() << "rope " << name << " must be positive, found " << printReal(value);
  }
  for (StringRef name : {"bases", "short_factors", "long_factors"})
    for (double value : recordReals(fields, name))
      if (value <= 0)
        return emitError() << "rope " << name << " must be positive, found " << printReal(value);
  return success();
}

static LogicalResult verifyPairFactors(EmitError emitError, DictionaryAttr fields, int64_t pairs,
                                       bool required) {
  for (StringRef name : {"short_factors", "long_factors"}) {
    auto count = static_cast<int64_t>(recordReals(fields, name).size());
    if (count != pairs && (count != 0 || required))
      return emitError() << "rope " << name << " must have one entry per pair (" << pairs
                         << "), found " << count;
  }
  return success();
}

/// What each scaling divides by or takes the logarithm of.
static LogicalResult verifyScaling(EmitError emitError, DictionaryAttr fields, int64_t dims) {
  ArrayRef<RecordField> table = RopeAttr::fieldTable();
  StringRef scaling = recordWord(fields, table, "scaling");
  bool needsLength = scaling != "none" && scaling != "linear";
  if (needsLength && recordInt(fields, table, "original_length") < 1)
    return emitError() << "rope scaling '" << scaling << "' needs a positive original_length";
  if (scaling == "dynamic" && dims < 4)
    return emitError() << "rope scaling 'dynamic' needs at least 4 dims, found " << dims;
  SmallVector<double> bases = recordReals(fields, "bases");
  bases.push_back(recordReal(fields, table, "base"));
  if (scaling == "yarn" && llvm::any_of(bases, [](double base) { return base <= 1; }))
    return emitError() << "rope scaling 'yarn' needs a base above 1";
  return verifyPairFactors(emitError, fields, dims / 2, scaling == "longrope");
}

LogicalResult RopeAttr::verify(EmitError emitError, DictionaryAttr fields) {
  if (failed(verifyRecord(emitError, fields, fieldTable(), "rope")))
    return failure();
  int64_t dims = recordInt(fields, fieldTable(), "dims");
  constexpr int64_t most = 1 << 20;
  if (dims <= 0 || dims % 2 != 0 || dims > most)
    return emitError() << "rope dims must be even, from 2 to " << most << ", found " << dims;
  if (failed(verifyRopeReals(emitError, fields)))
    return failure();
  return verifyScaling(emitError, fields, dims);
}

LogicalResult NormAttr::verify(EmitError emitError, DictionaryAttr fields) {
  if (failed(verifyRecord(emitError, fields, fieldTable(), "norm")))
    return failure();
  double eps = recordReal(fields, fieldTable(), "eps");
  if (eps < 0)
    return emitError() << "norm eps must not be negative, found " << printReal(eps);
  return success();
}

LogicalResult LatentAttr::verify(EmitError emitError, DictionaryAttr fields) {
  if (failed(verifyRecord(emitError, fields, fieldTable(), "latent")))
    return failure();
  return verifyPositive(emitError, fields, fieldTable(), "latent", {"kv_rank", "nope"});
}

LogicalResult TargetAttr::verify(EmitError emitError, DictionaryAttr fields) {
  if (failed(verifyRecord(emitError, fields, fieldTable(), "target")))
    return failure();
  return verifyPositive(emitError, fields, fieldTable(), "target",
                        {"lanes", "vector_registers", "fma_per_cycle", "fma_latency",
                         "loads_per_cycle", "l1", "l2", "cores"});
}

/// Products of two of these fields, such as rows * panels, stay far from overflow.
LogicalResult ScheduleAttr::verify(EmitError emitError, DictionaryAttr fields) {
  if (failed(verifyRecord(emitError, fields, fieldTable(), "schedule")))
    return failure();
  return verifyPositive(
      emitError, fields, fieldTable(), "schedule",
      {"rows", "keys", "panels", "stages", "splits", "consumers", "split_output", "unroll"},
      1 << 20);
}
