//===- TargetInfo.cpp - facts of a processor ---------------------------------===//
#include "TargetInfo.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include <mutex>
#include <thread>
#include <unistd.h>

using namespace mlir;
using namespace mlir::attn;

static void initializeBackEnds() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
  });
}

static Processor hostProcessor() {
  llvm::SubtargetFeatures features;
  for (auto &entry : llvm::sys::getHostCPUFeatures())
    features.AddFeature(entry.first(), entry.second);
  return {llvm::sys::getDefaultTargetTriple(), llvm::sys::getHostCPUName().str(),
          features.getString(), true};
}

/// Names worth suggesting; LLVM knows more.
static const StringRef commonProcessors[] = {
    "x86-64",         "x86-64-v2",      "x86-64-v3",      "x86-64-v4",   "haswell",
    "skylake-avx512", "icelake-server", "sapphirerapids", "znver2",      "znver3",
    "znver4",         "znver5",         "aarch64",        "neoverse-n1", "neoverse-v1"};

static InFlightDiagnostic refuse(StringRef variant, function_ref<InFlightDiagnostic()> emitError) {
  InFlightDiagnostic diag = emitError();
  diag << "unknown processor '" << variant << "' in target 'cpu:" << variant
       << "'; common ones are ";
  llvm::interleaveComma(commonProcessors, diag,
                        [&](StringRef name) { diag << "'" << name << "'"; });
  StringRef near = nearestWord(variant, commonProcessors);
  if (!near.empty())
    diag << "; did you mean '" << near << "'?";
  return diag;
}

static bool knowsProcessor(StringRef triple, StringRef name) {
  std::string error;
  const llvm::Target *backEnd = llvm::TargetRegistry::lookupTarget(llvm::Triple(triple), error);
  if (!backEnd)
    return false;
  std::unique_ptr<llvm::MCSubtargetInfo> any(
      backEnd->createMCSubtargetInfo(llvm::Triple(triple), "", ""));
  if (!any || !any->isCPUStringValid(name))
    return false;
  // LLVM lists 32-bit processors under x86-64, too.
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      backEnd->createMCSubtargetInfo(llvm::Triple(triple), name, ""));
  return !llvm::Triple(triple).isX86() || info->checkFeatures("+64bit");
}

FailureOr<Processor> attn::findProcessor(StringRef variant,
                                         function_ref<InFlightDiagnostic()> emitError) {
  initializeBackEnds();
  if (variant.empty())
    return hostProcessor();
  const char *x86 = "x86_64-unknown-linux-gnu", *arm = "aarch64-unknown-linux-gnu";
  if (variant == "aarch64")
    return Processor{arm, "generic", "", false};
  for (const char *triple : {x86, arm})
    if (knowsProcessor(triple, variant))
      return Processor{triple, variant.str(), "", false};
  refuse(variant, emitError);
  return failure();
}

std::unique_ptr<llvm::TargetMachine> attn::createMachine(const Processor &processor) {
  initializeBackEnds();
  std::string error;
  llvm::Triple triple(processor.triple);
  const llvm::Target *backEnd = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backEnd)
    return nullptr;
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(backEnd->createTargetMachine(
      triple, processor.name, processor.features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

/// A cache size of this machine in bytes, or `otherwise`.
static int64_t hostCache(int name, int64_t otherwise) {
  long size = sysconf(name);
  return size > 0 ? static_cast<int64_t>(size) : otherwise;
}

namespace {
/// Gathers the non-default fields of a target record.
class Facts {
public:
  explicit Facts(MLIRContext *context) : b(context) {}
  void add(StringRef name, int64_t value) { list.append(name, b.getI64IntegerAttr(value)); }
  void add(StringRef name, const std::string &value) { list.append(name, b.getStringAttr(value)); }
  TargetAttr get() { return TargetAttr::get(b.getContext(), list.getDictionary(b.getContext())); }

private:
  Builder b;
  NamedAttrList list;
};
} // namespace

/// Instruction sets that code for a processor may use, of those that not every machine has: what
/// the runtime asks the machine for before it loads a kernel.
static std::string optionalFeatures(const llvm::MCSubtargetInfo &info, ArrayRef<StringRef> known) {
  std::string found;
  for (StringRef name : known)
    if (info.checkFeatures(("+" + name).str()))
      found += (found.empty() ? "+" : ",+") + name.str();
  return found;
}

static const StringRef x86Features[] = {"ssse3",        "sse4.1",
                                        "sse4.2",       "popcnt",
                                        "avx",          "avx2",
                                        "fma",          "f16c",
                                        "bmi",          "bmi2",
                                        "lzcnt",        "avx512f",
                                        "avx512bw",     "avx512cd",
                                        "avx512dq",     "avx512vl",
                                        "gfni",         "avx512vbmi",
                                        "avx512vbmi2",  "avx512vnni",
                                        "avx512bitalg", "avx512vpopcntdq",
                                        "avx512bf16",   "avx512fp16",
                                        "amx-tile",     "amx-bf16"};
static const StringRef armFeatures[] = {"dotprod", "fullfp16", "bf16", "i8mm", "sve", "sve2"};

/// Bytes by which a core wants to be asked for rows of keys and values that it reads straight from
/// memory. Most gain by it; on Zen 4 and 5 requests are dropped while misses are under way, and
/// keep the hardware's own prefetch from learning the sequence.
static int64_t prefetchAhead(StringRef processor) {
  constexpr int64_t usual = 6144;
  return llvm::StringSwitch<int64_t>(processor).Cases({"znver4", "znver5"}, 0).Default(usual);
}

/// Vector unit of an x86-64 processor: 512-bit needs the foundation and the lane-mask subsets.
static void addX86Facts(Facts &facts, const llvm::MCSubtargetInfo &info, StringRef processor) {
  auto has = [&](const char *feature) { return info.checkFeatures(feature); };
  bool avx512 = has("+avx512f,+avx512vl,+avx512bw,+avx512dq");
  bool avx2 = has("+avx2,+fma");
  facts.add("lanes", int64_t(avx512 ? 16 : avx2 ? 8 : 4));
  facts.add("vector_registers", int64_t(avx512 ? 32 : 16));
  // Zen 4 takes a 512-bit operation in two halves.
  bool inHalves = avx512 && processor == "znver4";
  facts.add("fma_per_cycle", int64_t(avx2 && !inHalves ? 2 : 1));
  facts.add("fused", int64_t(avx2));
  facts.add("masked", int64_t(avx512));
  // Cores that have a matrix unit run the dot product at half the rate of multiply-adds (measured
  // on Sapphire Rapids: 89 against 171 GFLOP/s), so that it gains nothing over widened float32.
  facts.add("bf16_dot", int64_t(avx512 && has("+avx512bf16") && !has("+amx-bf16") &&
                                processor != "cooperlake"));
  facts.add("bf16_convert", int64_t(avx512 && has("+avx512bf16")));
  facts.add("f16_convert", int64_t(has("+f16c")));
  facts.add("amx", int64_t(has("+amx-bf16")));
}

/// NEON: 128-bit, 32 registers, fused multiply-add and f16 conversion in the base architecture.
static void addArmFacts(Facts &facts) {
  facts.add("lanes", int64_t(4));
  facts.add("vector_registers", int64_t(32));
  facts.add("fma_per_cycle", int64_t(2));
  facts.add("fused", int64_t(1));
  facts.add("f16_convert", int64_t(1));
}

namespace {
/// First-level data cache and second-level cache of a core, bytes.
struct CacheSizes {
  int64_t l1, l2;
};
} // namespace

/// Of cores that are not this machine; those of common server processors are known by name, sizes
/// that most have stand in for others.
static CacheSizes cachesOf(StringRef processor) {
  constexpr int64_t kib = 1024;
  return llvm::StringSwitch<CacheSizes>(processor)
      .Cases({"sapphirerapids", "emeraldrapids", "graniterapids"}, {48 * kib, 2048 * kib})
      .Case("icelake-server", {48 * kib, 1280 * kib})
      .Cases({"skylake-avx512", "cascadelake", "cooperlake"}, {32 * kib, 1024 * kib})
      .Case("znver4", {32 * kib, 1024 * kib})
      .Case("znver5", {48 * kib, 1024 * kib})
      .Cases({"neoverse-n1", "neoverse-v1"}, {64 * kib, 1024 * kib})
      .Default({32 * kib, 512 * kib});
}

TargetAttr attn::describeProcessor(MLIRContext *context, StringRef targetName,
                                   const Processor &processor, llvm::TargetMachine &machine) {
  Facts facts(context);
  facts.add("kind", std::string("cpu"));
  facts.add("name", targetName.str());
  facts.add("triple", processor.triple);
  facts.add("processor", processor.name);
  CacheSizes caches = cachesOf(processor.name);
  facts.add("l1", processor.isHost ? hostCache(_SC_LEVEL1_DCACHE_SIZE, caches.l1) : caches.l1);
  facts.add("l2", processor.isHost ? hostCache(_SC_LEVEL2_CACHE_SIZE, caches.l2) : caches.l2);
  facts.add("cores", processor.isHost
                         ? static_cast<int64_t>(std::max(1u, std::thread::hardware_concurrency()))
                         : 1);
  facts.add("prefetch_ahead", prefetchAhead(processor.name));
  bool isX86 = llvm::Triple(processor.triple).isX86();
  const llvm::MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  std::string features =
      optionalFeatures(info, isX86 ? ArrayRef(x86Features) : ArrayRef(armFeatures));
  if (!features.empty())
    facts.add("features", features);
  if (isX86)
    addX86Facts(facts, info, processor.name);
  else
    addArmFacts(facts);
  return facts.get();
}
