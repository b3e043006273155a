//===- Elaborate.cpp - specs become functions: names, order, pass ---===//

#include "attn/IR/AttnRecords.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::attn {

#define GEN_PASS_DEF_ELABORATEPASS
#include "attn/Rewrite/Passes.h.inc"

static constexpr Entry allEntries[] = {Entry::Prefill,     Entry::Decode,     Entry::Append,
                                       Entry::PrefillCore, Entry::DecodeCore, Entry::LayerPrefill,
                                       Entry::LayerDecode};
static constexpr StringRef entryNames[] = {
    "prefill", "decode", "append", "prefill-core", "decode-core", "layer-prefill", "layer-decode"};
/// Cores and layers are written when they are asked for: they are other cuts of the same thing, and
/// a layer needs the model's width.
static constexpr size_t defaultEntries = 3;

StringRef stringifyEntry(Entry entry) { return entryNames[static_cast<size_t>(entry)]; }

std::optional<Entry> symbolizeEntry(StringRef word) {
  for (Entry entry : allEntries)
    if (stringifyEntry(entry) == word)
      return entry;
  return std::nullopt;
}

LogicalResult elaborateSpec(SpecOp spec, ArrayRef<Entry> entries,
                            SmallVectorImpl<func::FuncOp> *written) {
  Operation *last = spec;
  for (Entry entry : entries) {
    FailureOr<func::FuncOp> function = elaborateEntry(spec, entry, last);
    if (failed(function))
      return failure();
    if (!*function)
      continue;
    last = *function;
    if (written)
      written->push_back(*function);
  }
  return success();
}

/// The entries a user named, or those of an attention alone.
static FailureOr<SmallVector<Entry>> parseEntries(Operation *op, ArrayRef<std::string> words) {
  SmallVector<Entry> entries;
  for (const std::string &word : words) {
    std::optional<Entry> entry = symbolizeEntry(word);
    if (!entry) {
      InFlightDiagnostic error = op->emitError("expected entries among ")
                                 << llvm::join(ArrayRef(entryNames), ", ") << "; found '" << word
                                 << "'";
      if (StringRef near = nearestWord(word, entryNames); !near.empty())
        error << "; did you mean '" << near << "'?";
      return error;
    }
    entries.push_back(*entry);
  }
  if (entries.empty())
    entries.assign(allEntries, allEntries + defaultEntries);
  return entries;
}

namespace {
struct ElaboratePass : impl::ElaboratePassBase<ElaboratePass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<std::string> words(entries.begin(), entries.end());
    FailureOr<SmallVector<Entry>> wanted = parseEntries(getOperation(), words);
    if (failed(wanted))
      return signalPassFailure();
    for (SpecOp spec : llvm::make_early_inc_range(getOperation().getOps<SpecOp>())) {
      SmallVector<func::FuncOp> written;
      if (failed(elaborateSpec(spec, *wanted, &written)))
        return signalPassFailure();
      ++numSpecs;
      numFunctions += written.size();
    }
  }
};
} // namespace

} // namespace mlir::attn
