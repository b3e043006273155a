//===- TensorMemoryTest.cpp - guarded memory that kernels run on ----------===//

#include "TensorMemory.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir::attn;
using namespace mlir::attn::reference;

static HostTensor counting(llvm::ArrayRef<int64_t> sizes, ElementKind kind) {
  HostTensor tensor(sizes, kind);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    tensor.values[i] = static_cast<double>(i % 100);
  return tensor;
}

TEST(TensorMemory, GivesBackWhatWasPutInInEveryLayout) {
  for (Layout layout : {Layout::Contiguous, Layout::Guarded, Layout::GuardedTokenMajor})
    for (ElementKind kind : {ElementKind::F32, ElementKind::BF16, ElementKind::I64}) {
      HostTensor values = counting({2, 3, 5, 7}, kind);
      TensorMemory memory(values.sizes, kind, layout);
      memory.fill(values);
      EXPECT_EQ(memory.read().values, values.values);
      EXPECT_TRUE(memory.guardsIntact());
    }
}

TEST(TensorMemory, StridesSayWhereElementsLie) {
  HostTensor values = counting({2, 3, 5, 7}, ElementKind::F32);
  TensorMemory memory(values.sizes, ElementKind::F32, Layout::GuardedTokenMajor);
  memory.fill(values);
  attn_tensor tensor = memory.tensor();
  EXPECT_EQ(tensor.strides[3], 1);
  EXPECT_LT(tensor.strides[1], tensor.strides[2]) << "heads of a token are neighbours";
  const float *data = static_cast<const float *>(tensor.data);
  EXPECT_EQ(data[tensor.strides[0] + 2 * tensor.strides[1] + 4 * tensor.strides[2] + 6],
            values.at({1, 2, 4, 6}));
}

TEST(TensorMemory, GapsAndPoisonAreNotNumbers) {
  TensorMemory memory({2, 3}, ElementKind::F32, Layout::Guarded);
  memory.fill(counting({2, 3}, ElementKind::F32));
  const float *data = static_cast<const float *>(memory.tensor().data);
  EXPECT_TRUE(std::isnan(data[3])) << "behind the first row";
  memory.poison();
  EXPECT_TRUE(std::isnan(memory.read().values[0]));
}

TEST(TensorMemory, NoticesAWriteBesideTheElements) {
  TensorMemory memory({2, 3}, ElementKind::F32, Layout::Guarded);
  static_cast<float *>(memory.tensor().data)[3] = 0;
  EXPECT_FALSE(memory.guardsIntact());
}

TEST(TensorMemory, HoldsEmptyTensorsAndScalars) {
  TensorMemory empty({2, 0, 5, 7}, ElementKind::F32, Layout::Guarded);
  EXPECT_TRUE(empty.guardsIntact());
  EXPECT_EQ(empty.read().numElements(), 0);
  TensorMemory scalar({}, ElementKind::Index, Layout::Guarded);
  scalar.fill(HostTensor::scalar(42));
  EXPECT_EQ(scalar.tensor().dtype, ATTN_I64);
  EXPECT_EQ(*static_cast<const int64_t *>(scalar.tensor().data), 42);
}
