//===- Kernel.h - compiles, launches and judges kernels -----------------------===//
#ifndef ATTN_TEST_INTEGRATION_KERNEL_H
#define ATTN_TEST_INTEGRATION_KERNEL_H

#include "Memory.h"

#include "attn/Driver/Session.h"
#include "attn/Reference/Evaluate.h"
#include "attn/Reference/Inputs.h"
#include "attn/Runtime/Bundle.h"
#include "gtest/gtest.h"

#include <functional>
#include <memory>
#include <string>

namespace mlir::attn::test {

using reference::ElementKind;
using reference::HostTensor;
using reference::InputSizes;
using Tensors = SmallVector<HostTensor>;

/// A folder that is gone with the object.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  /// The path of a file in it.
  std::string file(StringRef name) const;

private:
  SmallString<128> path;
};

/// The bundle of an input, and the functions that define its entries.
class Kernel {
public:
  /// Compiles `text` (the dialect) for `target`. Fails the test, with the diagnostics, and gives
  /// null when that does not work.
  static std::unique_ptr<Kernel> compile(const std::string &text, StringRef target = "cpu");

  /// By name or role.
  const attn_rt::Entry &entry(StringRef name = "f") const;
  func::FuncOp function(StringRef name = "f");
  /// A number of the schedule of the first attention, such as "keys".
  int64_t scheduled(StringRef field) const;
  const std::string &folder() const { return bundleFolder; }

private:
  Kernel() : diagnosticStream(diagnostics), session(diagnosticStream) {}

  TemporaryFolder temporary;
  std::string bundleFolder, diagnostics;
  llvm::raw_string_ostream diagnosticStream;
  Session session;
  std::unique_ptr<attn_rt::Bundle> bundle;
};

/// Arguments of one entry in memory.
class Launch {
public:
  Launch(Kernel &kernel, ArrayRef<HostTensor> inputs, Layout layout = Layout::Dense,
         StringRef entry = "f");

  /// Poisons the outputs and calls the kernel. Returns its code.
  int32_t run(int32_t threads = 0);
  unsigned numOutputs() const { return memories.size() - numInputs; }
  HostTensor output(unsigned i) const { return memories[numInputs + i].read(); }
  /// The elements of all outputs.
  std::vector<char> bits() const;
  /// Name of an argument of which something was written that is not an output's element; empty
  /// when there is none.
  std::string damaged() const;

  std::vector<Memory> memories;
  std::vector<attn_tensor> tensors;
  unsigned numInputs;

private:
  const attn_rt::Entry &entry;
  std::vector<std::vector<char>> given;
};

/// Random inputs that make sense for an entry.
Tensors makeInputs(Kernel &kernel, InputSizes sizes, uint64_t seed = 1, StringRef entry = "f");

/// The exact results.
Tensors evaluate(Kernel &kernel, ArrayRef<HostTensor> inputs, StringRef entry = "f",
                 reference::Precision precision = reference::Precision::Exact);

/// What a kernel gives for inputs in dense memory.
Tensors results(Kernel &kernel, ArrayRef<HostTensor> inputs, StringRef entry = "f");

/// Expects the kernel's outputs to be as exact as they must be, all written, nothing else touched.
void expectCorrect(Kernel &kernel, ArrayRef<HostTensor> inputs, Layout layout = Layout::Dense,
                   StringRef entry = "f");
/// The same for random inputs; a number that differs from call to call chooses the layout.
void expectCorrect(Kernel &kernel, InputSizes sizes, uint64_t seed = 1, StringRef entry = "f");

/// Expects the same bits from one to nine threads, in several runs and layouts.
void expectSameBits(Kernel &kernel, InputSizes sizes, StringRef entry = "f");

/// Expects tensors of a kernel to be as near to the exact ones as the plain ones are.
void expectClose(ArrayRef<HostTensor> actual, ArrayRef<HostTensor> exact,
                 ArrayRef<HostTensor> plain);

std::string describe(InputSizes sizes);

} // namespace mlir::attn::test

#endif // ATTN_TEST_INTEGRATION_KERNEL_H
