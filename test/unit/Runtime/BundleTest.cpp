//===- BundleTest.cpp - argument checks and refusals of broken bundles ----===//

#include "attn/Runtime/Bundle.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace attn_rt;

namespace {

int launches = 0;
int32_t countLaunch(const attn_tensor *, int64_t, int32_t) {
  ++launches;
  return 0;
}

/// query [?, 8, ?, 64] of bf16, then a scalar position.
Entry makeEntry() {
  Entry entry;
  entry.name = "kernel_prefill";
  entry.arguments = {{"query", ATTN_BF16, {dynamicSize, 8, dynamicSize, 64}, false},
                     {"start", ATTN_I64, {}, false}};
  entry.function = countLaunch;
  return entry;
}

struct Call {
  std::vector<uint16_t> memory = std::vector<uint16_t>(2 * 8 * 3 * 64);
  int64_t start = 0;
  int64_t sizes[4] = {2, 8, 3, 64};
  attn_tensor args[2] = {attn_contiguous(memory.data(), ATTN_BF16, 4, sizes),
                         attn_contiguous(&start, ATTN_I64, 0, nullptr)};
  int64_t count = 2;

  std::string refusal(int32_t code) {
    std::string message;
    int before = launches;
    EXPECT_EQ(makeEntry().run(args, count, 1, &message), code);
    EXPECT_EQ(launches, before) << "a refused call was launched";
    return message;
  }
};

/// A folder with the given manifest.
std::string bundleWith(const std::string &manifest) {
  std::string folder = ::testing::TempDir() + "/attn-bundle-test";
  mkdir(folder.c_str(), 0777);
  std::ofstream(folder + "/manifest.json") << manifest;
  return folder;
}

std::string openError(const std::string &manifest) {
  std::string error;
  EXPECT_EQ(Bundle::open(bundleWith(manifest), error), nullptr);
  return error;
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

} // namespace

/// An entry is called the way it was compiled for; the other way is an error, not a crash.
TEST(Bundle, GpuEntriesAreLaunchedOnAStream) {
  Call call;
  Entry entry = makeEntry();
  std::string message;
  EXPECT_EQ(entry.launch(call.args, call.count, nullptr, &message), ATTN_ERROR_DEVICE);
  entry.function = nullptr;
  entry.gpuFunction = [](const attn_tensor *, int64_t, void *stream) -> int32_t {
    return stream ? 0 : ATTN_ERROR_DRIVER + 719;
  };
  EXPECT_EQ(entry.run(call.args, call.count, 1, &message), ATTN_ERROR_DEVICE);
  EXPECT_EQ(entry.launch(call.args, call.count, &entry, &message), 0);
  EXPECT_EQ(entry.launch(call.args, call.count, nullptr, &message), ATTN_ERROR_DRIVER + 719);
  EXPECT_EQ(message, "kernel_prefill: the NVIDIA driver reports error 719");
  EXPECT_EQ(entry.launch(call.args, 1, &entry, &message), ATTN_ERROR_ARGUMENT_COUNT);
}

TEST(Entry, LaunchesWhatFits) {
  int before = launches;
  std::string message;
  EXPECT_EQ(makeEntry().run(Call().args, 2, 1, &message), 0) << message;
  EXPECT_EQ(launches, before + 1);
}

TEST(Entry, StridesButTheLastAreFree) {
  Call call;
  call.args[0].strides[1] = 64;
  call.args[0].strides[2] = 8 * 64;
  EXPECT_EQ(makeEntry().check(call.args, 2, nullptr), 0);
}

TEST(Entry, NamesTheArgumentAndBothSides) {
  Call call;
  call.args[0].sizes[3] = 63;
  EXPECT_EQ(call.refusal(ATTN_ERROR_SIZE),
            "kernel_prefill: argument 0 'query': size of dimension 3: expected 64, found 63");
}

TEST(Entry, RefusesWrongRankTypeStrideAndNull) {
  Call rank, type, stride, null, negative, scalar;
  rank.args[0].rank = 3;
  rank.refusal(ATTN_ERROR_RANK);
  type.args[0].dtype = ATTN_F16;
  EXPECT_TRUE(contains(type.refusal(ATTN_ERROR_DTYPE), "expected bf16, found f16"));
  stride.args[0].strides[3] = 2;
  stride.refusal(ATTN_ERROR_STRIDE);
  null.args[0].data = nullptr;
  null.refusal(ATTN_ERROR_NULL);
  negative.args[0].sizes[0] = -1;
  negative.refusal(ATTN_ERROR_SIZE);
  scalar.args[1].dtype = ATTN_I32;
  scalar.refusal(1000 + ATTN_ERROR_DTYPE);
}

TEST(Entry, RefusesAWrongNumberOfArguments) {
  Call call;
  call.count = 1;
  call.refusal(ATTN_ERROR_ARGUMENT_COUNT);
}

TEST(Entry, EmptyTensorsMayBeNull) {
  Call call;
  call.args[0].sizes[2] = 0;
  call.args[0].data = nullptr;
  EXPECT_EQ(makeEntry().check(call.args, 2, nullptr), 0);
}

TEST(ErrorText, PutsEveryCodeIntoWords) {
  char buffer[160];
  auto text = [&](int32_t code) {
    return std::string(attn_error_text(code, buffer, sizeof(buffer)));
  };
  EXPECT_EQ(text(0), "no error");
  EXPECT_TRUE(contains(text(3004), "argument 3: a size"));
  EXPECT_TRUE(contains(text(1), "argument 0: data is null"));
  EXPECT_EQ(text(ATTN_ERROR_ARGUMENT_COUNT), "wrong number of arguments");
  EXPECT_EQ(text(ATTN_ERROR_OUT_OF_MEMORY), "out of memory");
  EXPECT_EQ(text(-7), "unknown error -7");
  char tiny[4];
  EXPECT_EQ(std::string(attn_error_text(0, tiny, sizeof(tiny))), "no ");
}

TEST(Bundle, SaysWhereTheManifestShouldBe) {
  std::string error;
  EXPECT_EQ(Bundle::open("/nonexistent/folder", error), nullptr);
  EXPECT_TRUE(contains(error, "/nonexistent/folder/manifest.json: expected the manifest"));
}

TEST(Bundle, LocatesMalformedJson) {
  EXPECT_TRUE(contains(openError("{\n\"format\": 1,,"), "manifest.json:2:13: expected"));
}

TEST(Bundle, RefusesAnotherFormat) {
  EXPECT_TRUE(contains(openError(R"({"format": 99})"), "expected format 1, found 99"));
  EXPECT_TRUE(contains(openError(R"({"format": "1"})"), "found another kind of value"));
  EXPECT_TRUE(contains(openError("{}"), "expected field \"format\""));
}

TEST(Bundle, RefusesAMachineWithoutTheFeatures) {
  EXPECT_TRUE(contains(openError(R"({"format": 1, "name": "k", "library": "libk.so",
    "definition": "k.attn.mlir", "target": {"name": "cpu:future", "features": ["avx4096"]}})"),
                       "needs 'avx4096'"));
}

TEST(Bundle, RefusesALibraryElsewhere) {
  EXPECT_TRUE(contains(openError(R"({"format": 1, "name": "k", "library": "../libk.so",
    "definition": "k.attn.mlir"})"),
                       "beside the manifest"));
}

TEST(Bundle, RefusesAMissingLibrary) {
  EXPECT_TRUE(contains(openError(R"({"format": 1, "name": "k", "library": "libnone.so",
    "definition": "k.attn.mlir", "target": {"name": "cpu", "features": []}, "entries": []})"),
                       "does not load"));
}

TEST(Dtype, NamesAndCodesAgree) {
  for (int32_t code = 0; dtypeName(code); ++code) {
    EXPECT_EQ(dtypeCode(dtypeName(code)), code);
    EXPECT_GT(dtypeSize(code), 0);
  }
  EXPECT_EQ(dtypeCode("f8"), -1);
  EXPECT_EQ(dtypeSize(99), 0);
}
