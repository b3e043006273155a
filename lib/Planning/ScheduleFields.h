//===- ScheduleFields.h - the words of a schedule, collected -----------------===//
#ifndef ATTN_LIB_PLANNING_SCHEDULEFIELDS_H
#define ATTN_LIB_PLANNING_SCHEDULEFIELDS_H

#include "attn/IR/AttnAttrs.h"

#include "mlir/IR/Builders.h"

namespace mlir::attn {

/// Collects the words that a planner chooses, and makes the attribute of them.
class ScheduleFields {
public:
  explicit ScheduleFields(MLIRContext *context) : builder(context) {}

  void set(StringRef name, int64_t value) { fields.set(name, builder.getI64IntegerAttr(value)); }
  void set(StringRef name, StringRef word) { fields.set(name, builder.getStringAttr(word)); }

  ScheduleAttr attribute() const {
    return ScheduleAttr::get(builder.getContext(), fields.getDictionary(builder.getContext()));
  }

private:
  Builder builder;
  NamedAttrList fields;
};

} // namespace mlir::attn

#endif // ATTN_LIB_PLANNING_SCHEDULEFIELDS_H
