/* The projections of a layer beside oneDNN's matrix products, in one run (needs libdnnl-dev):
     attn-compile benchmarks/cases/projections.mlir -o projections.bundle
     g++ -O2 -std=c++17 -fopenmp -Iprojections.bundle benchmarks/projections.cpp -ldnnl -ldl -o
   projections
     ./projections projections.bundle/libprojections.so THREADS [alternating]
   First all of ours, then all of oneDNN's: both keep threads that wait actively, of two OpenMP
   libraries. With `alternating` calls take turns, as they would within a layer. */
#include "attn_runtime.h"
#include "oneapi/dnnl/dnnl.hpp"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <omp.h>
#include <string>
#include <thread>
#include <vector>

using Call = std::function<void()>;
using Dims = std::vector<int64_t>;

namespace {

struct Projection {
  const char *name;
  int64_t heads, inner, columns;
  bool sumsHeads; /* the output projection */
};
const Projection projections[] = {{"queries", 16, 2048, 128, false},
                                  {"latents", 1, 2048, 576, false},
                                  {"output", 16, 128, 2048, true}};
const int64_t lengths[] = {1, 4, 16, 64, 512};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

/* Median seconds of each call, the calls in turns for a quarter of a second. */
std::vector<double> measure(const std::vector<Call> &calls) {
  std::vector<std::vector<double>> times(calls.size());
  for (const Call &call : calls)
    call();
  for (double start = now(); now() - start < 0.25 || times[0].size() < 5;)
    for (size_t i = 0; i < calls.size(); ++i) {
      double before = now();
      calls[i]();
      times[i].push_back(now() - before);
    }
  std::vector<double> result;
  for (auto &own : times)
    result.push_back(median(own));
  return result;
}

/* Memory of one projection of `length` tokens, and what computes it. */
class Subject {
public:
  Subject(void *library, const Projection &p, bool half, int64_t length, int threads)
      : p(p), half(half), length(length), threads(threads),
        weight(random(p.heads * p.inner * p.columns)),
        input(random(length * (p.sumsHeads ? p.heads * p.inner : p.inner))),
        result(random(length * (p.sumsHeads ? p.columns : p.heads * p.columns))) {
    entry = (Entry)dlsym(library, (std::string(p.name) + (half ? "_bf16" : "")).c_str());
  }

  void ours() {
    const attn_tensor args[] = {
        tensor(input, p.sumsHeads ? Dims{1, p.heads, length, p.inner} : Dims{1, length, p.inner}),
        tensor(weight, {p.heads, p.inner, p.columns}),
        tensor(result,
               p.sumsHeads ? Dims{1, length, p.columns} : Dims{1, p.heads, length, p.columns})};
    if (int32_t code = entry(args, 3, threads))
      std::exit(code);
  }

  /* Weights as they lie, head by head; or `packed` once as oneDNN likes them, heads side by side.
   */
  Call library(bool packed) {
    std::vector<Call> products;
    if (p.sumsHeads || packed)
      products.push_back(product(p.sumsHeads ? p.heads * p.inner : p.inner,
                                 p.sumsHeads ? p.columns : p.heads * p.columns, 0, 0, packed));
    else
      for (int64_t head = 0; head < p.heads; ++head)
        products.push_back(product(p.inner, p.columns, head * p.inner * p.columns,
                                   head * length * p.columns, packed));
    return [products, stream = stream]() mutable {
      for (const Call &one : products)
        one();
      stream.wait();
    };
  }

private:
  using Entry = int32_t (*)(const attn_tensor *, int64_t, int32_t);
  using Bytes = std::vector<char>;

  Bytes random(int64_t count) {
    Bytes bytes(count * (half ? 2 : 4));
    for (int64_t i = 0; i < count; ++i) {
      float value = (float)std::rand() / RAND_MAX - 0.5f;
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      uint16_t high = bits >> 16;
      half ? std::memcpy(&bytes[i * 2], &high, 2) : std::memcpy(&bytes[i * 4], &value, 4);
    }
    return bytes;
  }

  attn_tensor tensor(Bytes &bytes, const Dims &sizes) {
    return attn_contiguous(bytes.data(), half ? ATTN_BF16 : ATTN_F32, (int32_t)sizes.size(),
                           sizes.data());
  }

  Call product(int64_t inner, int64_t columns, int64_t weightAt, int64_t resultAt, bool packed) {
    using namespace dnnl;
    auto type = half ? memory::data_type::bf16 : memory::data_type::f32;
    int64_t bytes = half ? 2 : 4;
    memory::desc a({length, inner}, type, memory::format_tag::ab),
        c({length, columns}, type, memory::format_tag::ab);
    memory::desc lying({inner, columns}, type, memory::format_tag::ab),
        any({inner, columns}, type, memory::format_tag::any);
    matmul::primitive_desc description(matmul::desc(a, packed ? any : lying, c), engine);
    memory from(lying, engine, weight.data() + weightAt * bytes), weights = from;
    if (description.weights_desc() != lying) {
      weights = memory(description.weights_desc(), engine);
      reorder(from, weights).execute(stream, from, weights);
      stream.wait();
    }
    matmul multiply(description);
    std::unordered_map<int, memory> args = {
        {DNNL_ARG_SRC, memory(a, engine, input.data())},
        {DNNL_ARG_WEIGHTS, weights},
        {DNNL_ARG_DST, memory(c, engine, result.data() + resultAt * bytes)}};
    return [multiply, args, this] { multiply.execute(stream, args); };
  }

  Projection p;
  bool half;
  int64_t length;
  int threads;
  Bytes weight, input, result;
  Entry entry;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

void forEach(void *library, int threads,
             const std::function<void(const Projection &, bool, int64_t, Subject &)> &body) {
  for (bool half : {false, true})
    for (const Projection &p : projections)
      for (int64_t length : lengths) {
        Subject subject(library, p, half, length, threads);
        body(p, half, length, subject);
      }
}

void print(const Projection &p, bool half, int64_t length, double ours, double lying,
           double packed) {
  double flops = 2.0 * length * p.heads * p.inner * p.columns;
  std::printf("%-8s %-4s %4ld tokens  ours %.3f ms %5.1f GFLOP/s  oneDNN %.3f, packed %.3f ms  "
              "ours / oneDNN %.2f, / packed %.2f\n",
              p.name, half ? "bf16" : "f32", (long)length, ours * 1e3, flops / ours / 1e9,
              lying * 1e3, packed * 1e3, ours / lying, ours / packed);
}

} // namespace

int main(int argc, char **argv) {
  void *library = argc > 2 ? dlopen(argv[1], RTLD_NOW) : nullptr;
  if (!library)
    return std::fprintf(stderr, "usage: projections LIBRARY THREADS [alternating]\n"), 1;
  int threads = std::atoi(argv[2]);
  omp_set_num_threads(threads);
  if (argc > 3) {
    forEach(library, threads, [](const Projection &p, bool half, int64_t length, Subject &s) {
      Call packed = s.library(true);
      auto times = measure({[&] { s.ours(); }, packed});
      print(p, half, length, times[0], times[1], times[1]);
    });
    return 0;
  }
  std::vector<double> ours;
  forEach(library, threads, [&](const Projection &, bool, int64_t, Subject &s) {
    ours.push_back(measure({[&] { s.ours(); }})[0]);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  size_t i = 0;
  forEach(library, threads, [&](const Projection &p, bool half, int64_t length, Subject &s) {
    double lying = measure({s.library(false)})[0], packed = measure({s.library(true)})[0];
    print(p, half, length, ours[i++], lying, packed);
  });
}
