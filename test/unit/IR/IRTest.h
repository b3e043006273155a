//===- IRTest.h - a context with the attn dialect, for unit tests -------------===//
#ifndef ATTN_TEST_UNIT_IR_IRTEST_H
#define ATTN_TEST_UNIT_IR_IRTEST_H

#include "attn/IR/AttnOps.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace mlir::attn {

class IRTest : public testing::Test {
protected:
  IRTest() { context.loadDialect<AttnDialect>(); }

  /// An attribute from its text, such as `#attn.mask<causal>`.
  template <typename T> T parse(StringRef text) {
    auto attr = dyn_cast_or_null<T>(parseAttribute(text, &context));
    EXPECT_TRUE(attr) << "did not parse: " << text.str();
    return attr;
  }

  MLIRContext context;
  Builder builder{&context};
};

} // namespace mlir::attn

#endif // ATTN_TEST_UNIT_IR_IRTEST_H
