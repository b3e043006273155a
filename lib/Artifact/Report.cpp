//===- Report.cpp - what a kernel costs and how it will run ---------------===//

#include "attn/Artifact/Report.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::attn;

/// 12345678 -> "12.3 M"
static std::string engineering(double value) {
  static const char *const prefixes[] = {"", " k", " M", " G", " T", " P"};
  unsigned i = 0;
  for (; std::abs(value) >= 1000 && i + 1 < std::size(prefixes); ++i)
    value /= 1000;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(i ? "%.1f" : "%.0f", value) << prefixes[i];
  return text;
}

static func::FuncOp functionOf(ModuleOp module, const EntryInfo &entry) {
  return module.lookupSymbol<func::FuncOp>(entry.name);
}

static void printCache(raw_ostream &os, const HeadFacts &facts) {
  os << "  KV cache                  " << facts.cacheBytesPerToken << " bytes per token and layer";
  if (facts.expandedBytesPerToken > facts.cacheBytesPerToken && facts.cacheBytesPerToken > 0)
    os << ", expanded " << facts.expandedBytesPerToken;
  if (facts.mhaBytesPerToken > 0)
    os << llvm::format("; %.2f %% of MHA's ", 100 * facts.cacheRatio()) << facts.mhaBytesPerToken;
  os << "\n";
}

static void printEntry(raw_ostream &os, func::FuncOp function, const EntryInfo &entry,
                       const ReportSizes &sizes) {
  Cost cost = costOf(function, sizes);
  HeadFacts facts = headFactsOf(function);
  os << "\n@" << entry.name << "  at batch " << cost.batch << ", " << cost.queryLength
     << " query rows, " << cost.keyLength << " keys\n";
  if (!entry.schedules.empty())
    os << "  heads (query/key/value)   " << facts.queryHeads << "/" << facts.keyHeads << "/"
       << facts.valueHeads << ", sizes " << facts.qkSize << "/" << facts.vSize << ", mask "
       << facts.mask << ", " << facts.form << "\n";
  os << "  FLOPs                     " << (cost.isUpperBound ? "at most " : "")
     << engineering(cost.flops) << "\n"
     << "  bytes moved               " << engineering(cost.bytes) << "\n"
     << "  arithmetic intensity      " << llvm::format("%.1f", cost.intensity()) << " FLOP/byte\n";
  printCache(os, facts);
  for (const std::string &reason : entry.formReasons)
    os << "  form                      " << reason << "\n";
  if (!facts.layers.empty())
    os << "  layers                    " << facts.layers.size() << ", together "
       << facts.cacheBytesPerToken * static_cast<int64_t>(facts.layers.size())
       << " bytes per token\n";
  if (!entry.steps.empty())
    os << "  kernels                   " << llvm::join(entry.steps, ", ") << "\n";
  for (const ScheduleInfo &schedule : entry.schedules) {
    os << "  schedule                  " << schedule.schedule << "\n";
    for (const std::string &reason : schedule.reasons)
      os << "    - " << reason << "\n";
  }
}

void attn::printReport(raw_ostream &os, ModuleOp planned, const KernelInfo &info,
                       const ReportSizes &sizes) {
  os << info.name << " for " << info.targetName << "\n";
  for (const EntryInfo &entry : info.entries)
    printEntry(os, functionOf(planned, entry), entry, sizes);
}

static void printEntryJson(llvm::json::OStream &json, func::FuncOp function, const EntryInfo &entry,
                           const ReportSizes &sizes) {
  Cost cost = costOf(function, sizes);
  HeadFacts facts = headFactsOf(function);
  json.attribute("name", entry.name);
  json.attribute("role", entry.role);
  json.attribute("batch", cost.batch);
  json.attribute("q_len", cost.queryLength);
  json.attribute("kv_len", cost.keyLength);
  json.attribute("query_heads", facts.queryHeads);
  json.attribute("key_heads", facts.keyHeads);
  json.attribute("value_heads", facts.valueHeads);
  json.attribute("qk_size", facts.qkSize);
  json.attribute("v_size", facts.vSize);
  json.attribute("mask", facts.mask);
  json.attribute("form", facts.form);
  json.attributeArray("layers", [&] {
    for (int64_t layer : facts.layers)
      json.value(layer);
  });
  json.attribute("flops", cost.flops);
  json.attribute("flops_is_upper_bound", cost.isUpperBound);
  json.attribute("bytes_moved", cost.bytes);
  json.attribute("arithmetic_intensity", cost.intensity());
  json.attribute("kv_bytes_per_token", facts.cacheBytesPerToken);
  json.attribute("kv_bytes_per_token_expanded", facts.expandedBytesPerToken);
  json.attribute("kv_bytes_per_token_mha", facts.mhaBytesPerToken);
  json.attribute("kv_ratio_to_mha", facts.cacheRatio());
  json.attributeArray("form_reasons", [&] {
    for (const std::string &reason : entry.formReasons)
      json.value(reason);
  });
  if (!entry.steps.empty())
    json.attributeArray("steps", [&] {
      for (const std::string &step : entry.steps)
        json.value(step);
    });
  json.attributeArray("schedules", [&] {
    for (const ScheduleInfo &schedule : entry.schedules)
      json.object([&] {
        json.attribute("schedule", schedule.schedule);
        json.attributeArray("reasons", [&] {
          for (const std::string &reason : schedule.reasons)
            json.value(reason);
        });
      });
  });
}

void attn::printReportJson(raw_ostream &os, ModuleOp planned, const KernelInfo &info,
                           const ReportSizes &sizes) {
  llvm::json::OStream json(os, /*IndentSize=*/2);
  json.object([&] {
    json.attribute("name", info.name);
    json.attribute("target", info.targetName);
    json.attributeArray("entries", [&] {
      for (const EntryInfo &entry : info.entries)
        json.object([&] { printEntryJson(json, functionOf(planned, entry), entry, sizes); });
    });
  });
  json.flush();
  os << "\n";
}
