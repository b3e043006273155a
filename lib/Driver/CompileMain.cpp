//===- CompileMain.cpp - the command line of attn-compile -----------------===//

#include "attn/Driver/Compile.h"

#include "attn/Driver/Options.h"
#include "ProgramMain.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

struct EmitName {
  const char *name;
  Emit emit;
};

} // namespace

static constexpr EmitName emitNames[] = {
    {"attn", Emit::Attn}, {"planned", Emit::Planned}, {"tiled", Emit::Tiled}, {"llvm", Emit::LLVM},
    {"asm", Emit::Asm},   {"ptx", Emit::Ptx}, {"cubin", Emit::Cubin}, {"obj", Emit::Obj},         {"bundle", Emit::Bundle}};

static std::vector<std::string> emitWords() {
  std::vector<std::string> words;
  for (const EmitName &entry : emitNames)
    words.push_back(entry.name);
  return words;
}

static std::string storeEmit(CompileOptions &options, StringRef value) {
  for (const EmitName &entry : emitNames)
    if (value == entry.name)
      options.emit = entry.emit;
  return "";
}

static std::string storeReport(CompileOptions &options, StringRef value) {
  (value == "json" ? options.reportJson : options.report) = true;
  return "";
}

static std::string storeEntries(std::vector<std::string> &entries, StringRef value) {
  SmallVector<StringRef> words;
  value.split(words, ',', -1, /*KeepEmpty=*/false);
  for (StringRef word : words)
    entries.push_back(word.trim().str());
  return words.empty() ? "names separated by commas" : "";
}

std::function<std::string(StringRef)> attn::storeEntryList(std::vector<std::string> &entries) {
  return [&entries](StringRef value) { return storeEntries(entries, value); };
}

static OptionTable optionTable(CompileOptions &options) {
  OptionTable table;
  table.program = "attn-compile";
  table.usage = "INPUT [options]";
  table.overview = "Compiles attention. INPUT is .mlir (attn.spec or functions) or a Hugging Face "
                   "config.json.";
  table.positional = [&](StringRef value) { return storeInput(options.input, value); };
  auto &o = table.options;
  o.push_back({"target", "TARGET", "cpu (this machine), cpu:x86-64-v3, cpu:x86-64-v4, sm_90a, ...", {}, false,
               storeText(options.target)});
  o.push_back({"emit", "KIND", "what to write (default bundle)", emitWords(), false,
               [&](StringRef value) { return storeEmit(options, value); }});
  o.push_back({"entry", "NAMES", "only these: prefill, decode, append, or names of functions", {},
               false, storeEntryList(options.entries)});
  o.push_back({"dtype", "TYPE", "element type of every spec", {"f32", "bf16", "f16"}, false,
               storeText(options.dtype)});
  o.push_back({"report", "json", "FLOPs, bytes, cache, schedule and why, as text or JSON", {"json"},
               true, [&](StringRef value) { return storeReport(options, value); }});
  addSizeOptions(table, options.reportSizes);
  o.push_back({"remarks", "", "also say which rewrites declined, and why", {}, false,
               storeFlag(options.remarks)});
  o.push_back({"reproducer", "FILE", "where an internal failure leaves its reproducer", {}, false,
               storeText(options.reproducer)});
  o.push_back({"o", "PATH", "file, or for a bundle folder (default: <kernel>.bundle)", {}, false,
               storeText(options.output)});
  return table;
}

int attn::compileMain(int argc, char **argv) {
  CompileOptions options;
  return programMain(argc, argv, optionTable(options), [&] {
    if (options.input.empty())
      return missingInput("attn-compile");
    return compile(options, llvm::outs(), llvm::errs());
  });
}
