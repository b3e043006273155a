//===- RunKernels.cpp - loads or compiles a bundle and goes through it ----===//

#include "Measure.h"

#include "attn/Driver/Compile.h"
#include "attn/Driver/Options.h"
#include "attn/Reference/Evaluate.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <thread>
#include <unistd.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

/// A folder that is gone with the object.
struct TemporaryFolder {
  SmallString<128> path;
  std::error_code make() { return llvm::sys::fs::createUniqueDirectory("attn-run", path); }
  ~TemporaryFolder() {
    if (!path.empty())
      llvm::sys::fs::remove_directories(path);
  }
};

/// A run over the entries of one input.
class Runner {
public:
  Runner(const RunOptions &options, raw_ostream &out, raw_ostream &diagnostics,
         std::vector<RunRecord> &records)
      : options(options), out(out), diagnostics(diagnostics), records(records),
        session(diagnostics) {}

  Outcome run();

private:
  const RunOptions &options;
  raw_ostream &out, &diagnostics;
  std::vector<RunRecord> &records;
  TemporaryFolder compiled;
  /// Holds the definition.
  Session session;
  std::unique_ptr<attn_rt::Bundle> bundle;
  std::optional<double> compileSeconds;
  std::optional<MachineCeiling> ceiling;

  bool wantsCheck() const { return options.check || !options.bench; }
  int32_t threads() const {
    return options.threads > 0 ? options.threads : std::thread::hardware_concurrency();
  }
  Outcome open();
  Outcome compileFirst(std::string &folder);
  Outcome checkSelection();
  bool isSelected(const attn_rt::Entry &entry) const;
  Outcome runEntry(const attn_rt::Entry &entry);
  ReportSizes sizesFor(const attn_rt::Entry &entry, bool forCheck) const;
  RunRecord makeRecord(const attn_rt::Entry &entry, func::FuncOp function,
                       const ReportSizes &sizes) const;
  Outcome refuseHugeSizes(const attn_rt::Entry &entry, const Cost &cost);
  Outcome check(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record);
  Outcome bench(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record);
  void printHead(StringRef what, const attn_rt::Entry &entry, const Cost &cost);
};

} // namespace

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Outcome Runner::compileFirst(std::string &folder) {
  if (std::error_code code = compiled.make())
    return session.error("cannot make a temporary folder: " + code.message());
  folder = (compiled.path + "/bundle").str();
  CompileOptions compileOptions;
  compileOptions.input = options.input;
  compileOptions.dtype = options.dtype;
  compileOptions.target = options.target;
  compileOptions.entries = options.entries;
  auto start = std::chrono::steady_clock::now();
  Session compiling(diagnostics);
  Outcome outcome = compiling.load(options.input);
  if (outcome == Outcome::Success)
    outcome = compileBundle(compiling, compileOptions, folder);
  compileSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

Outcome Runner::open() {
  std::string folder = options.input, error;
  if (!llvm::sys::fs::is_directory(options.input)) {
    Outcome outcome = compileFirst(folder);
    if (outcome != Outcome::Success)
      return outcome;
  } else if (!options.target.empty() || !options.dtype.empty()) {
    return session.error("a bundle is compiled already; --target and --dtype apply to .mlir and "
                         ".json inputs");
  }
  bundle = attn_rt::Bundle::open(folder, error);
  if (!bundle)
    return session.error(error);
  return session.load(bundle->definition());
}

bool Runner::isSelected(const attn_rt::Entry &entry) const {
  return options.entries.empty() || llvm::any_of(options.entries, [&](const std::string &name) {
           return name == entry.name || name == entry.role;
         });
}

Outcome Runner::checkSelection() {
  std::vector<std::string> known;
  for (const attn_rt::Entry &entry : bundle->entries()) {
    known.push_back(entry.name);
    if (!entry.role.empty() && !llvm::is_contained(known, entry.role))
      known.push_back(entry.role);
  }
  for (const std::string &name : options.entries)
    if (!bundle->find(name))
      return session.error("--entry: expected one of " + llvm::join(known, ", ") + ", found '" +
                           name + "'" + suggestion(name, known));
  return Outcome::Success;
}

//===----------------------------------------------------------------------===//
// One entry
//===----------------------------------------------------------------------===//

/// Checks want short odd lengths, so that every tile has a tail, and a thousand rows in common
/// models; timings want long ones.
ReportSizes Runner::sizesFor(const attn_rt::Entry &entry, bool forCheck) const {
  ReportSizes sizes;
  sizes.batch = options.batch.value_or(forCheck ? 2 : 1);
  sizes.keyLength = options.keyLength.value_or(forCheck ? 131 : 2048);
  int64_t rows = StringRef(entry.role).ends_with("decode") ? 1 : forCheck ? 67 : sizes.keyLength;
  sizes.queryLength = options.queryLength.value_or(rows);
  return sizes;
}

/// The element type that the entry computes in: that of its first tensor of rank 4.
static std::string dtypeOf(const attn_rt::Entry &entry) {
  for (const attn_rt::Argument &argument : entry.arguments)
    if (argument.shape.size() == 4)
      return attn_rt::dtypeName(argument.dtype);
  return "f32";
}

RunRecord Runner::makeRecord(const attn_rt::Entry &entry, func::FuncOp function,
                             const ReportSizes &sizes) const {
  RunRecord record;
  record.name = entry.name;
  record.model = bundle->name();
  record.target = bundle->target();
  record.dtype = dtypeOf(entry);
  record.threads = threads();
  record.heads = headFactsOf(function);
  record.cost = costOf(function, sizes);
  record.compileSeconds = compileSeconds;
  return record;
}

/// Values are kept as doubles beside the kernel's memory, exact and plain.
Outcome Runner::refuseHugeSizes(const attn_rt::Entry &entry, const Cost &cost) {
  constexpr double bytesPerByte = 12;
  double machine = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  if (cost.bytes * bytesPerByte <= machine)
    return Outcome::Success;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(
      ": these sizes need about %.0f MB of memory, the machine has %.0f MB; choose a smaller "
      "--batch, --q-len or --kv-len",
      cost.bytes * bytesPerByte / 1e6, machine / 1e6);
  return session.error(entry.name + text);
}

void Runner::printHead(StringRef what, const attn_rt::Entry &entry, const Cost &cost) {
  out << what << " " << llvm::left_justify(entry.name, 28) << " batch " << cost.batch << " q "
      << cost.queryLength << " kv " << cost.keyLength << "  ";
}

Outcome Runner::check(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record) {
  Subject subject{entry, function, sizesFor(entry, /*forCheck=*/true), threads(),
                  static_cast<uint64_t>(options.seed)};
  record.cost = costOf(function, subject.sizes);
  Outcome outcome = refuseHugeSizes(entry, record.cost);
  if (outcome != Outcome::Success)
    return outcome;
  std::string verdict;
  bool ok = succeeded(checkEntry(subject, record, verdict));
  printHead("check", entry, record.cost);
  if (record.errorRatio)
    out << llvm::format("max error %.3g of %.3g allowed, ratio %.2f  ", *record.maxError,
                        *record.allowedError, *record.errorRatio);
  out << (ok ? "ok" : "WRONG") << "\n";
  return ok ? Outcome::Success : session.error(entry.name + ": " + verdict);
}

Outcome Runner::bench(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record) {
  Subject subject{entry, function, sizesFor(entry, /*forCheck=*/false), threads(),
                  static_cast<uint64_t>(options.seed)};
  record.cost = costOf(function, subject.sizes);
  Outcome outcome = refuseHugeSizes(entry, record.cost);
  if (outcome != Outcome::Success)
    return outcome;
  if (!ceiling)
    ceiling = measureCeiling(threads());
  std::string verdict;
  if (failed(benchEntry(subject, *ceiling, record, verdict)))
    return session.error(entry.name + ": " + verdict);
  printHead("bench", entry, record.cost);
  double seconds = *record.medianSeconds;
  out << llvm::format("median %.3f ms  %.4f TFLOP/s  %.2f GB/s  %.0f %% of the ceiling\n",
                      seconds * 1e3, record.cost.flops / seconds / 1e12,
                      record.cost.bytes / seconds / 1e9, *record.ceilingShare * 100);
  return Outcome::Success;
}

Outcome Runner::runEntry(const attn_rt::Entry &entry) {
  auto function = session.module().lookupSymbol<func::FuncOp>(entry.name);
  if (!function)
    return session.error("expected function @" + entry.name + " in " + bundle->definition() +
                         ", found none; the bundle is damaged, compile it again");
  records.push_back(makeRecord(entry, function, sizesFor(entry, wantsCheck())));
  RunRecord &record = records.back();
  Outcome outcome = wantsCheck() ? check(entry, function, record) : Outcome::Success;
  if (outcome == Outcome::Success && options.bench)
    outcome = bench(entry, function, record);
  return outcome;
}

Outcome Runner::run() {
  Outcome outcome = open();
  if (outcome == Outcome::Success)
    outcome = checkSelection();
  if (outcome != Outcome::Success)
    return outcome;
  // Every entry is run, so that one mistake does not hide another.
  for (const attn_rt::Entry &entry : bundle->entries())
    if (isSelected(entry))
      outcome = std::max(outcome, runEntry(entry));
  return outcome;
}

Outcome attn::runKernels(const RunOptions &options, raw_ostream &out, raw_ostream &diagnostics,
                         std::vector<RunRecord> &records) {
  return Runner(options, out, diagnostics, records).run();
}
