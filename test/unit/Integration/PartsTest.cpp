//===- PartsTest.cpp - the same attention, computed in other ways -------------===//
#include "AttentionText.h"
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn::test;
using attn::reference::Precision;

/// Tokens [first, last) of axis 2.
static HostTensor tokens(const HostTensor &tensor, int64_t first, int64_t last) {
  SmallVector<int64_t> sizes(tensor.sizes);
  sizes[2] = last - first;
  HostTensor part(sizes, tensor.kind);
  int64_t inner = tensor.rank() == 4 ? tensor.size(3) : 1;
  for (int64_t head = 0; head < sizes[0] * sizes[1]; ++head)
    std::copy_n(tensor.values.begin() + (head * tensor.size(2) + first) * inner, sizes[2] * inner,
                part.values.begin() + head * sizes[2] * inner);
  return part;
}

static void put(HostTensor &whole, const HostTensor &part, int64_t first) {
  int64_t inner = whole.rank() == 4 ? whole.size(3) : 1;
  for (int64_t head = 0; head < whole.size(0) * whole.size(1); ++head)
    std::copy_n(part.values.begin() + head * part.size(2) * inner, part.size(2) * inner,
                whole.values.begin() + (head * whole.size(2) + first) * inner);
}

static Tensors zerosLike(ArrayRef<HostTensor> tensors) {
  Tensors zeros;
  for (const HostTensor &tensor : tensors)
    zeros.emplace_back(tensor.sizes, tensor.kind);
  return zeros;
}

/// Runs rows in chunks, each over the keys so far, by `entry`; all operands of `tokenOperands`
/// are cut to the keys so far.
static Tensors inChunks(Kernel &kernel, const Tensors &inputs, ArrayRef<int64_t> ends,
                        ArrayRef<unsigned> tokenOperands, const Tensors &like, StringRef entry) {
  Tensors whole = zerosLike(like);
  int64_t first = 0, before = inputs[tokenOperands[0]].size(2) - inputs[0].size(2);
  for (int64_t end : ends) {
    Tensors part = inputs;
    part[0] = tokens(inputs[0], first, end);
    for (unsigned operand : tokenOperands)
      part[operand] = tokens(inputs[operand], 0, before + end);
    Tensors found = results(kernel, part, entry);
    for (auto [i, tensor] : llvm::enumerate(found))
      put(whole[i], tensor, first);
    first = end;
  }
  return whole;
}

static const char *const gqaSpec = R"(attn.spec @s {query_heads = 6, key_heads = 2, qk_size = 32,
  rope = #attn.rope<dims = 32>, query_norm = #attn.norm_kind<kind = rms>,
  key_norm = #attn.norm_kind<kind = rms>, norm_gain, sinks,
  mask = #attn.mask<causal and (window<40> or sink<4>)>})";

namespace {
/// Grouped heads with everything that depends on positions.
class Sequence : public testing::Test {
protected:
  static void SetUpTestSuite() { kernel = Kernel::compile(gqaSpec); }
  static void TearDownTestSuite() { kernel.reset(); }
  void SetUp() override { ASSERT_TRUE(kernel); }

  inline static std::unique_ptr<Kernel> kernel;
};
} // namespace

TEST_F(Sequence, PrefillInChunksIsOnePrefill) {
  Tensors inputs = makeInputs(*kernel, {2, 80, 97}, 1, "prefill");
  Tensors exact = evaluate(*kernel, inputs, "prefill"),
          plain = evaluate(*kernel, inputs, "prefill", Precision::Plain);
  for (const SmallVector<int64_t> &ends :
       {SmallVector<int64_t>{80}, {1, 80}, {16, 32, 48, 64, 80}, {7, 20, 67, 80}})
    expectClose(inChunks(*kernel, inputs, ends, {1, 2}, exact, "prefill"), exact, plain);
}

TEST_F(Sequence, DecodeTokenByTokenIsPrefill) {
  Tensors inputs = makeInputs(*kernel, {2, 45, 61}, 1, "prefill");
  Tensors exact = evaluate(*kernel, inputs, "prefill"),
          plain = evaluate(*kernel, inputs, "prefill", Precision::Plain);
  auto ends = llvm::to_vector(llvm::seq<int64_t>(1, 46));
  expectClose(inChunks(*kernel, inputs, ends, {1, 2}, exact, "decode"), exact, plain);
}

/// A cache of `capacity` tokens in memory; what is not appended yet is NaN.
static Memory makeCache(int64_t batch, int64_t heads, int64_t capacity, int64_t size) {
  return Memory({batch, heads, capacity, size}, ElementKind::F32, Layout::TokenMajor);
}

/// The view of tokens [first, last) of a cache.
static attn_tensor view(const Memory &cache, int64_t first, int64_t last) {
  attn_tensor tensor = cache.tensor();
  tensor.data = static_cast<float *>(tensor.data) + first * tensor.strides[2];
  tensor.sizes[2] = last - first;
  return tensor;
}

TEST_F(Sequence, AppendedThroughViewsOfACacheAndDecoded) {
  constexpr int64_t length = 37, capacity = 64;
  Tensors queries = makeInputs(*kernel, {2, length, length}, 2, "prefill");
  // Raw keys and values, start, gain. The definition appends them at once.
  Tensors raw = makeInputs(*kernel, {2, length, length}, 1, "append");
  raw[1] = queries[2];
  raw[2].values[0] = 0;
  Tensors cached = evaluate(*kernel, raw, "append");
  queries[1] = cached[0], queries[2] = cached[1];
  Tensors exact = evaluate(*kernel, queries, "prefill"),
          plain = evaluate(*kernel, queries, "prefill", Precision::Plain), whole = zerosLike(exact);

  Memory keys = makeCache(2, 2, capacity, 32), values = makeCache(2, 2, capacity, 32);
  int64_t first = 0;
  for (int64_t end : {1, 2, 3, 20, 21, 36, 37}) {
    Tensors fresh = raw;
    fresh[0] = tokens(raw[0], first, end), fresh[1] = tokens(raw[1], first, end);
    fresh[2].values[0] = static_cast<double>(first);
    Launch append(*kernel, fresh, Layout::Gaps, "append");
    append.tensors[4] = view(keys, first, end), append.tensors[5] = view(values, first, end);
    ASSERT_EQ(append.run(), 0);

    Tensors asked = queries;
    asked[0] = tokens(queries[0], first, end);
    asked[1] = tokens(cached[0], 0, end), asked[2] = tokens(cached[1], 0, end);
    Launch decode(*kernel, asked, Layout::Gaps, "decode");
    decode.tensors[1] = view(keys, 0, end), decode.tensors[2] = view(values, 0, end);
    ASSERT_EQ(decode.run(), 0);
    for (unsigned i : {0, 1})
      put(whole[i], decode.output(i), first);
    first = end;
  }
  expectClose(whole, exact, plain);
  EXPECT_TRUE(keys.guardsIntact() && values.guardsIntact());
}

//===----------------------------------------------------------------------===//
// Latents
//===----------------------------------------------------------------------===//

TEST(Parts, AbsorbedLatentIsExpandedLatent) {
  auto kernel = Kernel::compile(R"(attn.spec @s {query_heads = 5, v_size = 40,
    latent = #attn.latent<kv_rank = 64, nope = 32, rope = 16>,
    rope = #attn.rope<dims = 16, layout = interleaved>})");
  ASSERT_TRUE(kernel);
  for (InputSizes sizes : {InputSizes{2, 33, 50}, {2, 1, 67}}) {
    Tensors inputs = makeInputs(*kernel, sizes, 1, "prefill");
    // One definition judges both kernels, each by its own form's plain error.
    Tensors exact = evaluate(*kernel, inputs, "prefill");
    for (const char *entry : {"prefill", "decode"})
      expectClose(results(*kernel, inputs, entry), exact,
                  evaluate(*kernel, inputs, entry, Precision::Plain));
  }
}

// A slot of the cache that is read, merged with new tokens and rewritten where it lies.
TEST(Parts, ASlotIsRewrittenInPlace) {
  auto kernel = Kernel::compile(R"(
    func.func @f(%cache: tensor<?x1x?x24xf32>, %new: tensor<?x1x1x24xf32>, %keep: tensor<?x1x1xf32>, %weight: tensor<?x1x1xf32>)
        -> tensor<?x1x?x24xf32> {
      %slot = attn.newest %cache : tensor<?x1x?x24xf32> -> tensor<?x1x1x24xf32>
      %merged = attn.gated_sum %slot, %new gates %keep, %weight : tensor<?x1x1x24xf32>, tensor<?x1x1xf32>
      %r = attn.append %cache, %merged : tensor<?x1x?x24xf32>, tensor<?x1x1x24xf32>
      return %r : tensor<?x1x?x24xf32>
    })");
  ASSERT_TRUE(kernel);
  constexpr int64_t length = 5, size = 24;
  Tensors inputs = makeInputs(*kernel, {3, length, length});
  ASSERT_EQ(inputs[0].values.size(), static_cast<size_t>(3 * length * size));
  // One sequence begins a slot: what lies there is not touched.
  inputs[2].values[1] = 0;
  std::fill_n(inputs[0].values.begin() + (2 * length - 1) * size, size, NAN);
  Tensors exact = evaluate(*kernel, inputs),
          plain = evaluate(*kernel, inputs, "f", Precision::Plain);
  expectClose(results(*kernel, inputs), exact, plain);
  Launch launch(*kernel, inputs, Layout::Gaps);
  launch.tensors.back() = launch.tensors.front();
  ASSERT_EQ(launch.run(), 0);
  expectClose({launch.memories.front().read()}, exact, plain);
}

//===----------------------------------------------------------------------===//
// Splits
//===----------------------------------------------------------------------===//

TEST(Parts, MergedSplitsAreTheWhole) {
  AttentionText text{"f", 4, 2, 2, 24, 24};
  text.mask = "";
  auto whole = Kernel::compile(text.str());
  auto split = Kernel::compile(R"(
    !q = tensor<?x4x?x24xf32>
    !k = tensor<?x2x?x24xf32>
    !l = tensor<?x4x?xf32>
    func.func @f(%q: !q, %k0: !k, %v0: !k, %k1: !k, %v1: !k, %k2: !k, %v2: !k) -> (!q, !l) {
      %o0, %l0 = attn.attention %q, %k0, %v0 scale(0.20412414523193154) : !q, !k, !k -> !q, !l
      %o1, %l1 = attn.attention %q, %k1, %v1 scale(0.20412414523193154) : !q, !k, !k -> !q, !l
      %o2, %l2 = attn.attention %q, %k2, %v2 scale(0.20412414523193154) : !q, !k, !k -> !q, !l
      %o, %l = attn.merge %o0, %o1, %o2 lse %l0, %l1, %l2 : !q, !l
      return %o, %l : !q, !l
    })");
  ASSERT_TRUE(whole && split);
  for (auto [first, second] :
       {std::pair(40, 80), {1, 119}, {0, 67}, {0, 0}, {120, 120}, {33, 34}}) {
    SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(second));
    Tensors inputs = makeInputs(*whole, {2, 19, 120});
    Tensors parts = {inputs[0]};
    for (auto [from, to] : {std::pair(0, first), {first, second}, {second, 120}})
      for (unsigned operand : {1, 2})
        parts.push_back(tokens(inputs[operand], from, to));
    expectClose(results(*split, parts), evaluate(*whole, inputs),
                evaluate(*split, parts, "f", Precision::Plain));
  }
}

TEST(Parts, MergeOfEmptyPartsIsEmpty) {
  auto kernel = Kernel::compile(R"(
    !o = tensor<?x3x?x24xf32>
    !l = tensor<?x3x?xf32>
    func.func @f(%o0: !o, %o1: !o, %l0: !l, %l1: !l) -> (!o, !l) {
      %o, %l = attn.merge %o0, %o1 lse %l0, %l1 : !o, !l
      return %o, %l : !o, !l
    })");
  ASSERT_TRUE(kernel);
  expectCorrect(*kernel, {2, 35, 35}, 1);
  const double infinity = std::numeric_limits<double>::infinity();
  Tensors inputs = makeInputs(*kernel, {1, 4, 4});
  // What an empty part holds does not matter.
  std::fill(inputs[0].values.begin(), inputs[0].values.end(),
            std::numeric_limits<double>::quiet_NaN());
  std::fill(inputs[2].values.begin(), inputs[2].values.end(), -infinity);
  std::fill(inputs[3].values.begin(), inputs[3].values.end(), 0.25);
  Tensors found = results(*kernel, inputs);
  EXPECT_EQ(found[0].values, inputs[1].values);
  std::fill(inputs[3].values.begin(), inputs[3].values.end(), -infinity);
  found = results(*kernel, inputs);
  for (double value : found[0].values)
    EXPECT_EQ(value, 0.0);
  for (double value : found[1].values)
    EXPECT_EQ(value, -infinity);
}

//===----------------------------------------------------------------------===//
// Functions of several operations
//===----------------------------------------------------------------------===//

TEST(Parts, TokenOperationsAroundAnAttention) {
  auto kernel = Kernel::compile(R"(
    !q = tensor<?x4x?x40xf32>
    !k = tensor<?x2x?x40xf32>
    !g = tensor<?x4x?xf32>
    func.func @f(%q: !q, %k: !k, %v: !k, %w: tensor<2x3x40xf32>, %mix: tensor<1x40x40xf32>,
                 %gain: tensor<4x40xf32>, %g0: !g, %g1: !g) -> !q {
      %qn = attn.norm %q gain(%gain : tensor<4x40xf32>) <kind = layer> : !q
      %qm = attn.expand %qn, %mix : !q, tensor<1x40x40xf32> -> !q
      %kc = attn.short_conv %k, %w : !k, tensor<2x3x40xf32>
      %ks = attn.scale %kc by 0.5 : !k
      %v4 = attn.select_heads %v [1, 0, 0, 1] : !k -> !q
      %a = attn.attention %qm, %ks, %v4 scale(0.2) mask(<causal>) : !q, !k, !q -> !q
      %b = attn.attention %q, %k, %v scale(0.2) mask(<window<9>>) : !q, !k, !k -> !q
      %o = attn.gated_sum %a, %b gates %g0, %g1 : !q, !g
      return %o : !q
    })");
  ASSERT_TRUE(kernel);
  uint64_t seed = 0;
  for (InputSizes sizes : {InputSizes{2, 19, 19}, {1, 1, 67}, {1, 50, 33}, {0, 5, 5}, {1, 3, 0}})
    expectCorrect(*kernel, sizes, ++seed);
}
