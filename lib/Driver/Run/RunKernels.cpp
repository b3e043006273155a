//===- RunKernels.cpp - loads or compiles a bundle and goes through it ----===//

#include "Definition.h"
#include "Measure.h"

#include "attn/Driver/Options.h"
#include "attn/Reference/Evaluate.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

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
      : options(options), out(out), diagnostics(diagnostics), records(records) {}

  Outcome run();

private:
  const RunOptions &options;
  raw_ostream &out, &diagnostics;
  std::vector<RunRecord> &records;
  TemporaryFolder compiled;
  Definition definition;
  std::unique_ptr<attn_rt::Bundle> bundle;
  /// Of a bundle for a GPU.
  std::unique_ptr<Device> device;
  std::optional<double> compileSeconds;
  std::optional<MachineCeiling> ceiling;

  bool wantsCheck() const { return options.check || !options.bench; }
  int32_t threads() const {
    return options.threads > 0 ? options.threads : std::thread::hardware_concurrency();
  }
  Outcome error(const Twine &message) {
    diagnostics << "error: " << message << "\n";
    return Outcome::UserError;
  }
  Outcome open();
  Outcome openDevice();
  Outcome compileFirst(std::string &folder);
  Outcome checkSelection();
  bool isSelected(const attn_rt::Entry &entry) const;
  Outcome runEntry(const attn_rt::Entry &entry);
  ReportSizes sizesFor(const attn_rt::Entry &entry, bool forCheck) const;
  RunRecord makeRecord(const attn_rt::Entry &entry, func::FuncOp function,
                       const ReportSizes &sizes) const;
  Outcome refuseHugeSizes(const attn_rt::Entry &entry, const Cost &cost);
  Subject subjectOf(const attn_rt::Entry &entry, func::FuncOp function, bool forCheck);
  Outcome measureCeilings();
  Outcome check(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record);
  Outcome bench(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record);
  void printHead(StringRef what, const attn_rt::Entry &entry, const Cost &cost);
};

} // namespace

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

/// The compiler that was installed with this program.
static std::string findCompiler() {
  void *here = reinterpret_cast<void *>(&findCompiler);
  SmallString<256> path(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(nullptr, here)));
  llvm::sys::path::append(path, "attn-compile");
  if (llvm::sys::fs::can_execute(path))
    return path.str().str();
  auto found = llvm::sys::findProgramByName("attn-compile");
  return found ? *found : "";
}

static std::vector<std::string> compilerArguments(const RunOptions &options,
                                                  const std::string &folder) {
  std::vector<std::string> arguments = {"attn-compile", options.input, "-o", folder};
  if (!options.target.empty())
    arguments.push_back("--target=" + options.target);
  if (!options.dtype.empty())
    arguments.push_back("--dtype=" + options.dtype);
  if (!options.entries.empty())
    arguments.push_back("--entry=" + llvm::join(options.entries, ","));
  return arguments;
}

/// attn-compile is a program of its own, so that this one needs no compiler to run a bundle.
Outcome Runner::compileFirst(std::string &folder) {
  std::string compiler = findCompiler(), message;
  if (compiler.empty())
    return error("expected attn-compile beside this program or in the path to compile '" +
                 options.input + "', found none; install it, or hand over a bundle");
  if (std::error_code code = compiled.make())
    return error("cannot make a temporary folder: " + code.message());
  folder = (compiled.path + "/bundle").str();
  std::vector<std::string> arguments = compilerArguments(options, folder);
  auto start = std::chrono::steady_clock::now();
  int code = llvm::sys::ExecuteAndWait(compiler,
                                       SmallVector<StringRef>(arguments.begin(), arguments.end()),
                                       std::nullopt, {}, 0, 0, &message);
  compileSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (code == 0 || code == 1)
    return static_cast<Outcome>(code);
  if (code < 0)
    error("cannot run " + compiler + ": " + message);
  return Outcome::InternalError;
}

/// A bundle for a GPU needs one, even when nothing but its arguments were to be looked at.
Outcome Runner::openDevice() {
  std::string wrong;
  if (!bundle->isGpu())
    return Outcome::Success;
  device = Device::open(wrong);
  if (device)
    return Outcome::Success;
  return error("'" + options.input + "' is compiled for " + bundle->target() + ": " + wrong +
               "; run it on a machine with such a GPU, or compile it with --target=cpu");
}

Outcome Runner::open() {
  std::string folder = options.input, wrong;
  if (!llvm::sys::fs::is_directory(options.input)) {
    Outcome outcome = compileFirst(folder);
    if (outcome != Outcome::Success)
      return outcome;
  } else if (!options.target.empty() || !options.dtype.empty()) {
    return error("a bundle is compiled already; --target and --dtype apply to .mlir and "
                 ".json inputs");
  }
  bundle = attn_rt::Bundle::open(folder, wrong);
  if (!bundle)
    return error(wrong);
  return definition.load(bundle->definition(), diagnostics) ? Outcome::Success : Outcome::UserError;
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
      return error("--entry: expected one of " + llvm::join(known, ", ") + ", found '" + name +
                   "'" + suggestion(name, known));
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
  int64_t rows = isDecodeRole(entry.role) ? 1 : forCheck ? 67 : sizes.keyLength;
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
  record.device = device ? device->name() : "";
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
  double free = device ? static_cast<double>(device->freeMemory()) : cost.bytes;
  bool fits = cost.bytes * bytesPerByte <= machine;
  if (fits && cost.bytes <= free)
    return Outcome::Success;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(
      ": these sizes need about %.0f MB of memory, the %s has %.0f MB; choose a smaller "
      "--batch, --q-len or --kv-len",
      (fits ? cost.bytes : cost.bytes * bytesPerByte) / 1e6, fits ? "GPU" : "machine",
      (fits ? free : machine) / 1e6);
  return error(entry.name + text);
}

/// The reference does about a thousand million operations a second and processor.
static int64_t rowsToCheck(const RunOptions &options, const RunRecord &record) {
  const Cost &cost = record.cost;
  constexpr double bound = 2e10;
  constexpr int64_t least = 1024, all = int64_t(1) << 40;
  if (options.rows > 0)
    return options.rows;
  double share = cost.flops > 0 ? bound / cost.flops : 1;
  double rows = static_cast<double>(cost.batch * cost.queryLength) * record.heads.queryHeads;
  return share >= 1 ? all : std::max(least, static_cast<int64_t>(share * rows));
}

void Runner::printHead(StringRef what, const attn_rt::Entry &entry, const Cost &cost) {
  out << what << " " << llvm::left_justify(entry.name, 28) << " batch " << cost.batch << " q "
      << cost.queryLength << " kv " << cost.keyLength << "  ";
}

Subject Runner::subjectOf(const attn_rt::Entry &entry, func::FuncOp function, bool forCheck) {
  return {entry,
          function,
          sizesFor(entry, forCheck),
          threads(),
          static_cast<uint64_t>(options.seed),
          device.get(),
          /*rows=*/0};
}

Outcome Runner::check(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record) {
  Subject subject = subjectOf(entry, function, /*forCheck=*/true);
  record.cost = costOf(function, subject.sizes);
  subject.rows = rowsToCheck(options, record);
  Outcome outcome = refuseHugeSizes(entry, record.cost);
  if (outcome != Outcome::Success)
    return outcome;
  std::string verdict;
  bool ok = succeeded(checkEntry(subject, record, verdict));
  printHead("check", entry, record.cost);
  if (record.isSampled)
    out << *record.checkedRows << " rows  ";
  if (record.errorRatio)
    out << llvm::format("max error %.3g of %.3g allowed, ratio %.2f  ", *record.maxError,
                        *record.allowedError, *record.errorRatio);
  out << (ok ? "ok" : "WRONG") << "\n";
  return ok ? Outcome::Success : error(entry.name + ": " + verdict);
}

/// Once per run.
Outcome Runner::measureCeilings() {
  if (ceiling)
    return Outcome::Success;
  ceiling = device ? MachineCeiling() : measureCeiling(threads());
  std::string wrong = device ? device->measureCeiling(*ceiling) : "";
  return wrong.empty() ? Outcome::Success : error(wrong);
}

Outcome Runner::bench(const attn_rt::Entry &entry, func::FuncOp function, RunRecord &record) {
  Subject subject = subjectOf(entry, function, /*forCheck=*/false);
  record.cost = costOf(function, subject.sizes);
  Outcome outcome = refuseHugeSizes(entry, record.cost);
  if (outcome != Outcome::Success)
    return outcome;
  outcome = measureCeilings();
  if (outcome != Outcome::Success)
    return outcome;
  std::string verdict;
  if (failed(benchEntry(subject, *ceiling, record, verdict)))
    return error(entry.name + ": " + verdict);
  printHead("bench", entry, record.cost);
  double seconds = *record.medianSeconds;
  out << llvm::format("median %.3f ms  %.4f TFLOP/s  %.2f GB/s  %.0f %% of the ceiling\n",
                      seconds * 1e3, record.cost.flops / seconds / 1e12,
                      record.cost.bytes / seconds / 1e9, *record.ceilingShare * 100);
  return Outcome::Success;
}

Outcome Runner::runEntry(const attn_rt::Entry &entry) {
  auto function = definition.find(entry.name);
  if (!function)
    return error("expected function @" + entry.name + " in " + bundle->definition() +
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
  if (outcome == Outcome::Success)
    outcome = openDevice();
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
