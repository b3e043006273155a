//===- Bundle.cpp - checks and launches entries ---------------------------===//

#include "attn/Runtime/Bundle.h"

#include <dlfcn.h>

using namespace attn_rt;

namespace {

struct DtypeInfo {
  const char *name;
  int64_t size;
};

/// Indexed by ATTN_F32, ….
constexpr DtypeInfo dtypes[] = {{"f32", 4}, {"bf16", 2}, {"f16", 2}, {"i64", 8},
                                {"i32", 4}, {"f64", 8},  {"i8", 1}};
constexpr int32_t numDtypes = sizeof(dtypes) / sizeof(dtypes[0]);

bool isEmpty(const attn_tensor &tensor) {
  for (int32_t i = 0; i < tensor.rank; ++i)
    if (tensor.sizes[i] == 0)
      return true;
  return false;
}

/// One argument against its description. Returns the kind of error, or 0.
int32_t checkArgument(const Argument &wanted, const attn_tensor &given, std::string &text) {
  auto mismatch = [&](const char *what, const std::string &expected, const std::string &found) {
    text = std::string(what) + ": expected " + expected + ", found " + found;
  };
  int32_t rank = static_cast<int32_t>(wanted.shape.size());
  if (given.rank != rank) {
    mismatch("rank", std::to_string(rank), std::to_string(given.rank));
    return ATTN_ERROR_RANK;
  }
  if (given.dtype != wanted.dtype) {
    const char *found = dtypeName(given.dtype);
    mismatch("element type", dtypeName(wanted.dtype), found ? found : std::to_string(given.dtype));
    return ATTN_ERROR_DTYPE;
  }
  for (int32_t i = 0; i < rank; ++i) {
    bool dynamic = wanted.shape[i] == dynamicSize;
    if (dynamic ? given.sizes[i] >= 0 : given.sizes[i] == wanted.shape[i])
      continue;
    mismatch(("size of dimension " + std::to_string(i)).c_str(),
             dynamic ? "0 or more" : std::to_string(wanted.shape[i]),
             std::to_string(given.sizes[i]));
    return ATTN_ERROR_SIZE;
  }
  if (isEmpty(given))
    return 0;
  if (rank > 0 && given.strides[rank - 1] != 1) {
    mismatch("last stride", "1", std::to_string(given.strides[rank - 1]));
    return ATTN_ERROR_STRIDE;
  }
  if (!given.data) {
    mismatch("data", "memory", "null");
    return ATTN_ERROR_NULL;
  }
  return 0;
}

} // namespace

const char *attn_rt::dtypeName(int32_t dtype) {
  return dtype >= 0 && dtype < numDtypes ? dtypes[dtype].name : nullptr;
}

int32_t attn_rt::dtypeCode(const std::string &name) {
  for (int32_t i = 0; i < numDtypes; ++i)
    if (name == dtypes[i].name)
      return i;
  return -1;
}

int64_t attn_rt::dtypeSize(int32_t dtype) {
  return dtype >= 0 && dtype < numDtypes ? dtypes[dtype].size : 0;
}

int32_t Entry::check(const attn_tensor *args, int64_t count, std::string *message) const {
  std::string text;
  if (count != static_cast<int64_t>(arguments.size())) {
    if (message)
      *message = name + ": expected " + std::to_string(arguments.size()) + " arguments, found " +
                 std::to_string(count);
    return ATTN_ERROR_ARGUMENT_COUNT;
  }
  for (int64_t i = 0; i < count; ++i) {
    int32_t kind = checkArgument(arguments[i], args[i], text);
    if (kind == 0)
      continue;
    if (message)
      *message = name + ": argument " + std::to_string(i) + " '" + arguments[i].name + "': " + text;
    return static_cast<int32_t>(1000 * i + kind);
  }
  return 0;
}

/// The code of a call, in words for `message` when it is an error.
static int32_t explain(const std::string &name, int32_t code, std::string *message) {
  if (code != 0 && message) {
    char buffer[160];
    *message = name + ": " + attn_error_text(code, buffer, sizeof(buffer));
  }
  return code;
}

int32_t Entry::run(const attn_tensor *args, int64_t count, int32_t threads,
                   std::string *message) const {
  if (!function)
    return explain(name, ATTN_ERROR_DEVICE, message);
  int32_t code = check(args, count, message);
  return code != 0 ? code : explain(name, function(args, count, threads), message);
}

int32_t Entry::launch(const attn_tensor *args, int64_t count, void *stream,
                      std::string *message) const {
  if (!gpuFunction)
    return explain(name, ATTN_ERROR_DEVICE, message);
  int32_t code = check(args, count, message);
  return code != 0 ? code : explain(name, gpuFunction(args, count, stream), message);
}

Bundle::~Bundle() {
  if (library)
    dlclose(library);
}

const Entry *Bundle::find(const std::string &nameOrRole) const {
  for (const Entry &entry : entryList)
    if (entry.name == nameOrRole || (!entry.role.empty() && entry.role == nameOrRole))
      return &entry;
  return nullptr;
}
