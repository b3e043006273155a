//===- CoreTest.cpp - a core is the attention inside the whole entry -----===//

#include "Equivalence.h"
#include "attn/IR/AttnOps.h"

using namespace mlir;
using namespace mlir::attn;

/// The operands that the only attention of `function` gets, and what it gives, for `args`:
/// `function` with these as its results.
static Tensors aroundAttention(func::FuncOp function, ArrayRef<HostTensor> args) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfter(function);
  auto copy = cast<func::FuncOp>(builder.clone(*function));
  copy.setName((function.getName() + "_around").str());
  AttentionOp op;
  copy.walk([&](AttentionOp found) { op = found; });
  auto returned = cast<func::ReturnOp>(copy.getBody().front().getTerminator());
  SmallVector<Value> shown = {op.getQuery(), op.getKey(), op.getValue(), op.getOut(), op.getLse()};
  builder.setInsertionPoint(returned);
  func::ReturnOp::create(builder, returned.getLoc(), shown);
  returned.erase();
  copy.removeResAttrsAttr();
  copy.setFunctionType(
      builder.getFunctionType(copy.getArgumentTypes(), ValueRange(shown).getTypes()));
  Tensors results = exactResults(copy, args);
  copy.erase();
  return results;
}

static void expectCoreIsInside(Program &program, StringRef role, ArrayRef<unsigned> operands) {
  func::FuncOp whole = program.function(("x_" + role).str());
  func::FuncOp core = program.function(("x_" + role + "_core").str());
  ASSERT_TRUE(whole && core) << program.text();
  auto args = reference::makeInputs(whole, {2, 3, 7}, 5);
  ASSERT_TRUE(succeeded(args)) << program.messages;
  Tensors around = aroundAttention(whole, *args), given;
  for (unsigned operand : operands)
    given.push_back(around[operand]);
  if (core.getNumArguments() > operands.size())
    given.push_back(args->back()); // sinks
  expectEqualNumbers(exactResults(core, given), {around[3], around[4]}, role);
}

TEST(Core, IsTheAttentionOfItsEntry) {
  Program grouped(R"(
attn.spec @x {
  query_heads = 4, key_heads = 2, qk_size = 8, v_size = 6, rope = #attn.rope<dims = 4>, sinks, softcap = 3.0,
  query_norm = #attn.norm_kind<kind = rms>, alibi = array<f64: 0.5, 0.25, 0.125, 0.0625>,
  mask = #attn.mask<causal and window<4>>
})");
  ASSERT_TRUE(
      succeeded(grouped.run("attn-elaborate{entry=prefill,decode,prefill-core,decode-core}")));
  for (StringRef role : {"prefill", "decode"})
    expectCoreIsInside(grouped, role, {0, 1, 2});
}

TEST(Core, OfALatentIsThatOfItsForm) {
  Program latent(R"(
attn.spec @x {
  query_heads = 3, latent = #attn.latent<kv_rank = 8, nope = 6, rope = 4>, v_size = 5,
  rope = #attn.rope<dims = 4, layout = interleaved>, key_norm = #attn.norm_kind<kind = rms>
})");
  ASSERT_TRUE(
      succeeded(latent.run("attn-elaborate{entry=prefill,decode,prefill-core,decode-core}")));
  expectCoreIsInside(latent, "prefill", {0, 1, 2});
  // Absorbed, the values are columns of the keys.
  expectCoreIsInside(latent, "decode", {0, 1});
}
