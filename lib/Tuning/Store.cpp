//===- Store.cpp - what tuning found, remembered in a file -----------------===//
#include "attn/Tuning/Store.h"
#include "attn/Artifact/Bundle.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include <cstdlib>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::tuning;

/// The version of the file's layout.
static constexpr int64_t storeFormat = 1;

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::json::Value toJson(const Result &result) {
  return llvm::json::Object{{"entry", result.entry},
                            {"machine", result.key.machine},
                            {"target", result.key.target},
                            {"kernel", result.key.kernel},
                            {"schedules", llvm::json::Array(result.schedules)},
                            {"batch", result.batch},
                            {"q_len", result.queryLength},
                            {"kv_len", result.keyLength},
                            {"threads", result.threads},
                            {"seconds", result.seconds},
                            {"planned_seconds", result.plannedSeconds}};
}

static bool fromJson(const llvm::json::Value &value, Result &result) {
  llvm::json::Path::Root root;
  llvm::json::ObjectMapper map(value, root);
  return map && map.map("entry", result.entry) && map.map("machine", result.key.machine) &&
         map.map("target", result.key.target) && map.map("kernel", result.key.kernel) &&
         map.map("schedules", result.schedules) && map.map("batch", result.batch) &&
         map.map("q_len", result.queryLength) && map.map("kv_len", result.keyLength) &&
         map.map("threads", result.threads) && map.map("seconds", result.seconds) &&
         map.map("planned_seconds", result.plannedSeconds);
}

/// The list of results of a file's text; null when it is not such a file.
static const llvm::json::Array *resultsOf(const llvm::json::Value &file) {
  const llvm::json::Object *object = file.getAsObject();
  if (!object || object->getInteger("format") != storeFormat)
    return nullptr;
  return object->getArray("results");
}

static llvm::Error damaged(StringRef path) {
  return llvm::createStringError("'" + path + "': expected results of tuning in format " +
                                 Twine(storeFormat) +
                                 ", found something else; move the file away or correct it");
}

llvm::Expected<Store> Store::read(StringRef path) {
  Store store;
  if (!llvm::sys::fs::exists(path))
    return store;
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError("cannot read '" + path + "': " + buffer.getError().message());
  llvm::Expected<llvm::json::Value> file = llvm::json::parse((*buffer)->getBuffer());
  if (!file) {
    llvm::consumeError(file.takeError());
    return damaged(path);
  }
  const llvm::json::Array *results = resultsOf(*file);
  if (!results)
    return damaged(path);
  for (const llvm::json::Value &value : *results)
    if (!fromJson(value, store.results.emplace_back()))
      return damaged(path);
  return store;
}

llvm::Error Store::write(StringRef path) const {
  StringRef folder = llvm::sys::path::parent_path(path);
  if (!folder.empty())
    if (std::error_code code = llvm::sys::fs::create_directories(folder))
      return llvm::createStringError("cannot make '" + folder + "': " + code.message());
  llvm::json::Array list;
  for (const Result &result : results)
    list.push_back(toJson(result));
  llvm::json::Object file{{"format", storeFormat}, {"results", std::move(list)}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(file)));
  return writeFile(path, text);
}

const Result *Store::find(const Key &key) const {
  auto it = llvm::find_if(results, [&](const Result &result) { return result.key == key; });
  return it == results.end() ? nullptr : &*it;
}

void Store::put(Result result) {
  llvm::erase_if(results, [&](const Result &old) { return old.key == result.key; });
  results.push_back(std::move(result));
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

std::string tuning::defaultStorePath() {
  if (const char *file = std::getenv("ATTN_TUNE_FILE"))
    return file;
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  SmallString<128> path(cache && *cache ? cache : home ? home : ".");
  if (!cache || !*cache)
    llvm::sys::path::append(path, ".cache");
  llvm::sys::path::append(path, "attn-mlir", "tune.json");
  return std::string(path);
}

static std::string processorModel() {
  auto info = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo");
  SmallVector<StringRef> lines;
  if (info)
    (*info)->getBuffer().split(lines, '\n');
  for (StringRef line : lines)
    if (line.starts_with("model name"))
      return line.split(':').second.trim().str();
  return "unknown";
}

/// The function without its name and the names of its origin.
static std::string anonymousText(func::FuncOp definition) {
  OwningOpRef<func::FuncOp> copy = definition.clone();
  copy->setSymName("entry");
  for (NamedAttribute attribute : llvm::to_vector((*copy)->getDiscardableAttrs()))
    if (attribute.getName() != "attn.entry")
      (*copy)->removeDiscardableAttr(attribute.getName());
  std::string text;
  llvm::raw_string_ostream os(text);
  copy->print(os);
  return text;
}

Key tuning::keyOf(func::FuncOp definition, Attribute target) {
  std::string text = anonymousText(definition), targetText;
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  llvm::raw_string_ostream(targetText) << target;
  return {processorModel(), targetText, llvm::toHex(digest, /*LowerCase=*/true).substr(0, 32)};
}
