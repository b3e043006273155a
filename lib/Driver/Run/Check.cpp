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

static LogicalResult compareOutputs(const Launch &launch, ArrayRef<HostTensor> exact,
                                    ArrayRef<HostTensor> plain, RunRecord &record,
                                    std::string &verdict) {
  for (unsigned i = 0; i < launch.numOutputs(); ++i) {
    Comparison comparison = compare(launch.output(i), exact[i], plain[i]);
    keepWorst(record, comparison);
    if (!comparison.ok)
      return fail(verdict, "output '" + launch.outputName(i).str() + "': " + comparison.summary);
  }
  return success();
}

/// Promise 5: the number of threads changes no bit.
static LogicalResult compareThreads(Launch &launch, int32_t threads, std::string &verdict) {
  std::vector<std::vector<char>> before = launch.outputBytes();
  launch.poisonOutputs();
  std::string wrong = launch.run(/*threads=*/1);
  if (!wrong.empty())
    return fail(verdict, wrong);
  if (launch.outputBytes() != before)
    return fail(verdict, "expected the same bits from one thread as from " +
                             std::to_string(threads) + ", found others");
  return success();
}

LogicalResult attn::checkEntry(const Subject &subject, RunRecord &record, std::string &verdict) {
  auto inputs = makeInputs(subject.function, inputSizesOf(subject), subject.seed);
  if (failed(inputs))
    return fail(verdict, "no inputs can be made for it");
  Launch launch(subject.entry, subject.function, *inputs, /*guarded=*/true);
  std::string wrong = launch.run(subject.threads);
  if (!wrong.empty())
    return fail(verdict, wrong);
  std::string damaged = launch.damaged();
  if (!damaged.empty())
    return fail(verdict, "it wrote to memory of '" + damaged + "' that is not its to write");
  auto exact = evaluate(subject.function, *inputs, Precision::Exact);
  auto plain = evaluate(subject.function, *inputs, Precision::Plain);
  if (failed(exact) || failed(plain))
    return fail(verdict, "its definition cannot be evaluated");
  if (failed(compareOutputs(launch, *exact, *plain, record, verdict)) ||
      failed(compareThreads(launch, subject.threads, verdict)))
    return failure();
  return success();
}
