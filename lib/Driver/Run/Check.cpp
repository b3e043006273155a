//===- Check.cpp - compares an entry with its definition ------------------===//

#include "Measure.h"

#include "attn/Reference/Compare.h"
#include "attn/Reference/Evaluate.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

static InputSizes inputSizesOf(const Subject &subject) {
  return {subject.sizes.batch, *subject.sizes.queryLength, subject.sizes.keyLength};
}

static LogicalResult fail(std::string &verdict, std::string text) {
  verdict = std::move(text);
  return failure();
}

/// The judgement whose error is the largest part of its allowance is kept.
static void keepWorst(RunRecord &record, const Comparison &comparison) {
  if (record.errorRatio && *record.errorRatio >= comparison.ratio)
    return;
  record.errorRatio = comparison.ratio;
  record.maxError = comparison.maxError;
  record.allowedError = comparison.allowedMax;
}

//===----------------------------------------------------------------------===//
// Sampled rows
//===----------------------------------------------------------------------===//

/// The evenly spread rows of a [batch][head][row]... tensor that are compared, as positions among
/// all rows.
static std::vector<int64_t> sampledRows(int64_t rows, const RowSample &sample) {
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < rows; ++i)
    if (sample.has(i))
      chosen.push_back(i);
  return chosen;
}

/// The chosen rows of an output (rank 4, or 3 for one number per row) alone.
static HostTensor gather(const HostTensor &tensor, const RowSample &sample) {
  if (sample.isAll() || tensor.rank() < 3)
    return tensor;
  int64_t rows = tensor.size(0) * tensor.size(1) * tensor.size(2),
          width = tensor.rank() == 4 ? tensor.size(3) : 1;
  std::vector<int64_t> chosen = sampledRows(rows, sample);
  HostTensor out({1, 1, static_cast<int64_t>(chosen.size()), width}, tensor.kind);
  for (auto [to, from] : llvm::enumerate(chosen))
    std::copy_n(tensor.values.begin() + from * width, width,
                out.values.begin() + static_cast<int64_t>(to) * width);
  return out;
}

/// Every n-th of all rows, n odd, so that all positions in a tile are met.
static RowSample sampleOf(const Subject &subject, const Launch &launch) {
  int64_t rows = 0;
  for (unsigned i = 0; i < launch.numOutputs(); ++i)
    rows = std::max(rows, launch.outputRows(i));
  return RowSample::spread(rows, subject.rows);
}

static LogicalResult compareOutputs(const Launch &launch, ArrayRef<HostTensor> exact,
                                    ArrayRef<HostTensor> plain, const RowSample &sample,
                                    RunRecord &record, std::string &verdict) {
  for (unsigned i = 0; i < launch.numOutputs(); ++i) {
    Comparison comparison = compare(gather(launch.output(i), sample), gather(exact[i], sample),
                                    gather(plain[i], sample));
    keepWorst(record, comparison);
    if (!comparison.ok)
      return fail(verdict, "output '" + launch.outputName(i).str() + "': " + comparison.summary);
  }
  return success();
}

/// Promise 5: neither a second launch nor the number of threads changes a bit.
static LogicalResult compareThreads(Launch &launch, const Subject &subject, std::string &verdict) {
  std::vector<std::vector<char>> before = launch.outputBytes();
  launch.poisonOutputs();
  std::string wrong = launch.run(/*threads=*/1);
  if (!wrong.empty())
    return fail(verdict, wrong);
  if (launch.outputBytes() == before)
    return success();
  return fail(verdict, subject.device ? "expected the same bits from a second launch, found others"
                                      : "expected the same bits from one thread as from " +
                                            std::to_string(subject.threads) + ", found others");
}

LogicalResult attn::checkEntry(const Subject &subject, RunRecord &record, std::string &verdict) {
  auto inputs = makeInputs(subject.function, inputSizesOf(subject), subject.seed);
  if (failed(inputs))
    return fail(verdict, "no inputs can be made for it");
  Launch launch(subject.entry, subject.function, *inputs, /*guarded=*/true, subject.device);
  std::string wrong = launch.run(subject.threads);
  if (!wrong.empty())
    return fail(verdict, wrong);
  std::string damaged = launch.damaged();
  if (!damaged.empty())
    return fail(verdict, "it wrote to memory of '" + damaged + "' that is not its to write");
  RowSample sample = sampleOf(subject, launch);
  record.checkedRows = sample.count();
  record.isSampled = !sample.isAll();
  auto exact = evaluate(subject.function, *inputs, Precision::Exact, sample);
  auto plain = evaluate(subject.function, *inputs, Precision::Plain, sample);
  if (failed(exact) || failed(plain))
    return fail(verdict, "its definition cannot be evaluated");
  if (failed(compareOutputs(launch, *exact, *plain, sample, record, verdict)) ||
      failed(compareThreads(launch, subject, verdict)))
    return failure();
  return success();
}
