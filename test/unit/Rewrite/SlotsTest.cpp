//===- SlotsTest.cpp - temporal slots decoded are the rows of the training mask -----===//

#include "Equivalence.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr int64_t tokens = 6, perSlot = 2, rank = 256, turned = 32;

/// Row `t` of what training reads: the merge of the slot's tokens up to `t`, and the newest rotary
/// key.
static Tensors mergeArguments(const Tensors &all, const HostTensor &merged, int64_t t) {
  bool begins = t % perSlot == 0;
  HostTensor before = rows(all[0], t, 1);
  for (int64_t c = 0; c < rank; ++c)
    before.values[c] = begins ? 0 : merged.values[(t - 1) * (rank + turned) + c];
  HostTensor keep({1, 1, 1}, all[3].kind), weight({1, 1, 1}, all[4].kind);
  keep.values[0] = begins ? 0 : 1;
  weight.values[0] = all[4].values[t];
  return {before,
          rows(all[1], t, 1),
          rows(all[2], t, 1),
          keep,
          weight,
          HostTensor::scalar(static_cast<double>(t))};
}

/// All partial merges, made one token after the other as decoding does.
static HostTensor mergedRows(Program &program, const Tensors &all) {
  HostTensor merged({1, 1, tokens, rank + turned}, all[1].kind);
  for (int64_t t = 0; t < tokens; ++t) {
    Tensors row = exactResults(program.function("mtla_merge"), mergeArguments(all, merged, t));
    llvm::copy(row[0].values, merged.values.begin() + t * (rank + turned));
  }
  return merged;
}

/// The cache when token `t` asks: the last row of each earlier slot, and the one it is in as it
/// stands.
static HostTensor slotsAt(const HostTensor &merged, int64_t t) {
  int64_t slots = t / perSlot + 1, size = rank + turned;
  HostTensor cache({1, 1, slots, size}, merged.kind);
  for (int64_t j = 0; j < slots; ++j) {
    int64_t row = std::min(j * perSlot + perSlot - 1, t);
    std::copy_n(merged.values.begin() + row * size, size, cache.values.begin() + j * size);
  }
  return cache;
}

TEST(TemporalSlots, DecodingIsTheTrainingMask) {
  auto training = Program::fromFile("examples/mechanisms/mtla-training-mask.mlir");
  ASSERT_TRUE(succeeded(training->run("attn-elaborate{entry=prefill}"))) << training->messages;
  auto decoding = Program::fromFile("examples/mechanisms/mtla.mlir");
  func::FuncOp prefill = training->function("mtla_training_mask_prefill");
  auto merge = reference::makeInputs(decoding->function("mtla_merge"), {1, tokens, tokens}, 3);
  auto args = reference::makeInputs(prefill, {1, tokens, tokens}, 4);
  ASSERT_TRUE(succeeded(merge) && succeeded(args));
  HostTensor merged = mergedRows(*decoding, *merge);
  (*args)[1] = merged;
  Tensors whole = exactResults(prefill, *args);
  for (int64_t t = 0; t < tokens; ++t) {
    Tensors step = exactResults(decoding->function("mtla_decode"),
                                {rows((*args)[0], t, 1), slotsAt(merged, t), (*args)[2], (*args)[3],
                                 HostTensor::scalar(static_cast<double>(t))});
    expectEqualNumbers(step[0], rows(whole[0], t, 1), "token " + Twine(t).str());
  }
}
