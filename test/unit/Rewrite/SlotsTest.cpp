//===- SlotsTest.cpp - temporal slots decoded in place are prefill's rows -----===//

#include "Equivalence.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr int64_t tokens = 7, perSlot = 2, rowSize = 256 + 32;

namespace {
/// Arguments of mtla_prefill.
enum : unsigned { Query, Latent, RopeKey, Carried, Weight, KeyUp, ValueUp };
} // namespace

/// The first token of a slot finds nothing; the second one finds it with its weight.
static void carryWithinSlots(Tensors &args) {
  for (int64_t t = 0; t < tokens; ++t)
    args[Carried].values[t] = t % perSlot ? args[Weight].values[t - 1] : 0;
}

static HostTensor one(double value) {
  HostTensor result({1, 1, 1}, reference::ElementKind::F32);
  result.values[0] = value;
  return result;
}

/// The cache with room for one more slot, which holds a NaN.
static HostTensor withNewSlot(const HostTensor &cache) {
  HostTensor result({1, 1, cache.size(2) + 1, rowSize}, cache.kind);
  std::fill(result.values.begin(), result.values.end(), NAN);
  llvm::copy(cache.values, result.values.begin());
  return result;
}

/// What stays of prefill's rows: the last one of each slot, full or not.
static HostTensor slotsOf(const HostTensor &merged) {
  int64_t slots = (tokens + perSlot - 1) / perSlot;
  HostTensor cache({1, 1, slots, rowSize}, merged.kind);
  for (int64_t j = 0; j < slots; ++j) {
    int64_t row = std::min(j * perSlot + perSlot - 1, tokens - 1);
    std::copy_n(merged.values.begin() + row * rowSize, rowSize, cache.values.begin() + j * rowSize);
  }
  return cache;
}

/// The arguments of token `t`, from prefill's and the cache as the token before left it.
static Tensors stepArguments(const Tensors &all, const HostTensor &cache, int64_t t) {
  bool begins = t % perSlot == 0;
  return {rows(all[Query], t, 1),
          rows(all[Latent], t, 1),
          rows(all[RopeKey], t, 1),
          one(begins ? 0 : 1),
          one(all[Weight].values[t]),
          begins ? withNewSlot(cache) : cache,
          all[KeyUp],
          all[ValueUp],
          HostTensor::scalar(static_cast<double>(t))};
}

TEST(TemporalSlots, DecodingInPlaceIsPrefill) {
  auto program = Program::fromFile("examples/mechanisms/mtla.mlir");
  func::FuncOp prefill = program->function("mtla_prefill"),
               decode = program->function("mtla_decode");
  auto args = reference::makeInputs(prefill, {1, tokens, tokens}, 3);
  ASSERT_TRUE(succeeded(args)) << program->messages;
  carryWithinSlots(*args);
  Tensors whole = exactResults(prefill, *args);
  HostTensor cache({1, 1, 0, rowSize}, whole[1].kind);
  for (int64_t t = 0; t < tokens; ++t) {
    Tensors step = exactResults(decode, stepArguments(*args, cache, t));
    expectEqualNumbers(step[0], rows(whole[0], t, 1), "token " + Twine(t).str());
    cache = step[1];
  }
  expectEqualNumbers(cache, slotsOf(whole[1]), "slots");
}

// The spec of the training mask is the same attention over rows that are merged already.
TEST(TemporalSlots, PrefillIsTheTrainingMask) {
  auto training = Program::fromFile("examples/mechanisms/mtla-training-mask.mlir");
  ASSERT_TRUE(succeeded(training->run("attn-elaborate{entry=prefill}"))) << training->messages;
  auto program = Program::fromFile("examples/mechanisms/mtla.mlir");
  auto args = reference::makeInputs(program->function("mtla_prefill"), {1, tokens, tokens}, 3);
  ASSERT_TRUE(succeeded(args)) << program->messages;
  Tensors whole = exactResults(program->function("mtla_prefill"), *args);
  Tensors masked = exactResults(training->function("mtla_training_mask_prefill"),
                                {(*args)[Query], whole[1], (*args)[KeyUp], (*args)[ValueUp]});
  expectEqualNumbers(masked[0], whole[0], "out");
}
