//===- Manifest.cpp - the manifest of a bundle ----------------------------===//

#include "attn/Artifact/Bundle.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::attn;

/// The layout's version; lib/Runtime/BundleReader.cpp reads the same number.
static constexpr int64_t manifestFormat = 1;

std::string attn::libraryFileName(const KernelInfo &info) { return "lib" + info.name + ".so"; }
std::string attn::headerFileName(const KernelInfo &info) { return info.name + ".h"; }
std::string attn::definitionFileName(const KernelInfo &info) { return info.name + ".attn.mlir"; }

static void printStrings(llvm::json::OStream &json, StringRef name,
                         const std::vector<std::string> &texts) {
  json.attributeArray(name, [&] {
    for (const std::string &text : texts)
      json.value(text);
  });
}

static void printShape(llvm::json::OStream &json, const std::vector<int64_t> &shape) {
  json.attributeArray("shape", [&] {
    for (int64_t size : shape)
      ShapedType::isDynamic(size) ? json.value(nullptr) : json.value(size);
  });
}

static void printWorkspace(llvm::json::OStream &json, const WorkspaceInfo &info) {
  json.object([&] {
    if (!info.dtype.empty()) {
      json.attribute("dtype", info.dtype);
      return printShape(json, info.shape);
    }
    json.attribute("bytes_per_thread", info.bytesPerThread);
    if (info.mostRecords.empty())
      return;
    json.attribute("bytes_per_record", info.bytesPerRecord);
    json.attribute("most_records", info.mostRecords);
  });
}

/// The kernel allocates what it needs and frees it; the caller passes none.
static void printWorkspaces(llvm::json::OStream &json, const std::vector<WorkspaceInfo> &all) {
  json.attributeArray("workspace", [&] {
    for (const WorkspaceInfo &info : all)
      printWorkspace(json, info);
  });
}

static void printArgument(llvm::json::OStream &json, const ArgumentInfo &argument) {
  json.object([&] {
    json.attribute("name", argument.name);
    json.attribute("kind", argument.isOutput ? "output" : "input");
    json.attribute("dtype", argument.dtype);
    printShape(json, argument.shape);
  });
}

static void printSchedules(llvm::json::OStream &json, const std::vector<ScheduleInfo> &schedules) {
  json.attributeArray("schedules", [&] {
    for (const ScheduleInfo &schedule : schedules)
      json.object([&] {
        json.attribute("schedule", schedule.schedule);
        printStrings(json, "reasons", schedule.reasons);
      });
  });
}

static void printEntry(llvm::json::OStream &json, const EntryInfo &entry, bool isGpu) {
  json.object([&] {
    json.attribute("name", entry.name);
    json.attribute("role", entry.role);
    json.attribute("spec", entry.spec);
    json.attributeArray("layers", [&] {
      for (int64_t layer : entry.layers)
        json.value(layer);
    });
    json.attribute("kv_from", entry.kvFrom ? llvm::json::Value(*entry.kvFrom) : nullptr);
    json.attributeArray("arguments", [&] {
      for (const ArgumentInfo &argument : entry.arguments)
        printArgument(json, argument);
    });
    printSchedules(json, entry.schedules);
    if (!entry.steps.empty())
      printStrings(json, "steps", entry.steps);
    if (isGpu)
      json.attribute("workspace", "internal"); // reserved by the library, see docs/GPU.md
    else
      printWorkspaces(json, entry.workspace);
  });
}

/// One of several processors: what it needs, and how each entry runs on it.
static void printVariant(llvm::json::OStream &json, const KernelInfo &info,
                         const VariantInfo &variant) {
  json.object([&] {
    json.attribute("name", variant.name);
    printStrings(json, "features", variant.features);
    json.attribute("attribute", variant.target);
    json.attributeArray("entries", [&] {
      for (size_t i = 0; i < info.entries.size(); ++i)
        json.object([&] {
          json.attribute("name", info.entries[i].name);
          printSchedules(json, variant.schedules[i]);
          printWorkspaces(json, variant.workspaces[i]);
        });
    });
  });
}

std::string attn::printManifest(const KernelInfo &info) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, /*IndentSize=*/2);
  json.object([&] {
    json.attribute("format", manifestFormat);
    json.attribute("name", info.name);
    json.attribute("library", libraryFileName(info));
    json.attribute("header", headerFileName(info));
    json.attribute("definition", definitionFileName(info));
    json.attributeObject("target", [&] {
      json.attribute("name", info.targetName);
      json.attribute("kind", info.isGpu ? "gpu" : "cpu");
      printStrings(json, "features", info.features);
      json.attribute("attribute", info.target);
    });
    if (!info.variants.empty())
      json.attributeArray("variants", [&] {
        for (const VariantInfo &variant : info.variants)
          printVariant(json, info, variant);
      });
    printStrings(json, "specs", info.specs);
    json.attributeArray("entries", [&] {
      for (const EntryInfo &entry : info.entries)
        printEntry(json, entry, info.isGpu);
    });
    json.attributeObject("promises", [&] {
      json.attribute("strict_masked_nan", info.promises.strictMaskedNan);
      json.attribute("deterministic", info.promises.deterministic);
      json.attribute("same_bits_for_any_threads", info.promises.sameBitsForAnyThreads);
    });
  });
  json.flush();
  os << "\n";
  return text;
}
