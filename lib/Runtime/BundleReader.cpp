//===- BundleReader.cpp - from a bundle's folder to a loaded Bundle -------===//

#include "CPU/attn_cpu.h"
#include "CpuFeatures.h"
#include "Json.h"
#include "attn/Runtime/Bundle.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace attn_rt;

namespace attn_rt {

/// The version of the manifest's layout that this runtime reads.
static constexpr int64_t manifestFormat = 1;

/// Fills a Bundle from a folder; stops at the first thing that is wrong.
class BundleReader {
public:
  BundleReader(const std::string &folder, Bundle &bundle, std::string &error)
      : folder(folder), bundle(bundle), error(error) {}

  bool read() {
    std::string text;
    return readFile(text) && parse(text) && readFormat() && readNames() && checkFeatures() &&
           chooseVariant() && readEntries() && loadLibrary() && findFunctions();
  }

private:
  std::string folder;
  Bundle &bundle;
  std::string &error;
  Json manifest;
  std::string libraryName;

  std::string manifestPath() const { return folder + "/manifest.json"; }

  bool fail(const std::string &message) {
    error = manifestPath() + ": " + message;
    return false;
  }

  bool readFile(std::string &text) {
    std::FILE *file = std::fopen(manifestPath().c_str(), "rb");
    if (!file)
      return fail(std::string("expected the manifest of a bundle: ") + std::strerror(errno) +
                  "; write one with attn-compile");
    char buffer[4096];
    size_t n;
    while ((n = std::fread(buffer, 1, sizeof(buffer), file)) > 0)
      text.append(buffer, n);
    bool ok = !std::ferror(file);
    std::fclose(file);
    return ok || fail("cannot be read");
  }

  bool parse(const std::string &text) {
    std::string at;
    if (parseJson(text, manifest, at))
      return true;
    error = manifestPath() + ":" + at;
    return false;
  }

  const Json *field(const Json &object, const char *name, Json::Kind kind, const char *what) {
    const Json *value = object.find(name);
    if (value && value->is(kind))
      return value;
    fail(std::string("expected field \"") + name + "\" to be " + what +
         (value ? ", found another kind of value" : ", found none"));
    return nullptr;
  }

  bool text(const Json &object, const char *name, std::string &out) {
    const Json *value = field(object, name, Json::Kind::String, "a string");
    if (value)
      out = value->text;
    return value;
  }

  bool readFormat() {
    const Json *format = field(manifest, "format", Json::Kind::Integer, "a whole number");
    if (!format)
      return false;
    return format->integer == manifestFormat ||
           fail("expected format " + std::to_string(manifestFormat) + ", found " +
                std::to_string(format->integer) + "; compile the bundle again with this version");
  }

  bool readNames() {
    std::string definition;
    if (!text(manifest, "name", bundle.kernelName) || !text(manifest, "library", libraryName) ||
        !text(manifest, "definition", definition))
      return false;
    for (const std::string &file : {libraryName, definition})
      if (file.find('/') != std::string::npos)
        return fail("expected the name of a file beside the manifest, found \"" + file + "\"");
    bundle.definitionPath = folder + "/" + definition;
    return true;
  }

  /// A list of texts, as `a,b`.
  bool joinTexts(const Json &object, const char *name, std::string &out) {
    const Json *list = field(object, name, Json::Kind::Array, "a list");
    for (size_t i = 0; list && i < list->items.size(); ++i)
      out += (i ? "," : "") + list->items[i].text;
    return list;
  }

  /// The processor among several that the library will choose. The kernels were refused above if
  /// the machine lacks what all of them need.
  bool chooseVariant() {
    const Json *list = manifest.find("variants");
    if (!list)
      return true;
    std::vector<std::string> names(list->items.size()), features(list->items.size());
    std::vector<const char *> namePointers, featurePointers;
    for (size_t i = 0; i < list->items.size(); ++i) {
      if (!text(list->items[i], "name", names[i]) ||
          !joinTexts(list->items[i], "features", features[i]))
        return false;
      namePointers.push_back(names[i].c_str());
      featurePointers.push_back(features[i].c_str());
    }
    int32_t picked = attn_cpu_pick(namePointers.data(), featurePointers.data(),
                                   static_cast<int32_t>(names.size()));
    if (picked >= 0)
      bundle.variantName = names[picked];
    return picked >= 0 || failVariant(names);
  }

  bool failVariant(const std::vector<std::string> &names) {
    std::string all;
    for (const std::string &name : names)
      all += (all.empty() ? "" : ", ") + name;
    const char *wanted = std::getenv("ATTN_CPU_VARIANT");
    if (wanted && *wanted)
      return fail(std::string("ATTN_CPU_VARIANT asks for '") + wanted + "'; expected one of " +
                  all + " that this machine can run");
    return fail("compiled for " + all +
                "; this machine can run none of them; compile again with "
                "--target=cpu, or add x86-64");
  }

  bool checkFeatures() {
    const Json *target = field(manifest, "target", Json::Kind::Object, "an object");
    if (!target || !text(*target, "name", bundle.targetName))
      return false;
    const Json *kind = target->find("kind");
    bundle.forGpu = kind && kind->text == "gpu";
    const Json *features = field(*target, "features", Json::Kind::Array, "a list");
    if (!features)
      return false;
    for (const Json &feature : features->items)
      if (!machineHasFeature(feature.text))
        return fail("compiled for " + bundle.targetName + ", which needs '" + feature.text +
                    "'; this machine lacks it; compile again with --target=cpu");
    return true;
  }

  bool readEntries() {
    const Json *list = field(manifest, "entries", Json::Kind::Array, "a list");
    if (!list)
      return false;
    for (const Json &item : list->items) {
      bundle.entryList.emplace_back();
      if (!readEntry(item, bundle.entryList.back()))
        return false;
    }
    return true;
  }

  bool readEntry(const Json &item, Entry &entry) {
    const Json *arguments = nullptr;
    if (!text(item, "name", entry.name) || !text(item, "role", entry.role) ||
        !(arguments = field(item, "arguments", Json::Kind::Array, "a list")))
      return false;
    readLayers(item, entry);
    for (const Json &argument : arguments->items) {
      entry.arguments.emplace_back();
      if (!readArgument(argument, entry.arguments.back()))
        return false;
    }
    return true;
  }

  /// Absent in bundles of earlier versions.
  static void readLayers(const Json &item, Entry &entry) {
    if (const Json *layers = item.find("layers"))
      for (const Json &layer : layers->items)
        entry.layers.push_back(layer.integer);
    const Json *from = item.find("kv_from");
    if (from && from->is(Json::Kind::Integer))
      entry.kvFrom = from->integer;
  }

  bool readArgument(const Json &item, Argument &argument) {
    std::string kind, dtype;
    const Json *shape = nullptr;
    if (!text(item, "name", argument.name) || !text(item, "kind", kind) ||
        !text(item, "dtype", dtype) || !(shape = field(item, "shape", Json::Kind::Array, "a list")))
      return false;
    argument.isOutput = kind == "output";
    argument.dtype = dtypeCode(dtype);
    if (argument.dtype < 0)
      return fail("expected a known element type, found \"" + dtype + "\"");
    if (shape->items.size() > ATTN_MAX_RANK)
      return fail("expected at most 4 dimensions of '" + argument.name + "'");
    for (const Json &size : shape->items)
      argument.shape.push_back(size.is(Json::Kind::Integer) ? size.integer : dynamicSize);
    return true;
  }

  bool loadLibrary() {
    // A path with a slash keeps the dynamic linker from searching elsewhere.
    std::string path = folder + "/" + libraryName;
    if (path.front() != '/')
      path = "./" + path;
    // OpenMP workers may outlive the bundle, so the code must never be unmapped.
    bundle.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return bundle.library || fail(std::string("its library does not load: ") + dlerror());
  }

  bool findFunctions() {
    for (Entry &entry : bundle.entryList) {
      void *symbol = dlsym(bundle.library, entry.name.c_str());
      if (bundle.forGpu)
        entry.gpuFunction = reinterpret_cast<attn_gpu_entry_fn>(symbol);
      else
        entry.function = reinterpret_cast<attn_entry_fn>(symbol);
      if (!symbol)
        return fail("expected function '" + entry.name + "' in " + libraryName + ", found none");
    }
    return true;
  }
};

} // namespace attn_rt

std::unique_ptr<Bundle> Bundle::open(const std::string &folder, std::string &error) {
  std::unique_ptr<Bundle> bundle(new Bundle());
  if (!BundleReader(folder, *bundle, error).read())
    return nullptr;
  return bundle;
}
