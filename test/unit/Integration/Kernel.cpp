//===- Kernel.cpp - compiles, launches and judges kernels ---------------------===//
#include "Kernel.h"

#include "attn/Driver/Compile.h"
#include "attn/Reference/Compare.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::test;
using reference::Precision;

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

TemporaryFolder::TemporaryFolder() {
  std::error_code code = llvm::sys::fs::createUniqueDirectory("attn-test", path);
  EXPECT_FALSE(code) << code.message();
}

TemporaryFolder::~TemporaryFolder() { llvm::sys::fs::remove_directories(path); }

std::string TemporaryFolder::file(StringRef name) const {
  SmallString<128> result(path);
  llvm::sys::path::append(result, name);
  return result.str().str();
}

std::unique_ptr<Kernel> Kernel::compile(const std::string &text, StringRef target) {
  static const bool registered = (registerCPUTarget(), true);
  (void)registered;
  std::unique_ptr<Kernel> kernel(new Kernel());
  CompileOptions options;
  options.input = kernel->temporary.file("input.mlir");
  options.output = kernel->bundleFolder = kernel->temporary.file("bundle");
  options.reproducer = kernel->temporary.file("reproducer.mlir");
  options.target = target.str();
  std::error_code code;
  llvm::raw_fd_ostream(options.input, code) << text;
  std::string error = code.message();
  if (!code && attn::compile(options, llvm::nulls(), kernel->diagnosticStream) == Outcome::Success)
    kernel->bundle = attn_rt::Bundle::open(kernel->bundleFolder, error);
  if (kernel->bundle && kernel->session.load(kernel->bundle->definition()) == Outcome::Success)
    return kernel;
  ADD_FAILURE() << kernel->diagnostics << error << "\n" << text;
  return nullptr;
}

const attn_rt::Entry &Kernel::entry(StringRef name) const {
  const attn_rt::Entry *found = bundle->find(name.str());
  EXPECT_TRUE(found) << name.str();
  return *found;
}

func::FuncOp Kernel::function(StringRef name) {
  auto found = session.module().lookupSymbol<func::FuncOp>(entry(name).name);
  EXPECT_TRUE(found) << name.str();
  return found;
}

int64_t Kernel::scheduled(StringRef field) const {
  auto manifest = llvm::MemoryBuffer::getFile(bundleFolder + "/manifest.json");
  SmallVector<StringRef> groups;
  int64_t number = -1;
  bool found =
      manifest && llvm::Regex(("[<,] ?" + field + " = ([0-9]+)").str())
                      .match((*manifest)->getBuffer().split("attn.schedule").second, &groups);
  EXPECT_TRUE(found && !groups[1].getAsInteger(10, number)) << "no " << field.str();
  return number;
}

//===----------------------------------------------------------------------===//
// Launching
//===----------------------------------------------------------------------===//

/// A returned argument has its own sizes; other results have the first argument's batch and rows.
static SmallVector<int64_t> resultSizes(Value result, ArrayRef<HostTensor> inputs) {
  if (auto argument = dyn_cast<BlockArgument>(result))
    return inputs[argument.getArgNumber()].sizes;
  SmallVector<int64_t> sizes(cast<RankedTensorType>(result.getType()).getShape());
  for (auto [axis, size] : llvm::enumerate(sizes))
    if (ShapedType::isDynamic(size))
      size = inputs[0].size(static_cast<int64_t>(axis));
  return sizes;
}

Launch::Launch(Kernel &kernel, ArrayRef<HostTensor> inputs, Layout layout, StringRef name)
    : numInputs(inputs.size()), entry(kernel.entry(name)) {
  for (const HostTensor &input : inputs) {
    memories.emplace_back(input.sizes, input.kind, layout).write(input);
    given.push_back(input.toBytes());
  }
  for (Value result : kernel.function(name).getBody().front().getTerminator()->getOperands())
    memories.emplace_back(resultSizes(result, inputs),
                          *reference::elementKindOf(getElementTypeOrSelf(result.getType())),
                          layout);
  for (const Memory &memory : memories)
    tensors.push_back(memory.tensor());
}

int32_t Launch::run(int32_t threads) {
  for (unsigned i = numInputs; i < memories.size(); ++i)
    memories[i].poison();
  return entry.function(tensors.data(), static_cast<int64_t>(tensors.size()), threads);
}

std::vector<char> Launch::bits() const {
  std::vector<char> all;
  for (unsigned i = numInputs; i < memories.size(); ++i)
    llvm::append_range(all, memories[i].bytes());
  return all;
}

std::string Launch::damaged() const {
  for (auto [i, memory] : llvm::enumerate(memories))
    if (!memory.guardsIntact() || (i < numInputs && memory.bytes() != given[i]))
      return entry.arguments[i].name;
  return "";
}

//===----------------------------------------------------------------------===//
// Judging
//===----------------------------------------------------------------------===//

std::string test::describe(InputSizes sizes) {
  return "batch " + std::to_string(sizes.batch) + ", rows " + std::to_string(sizes.queryLength) +
         ", keys " + std::to_string(sizes.keyLength);
}

Tensors test::makeInputs(Kernel &kernel, InputSizes sizes, uint64_t seed, StringRef entry) {
  auto inputs = reference::makeInputs(kernel.function(entry), sizes, seed);
  EXPECT_TRUE(succeeded(inputs));
  return succeeded(inputs) ? std::move(*inputs) : Tensors();
}

Tensors test::evaluate(Kernel &kernel, ArrayRef<HostTensor> inputs, StringRef entry,
                       Precision precision) {
  auto results = reference::evaluate(kernel.function(entry), inputs, precision);
  EXPECT_TRUE(succeeded(results)) << "the definition cannot be evaluated";
  return succeeded(results) ? std::move(*results) : Tensors();
}

Tensors test::results(Kernel &kernel, ArrayRef<HostTensor> inputs, StringRef entry) {
  Launch launch(kernel, inputs, Layout::Dense, entry);
  EXPECT_EQ(launch.run(), 0);
  Tensors all;
  for (unsigned i = 0; i < launch.numOutputs(); ++i)
    all.push_back(launch.output(i));
  return all;
}

void test::expectClose(ArrayRef<HostTensor> actual, ArrayRef<HostTensor> exact,
                       ArrayRef<HostTensor> plain) {
  ASSERT_EQ(actual.size(), exact.size());
  ASSERT_EQ(plain.size(), exact.size());
  for (auto [i, tensor] : llvm::enumerate(actual)) {
    reference::Comparison comparison = reference::compare(tensor, exact[i], plain[i]);
    EXPECT_TRUE(comparison.ok) << "output " << i << ", element " << comparison.firstBadIndex << ": "
                               << comparison.summary;
  }
}

void test::expectCorrect(Kernel &kernel, ArrayRef<HostTensor> inputs, Layout layout,
                         StringRef entry) {
  Launch launch(kernel, inputs, layout, entry);
  ASSERT_EQ(launch.run(), 0);
  EXPECT_EQ(launch.damaged(), "");
  Tensors actual;
  for (unsigned i = 0; i < launch.numOutputs(); ++i)
    actual.push_back(launch.output(i));
  expectClose(actual, evaluate(kernel, inputs, entry),
              evaluate(kernel, inputs, entry, Precision::Plain));
}

void test::expectCorrect(Kernel &kernel, InputSizes sizes, uint64_t seed, StringRef entry) {
  SCOPED_TRACE(describe(sizes) + ", seed " + std::to_string(seed));
  expectCorrect(kernel, makeInputs(kernel, sizes, seed, entry), everyLayout[seed % 5], entry);
}

void test::expectSameBits(Kernel &kernel, InputSizes sizes, StringRef entry) {
  SCOPED_TRACE(describe(sizes));
  Tensors inputs = makeInputs(kernel, sizes, 1, entry);
  Launch alone(kernel, inputs, Layout::Dense, entry);
  ASSERT_EQ(alone.run(1), 0);
  std::vector<char> bits = alone.bits();
  for (Layout layout : {Layout::Dense, Layout::TokenMajor, Layout::PagePerRow}) {
    Launch launch(kernel, inputs, layout, entry);
    for (int32_t threads : {1, 2, 3, 9, 0, -1})
      for (int repeat = 0; repeat < 3; ++repeat) {
        ASSERT_EQ(launch.run(threads), 0);
        ASSERT_EQ(launch.bits(), bits) << threads << " threads";
      }
  }
}
