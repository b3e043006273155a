//===- ConvolutionTest.cpp - a layer that remembers tokens, grown token by token -----===//

#include "Equivalence.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
/// Arguments and results of the layer of examples/mechanisms/cca.mlir.
enum : unsigned { Hidden, KeyCache, ValueCache, RowsBefore, HiddenBefore };
} // namespace

/// Tokens [first, first + count) of hidden states [1, S, W].
static HostTensor tokens(const HostTensor &hidden, int64_t first, int64_t count) {
  int64_t width = hidden.size(2);
  HostTensor result({1, count, width}, hidden.kind);
  std::copy_n(hidden.values.begin() + first * width, count * width, result.values.begin());
  return result;
}

/// A cache of `length` tokens that begins with those of `cache`; the rest is NaN.
static HostTensor widened(const HostTensor &cache, int64_t length) {
  SmallVector<int64_t> sizes(cache.sizes);
  sizes[2] = length;
  HostTensor result(sizes, cache.kind);
  std::fill(result.values.begin(), result.values.end(), NAN);
  for (int64_t head = 0; head < sizes[0] * sizes[1]; ++head)
    std::copy_n(cache.values.begin() + head * cache.size(2) * sizes[3], cache.size(2) * sizes[3],
                result.values.begin() + head * length * sizes[3]);
  return result;
}

static HostTensor zeros(const HostTensor &like) { return HostTensor(like.sizes, like.kind); }

// However a sequence is cut into calls, down to fewer tokens than the convolutions remember.
TEST(Convolution, DecodingGoesOnWherePrefillEnded) {
  constexpr int64_t all = 8;
  auto program = Program::fromFile("examples/mechanisms/cca.mlir");
  ASSERT_TRUE(succeeded(program->elaborate())) << program->messages;
  func::FuncOp prefill = program->function("cca_layer_prefill");
  func::FuncOp decode = program->function("cca_layer_decode");
  auto args = reference::makeInputs(prefill, {1, all, all}, 3);
  ASSERT_TRUE(succeeded(args)) << program->messages;
  for (unsigned state : {RowsBefore, HiddenBefore})
    (*args)[state] = zeros((*args)[state]);
  Tensors whole = exactResults(prefill, *args);
  for (SmallVector<int64_t> cuts : {SmallVector<int64_t>{4, 5, 6, 7, 8}, {1, 2, 3, 8}, {3, 5, 8}}) {
    Tensors step = whole;
    for (unsigned state : {KeyCache, ValueCache})
      step[state] = rows(whole[state], 0, 0);
    for (unsigned state : {RowsBefore, HiddenBefore})
      step[state] = zeros(whole[state]);
    int64_t at = 0;
    for (int64_t end : cuts) {
      Tensors next = *args;
      next[Hidden] = tokens((*args)[Hidden], at, end - at);
      for (unsigned cache : {KeyCache, ValueCache})
        next[cache] = widened(step[cache], end);
      for (unsigned state : {RowsBefore, HiddenBefore})
        next[state] = step[state];
      step = exactResults(end - at == 1 ? decode : prefill, next);
      expectEqualNumbers(step[0], tokens(whole[0], at, end - at), "tokens to " + Twine(end).str());
      at = end;
    }
    for (unsigned state : {KeyCache, ValueCache, RowsBefore, HiddenBefore})
      expectEqualNumbers(step[state], whole[state], "state " + Twine(state).str());
  }
}
