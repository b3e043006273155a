/* A driver that runs on the host, for tests of everything around the kernels: device memory is host
 * memory, and an attention's launch is plain loops that read its tensors through the tensor maps
 * they are given. Kernels of token loops run themselves, by the PTX they were made from (ptx.h).
 * Requirements that the real driver and copy engine have (alignment, box sizes, strides, shared
 * memory) are checked here. Settings come from the environment:
 *
 *   FAKE_CUDA_LOG       file that gets a line per call
 *   FAKE_CUDA_FAIL      name of a call that returns error 719
 *   FAKE_CUDA_COMPUTE   compute capability, such as 80 (default 90)
 *   FAKE_CUDA_WRONG     the kernel adds this to every output
 *   FAKE_CUDA_STRAY     the kernel writes behind its output
 *   FAKE_CUDA_PTX       file with the PTX of the bundle
 *   FAKE_CUDA_SCALE     of the attentions (default 1/8)
 *   FAKE_CUDA_HEADS     query heads of attentions of few rows, whose launches do not say it
 *   FAKE_CUDA_MEMORY    so many allocations succeed
 */
#include "ptx.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INVALID_VALUE = 1, UNSPECIFIED_FAILURE = 719 };

static int called(const char *name) {
  const char *log = getenv("FAKE_CUDA_LOG"), *fail = getenv("FAKE_CUDA_FAIL");
  if (log) {
    FILE *file = fopen(log, "a");
    fprintf(file, "%s\n", name);
    fclose(file);
  }
  return fail && !strcmp(fail, name) ? UNSPECIFIED_FAILURE : 0;
}
#define CALLED                                                                                     \
  if (called(__func__))                                                                            \
  return UNSPECIFIED_FAILURE

static void *context;

int cuInit(unsigned flags) {
  CALLED;
  return flags ? INVALID_VALUE : 0;
}
int cuDeviceGet(int *device, int n) {
  CALLED;
  *device = 0;
  return n ? 101 : 0;
}
int cuDeviceGetName(char *name, int n, int device) {
  CALLED;
  snprintf(name, n, "fake GPU %d", device);
  return 0;
}
int cuDeviceGetAttribute(int *value, int what, int device) {
  const char *compute = getenv("FAKE_CUDA_COMPUTE");
  int number = compute ? atoi(compute) : 90;
  CALLED;
  *value = what == 16   ? 4
           : what == 38 ? 50 << 20
           : what == 75 ? number / 10
           : what == 76 ? number % 10
                        : device;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **out, int device) {
  CALLED;
  *out = &context;
  return device;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  CALLED;
  return device;
}
int cuCtxGetCurrent(void **out) {
  CALLED;
  *out = context;
  return 0;
}
int cuCtxSetCurrent(void *given) {
  CALLED;
  context = given;
  return 0;
}
int cuCtxGetDevice(int *device) {
  CALLED;
  *device = 0;
  return 0;
}
int cuPointerGetAttribute(void *out, int what, uint64_t address) {
  CALLED;
  *(int *)out = 0;
  return what == 9 && address ? 0 : INVALID_VALUE;
}
int cuGetErrorString(int code, const char **text) {
  *text = code == UNSPECIFIED_FAILURE ? "unspecified launch failure" : "other";
  return 0;
}

/* ---- memory ---- */
int cuMemGetInfo_v2(size_t *free, size_t *total) {
  CALLED;
  *free = *total = (size_t)64 << 20;
  return 0;
}
int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  static int allocations;
  const char *most = getenv("FAKE_CUDA_MEMORY");
  CALLED;
  if (most && ++allocations > atoi(most))
    return 2;
  *address = (uint64_t)(uintptr_t)aligned_alloc(512, (bytes + 511) / 512 * 512);
  return *address ? 0 : 2;
}
int cuMemFree_v2(uint64_t address) {
  CALLED;
  free((void *)(uintptr_t)address);
  return 0;
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t n) {
  CALLED;
  memcpy((void *)(uintptr_t)to, from, n);
  return 0;
}
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t n) {
  CALLED;
  memcpy(to, (void *)(uintptr_t)from, n);
  return 0;
}
int cuMemsetD32Async(uint64_t to, unsigned word, size_t n, void *stream) {
  size_t i;
  CALLED;
  (void)stream;
  for (i = 0; i < n; ++i)
    ((unsigned *)(uintptr_t)to)[i] = word;
  return 0;
}

/* ---- streams, graphs (which record launches with their arguments), events ---- */
typedef struct work {
  int (*run)(void *);
  void *argument;
} work;
static int capturing, copies;
static work recorded[2048];
static int num_recorded;
static int do_copy(void *argument) {
  (void)argument;
  return 0;
}
/* Takes the argument. */
static int put(int (*run)(void *), void *argument) {
  if (!capturing) {
    int code = run(argument);
    free(argument);
    return code;
  }
  if (num_recorded == 2048)
    return INVALID_VALUE;
  recorded[num_recorded++] = (work){run, argument};
  return 0;
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t n, void *stream) {
  CALLED;
  ++copies;
  return to && from && n && stream ? put(do_copy, 0) : INVALID_VALUE;
}
int cuStreamCreate(void **stream, unsigned flags) {
  CALLED;
  *stream = malloc(1);
  return flags ? INVALID_VALUE : 0;
}
int cuStreamDestroy_v2(void *stream) {
  CALLED;
  free(stream);
  return 0;
}
int cuThreadExchangeStreamCaptureMode(int *mode) {
  static int current;
  int before = current;
  CALLED;
  current = *mode;
  *mode = before;
  return 0;
}
int cuStreamGetCaptureInfo_v2(void *stream, int *status, uint64_t *id, void *graph,
                              void *dependencies, void *num_dependencies) {
  CALLED;
  (void)stream, (void)graph, (void)dependencies, (void)num_dependencies;
  *status = capturing;
  *id = 1;
  return 0;
}
int cuStreamSynchronize(void *stream) {
  CALLED;
  return stream ? 0 : INVALID_VALUE;
}
int cuStreamBeginCapture_v2(void *stream, int mode) {
  CALLED;
  capturing = 1, num_recorded = 0;
  return stream && mode == 1 ? 0 : INVALID_VALUE;
}
int cuStreamEndCapture(void *stream, void **graph) {
  CALLED;
  capturing = 0, *graph = malloc(1);
  return stream ? 0 : INVALID_VALUE;
}
int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags) {
  CALLED;
  *exec = malloc(1);
  return graph && !flags ? 0 : INVALID_VALUE;
}
int cuGraphDestroy(void *graph) {
  CALLED;
  free(graph);
  return 0;
}
int cuGraphExecDestroy(void *exec) {
  CALLED;
  free(exec);
  return 0;
}
int cuGraphLaunch(void *exec, void *stream) {
  int i, code = exec && stream ? 0 : INVALID_VALUE;
  CALLED;
  for (i = 0; i < num_recorded && !code; ++i)
    code = recorded[i].run(recorded[i].argument);
  return code;
}
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}
int cuEventCreate(void **event, unsigned flags) {
  CALLED;
  *event = calloc(1, sizeof(double));
  return flags ? INVALID_VALUE : 0;
}
int cuEventDestroy_v2(void *event) {
  CALLED;
  free(event);
  return 0;
}
int cuEventRecord(void *event, void *stream) {
  CALLED;
  *(double *)event = now();
  return stream ? 0 : INVALID_VALUE;
}
int cuEventElapsedTime(float *ms, void *from, void *to) {
  CALLED;
  *ms = (float)(*(double *)to - *(double *)from) + 0.001f;
  return 0;
}

/* ---- kernels ---- */
enum { MAX_KERNELS = 512 };
typedef struct fake_kernel {
  char name[256];
  int max_shared;
} fake_kernel;
static fake_kernel kernels[MAX_KERNELS];
static int num_kernels;
static int is_kernel(const void *kernel) {
  const fake_kernel *k = kernel;
  return k >= kernels && k < kernels + num_kernels;
}
/* PTX text, which the ceiling's kernel is, cannot run here. */
int cuModuleLoadData(void **module, const void *image) {
  CALLED;
  *module = 0;
  return image ? 218 : INVALID_VALUE;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  CALLED;
  *function = 0;
  return module && name ? 0 : INVALID_VALUE;
}
int cuModuleUnload(void *module) {
  CALLED;
  return module ? 0 : INVALID_VALUE;
}
int cuFuncSetAttribute(void *function, int what, int value) {
  CALLED;
  return function && what && value ? 0 : INVALID_VALUE;
}
int cuLibraryLoadData(void **library, const void *image, void *a, void *b, unsigned c, void *d,
                      void *e, unsigned f) {
  int is_text =
      !memcmp(image, "//", 2) && strstr(image, ".version") && strstr(image, ".target sm_");
  CALLED;
  if (is_text && called("compiled from text"))
    return UNSPECIFIED_FAILURE;
  *library = malloc(1);
  return (is_text || !memcmp(image, "\177ELF", 4)) && !a && !b && !c && !d && !e && !f ? 0 : 200;
}
int cuLibraryGetKernel(void **kernel, void *library, const char *name) {
  CALLED;
  if (num_kernels == MAX_KERNELS)
    return INVALID_VALUE;
  snprintf(kernels[num_kernels].name, sizeof(kernels[0].name), "%s", name);
  *kernel = &kernels[num_kernels++];
  return library ? 0 : INVALID_VALUE;
}
int cuKernelSetAttribute(int what, int value, void *kernel, int device) {
  CALLED;
  if (what != 8 || value > 232448 || !is_kernel(kernel) || device)
    return INVALID_VALUE;
  ((fake_kernel *)kernel)->max_shared = value;
  return 0;
}

/* A tensor map as this driver writes it. */
typedef struct fake_map {
  uint64_t magic, address, size[4], stride[3];
  uint32_t type;
} fake_map;
enum { MAGIC = 0x6d617073 };

/* The limits of cuTensorMapEncodeTiled's documentation. */
int cuTensorMapEncodeTiled(void *out, int type, uint32_t rank, void *address, const uint64_t *size,
                           const uint64_t *stride, const uint32_t *box, const uint32_t *steps,
                           int interleave, int swizzle, int promotion, int fill) {
  fake_map map = {MAGIC, (uint64_t)(uintptr_t)address, {0}, {0}, (uint32_t)type};
  uint32_t i, widest = swizzle == 3 ? 128 : swizzle == 2 ? 64 : swizzle == 1 ? 32 : 0;
  CALLED;
  if ((uintptr_t)out & 63 || !address || (uintptr_t)address & 15 || rank != 4 || interleave ||
      fill || promotion != 2 || (type != 9 && type != 6))
    return INVALID_VALUE;
  for (i = 0; i < rank; ++i)
    if (size[i] < 1 || size[i] > UINT64_C(1) << 32 || box[i] < 1 || box[i] > 256 || steps[i] != 1)
      return INVALID_VALUE;
  for (i = 0; i + 1 < rank; ++i)
    if (stride[i] & 15 || stride[i] >= UINT64_C(1) << 40 || !stride[i])
      return INVALID_VALUE;
  if (box[0] * 2 > widest)
    return INVALID_VALUE;
  memcpy(map.size, size, sizeof(map.size)), memcpy(map.stride, stride, sizeof(map.stride));
  memcpy(out, &map, sizeof(map));
  return 0;
}

static float to_float(uint16_t bits, uint32_t type) {
  uint32_t word = (uint32_t)bits << 16;
  float value;
  if (type == 6) {
    _Float16 half;
    memcpy(&half, &bits, 2);
    return half;
  }
  memcpy(&value, &word, 4);
  return value;
}
static uint16_t from_float(float value, uint32_t type) {
  uint32_t word;
  uint16_t bits;
  if (type == 6) {
    _Float16 half = (_Float16)value;
    memcpy(&bits, &half, 2);
    return bits;
  }
  memcpy(&word, &value, 4);
  return (uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}
/* What a copy brings: zeros outside of the tensor. */
static float element(const fake_map *map, int64_t b, int64_t h, int64_t row, int64_t column) {
  uint16_t bits;
  if (row < 0 || (uint64_t)row >= map->size[1] || (uint64_t)column >= map->size[0])
    return 0;
  memcpy(&bits,
         (char *)(uintptr_t)map->address + b * map->stride[2] + h * map->stride[1] +
             row * map->stride[0] + column * 2,
         2);
  return to_float(bits, map->type);
}

/* The arguments of an attention. */
typedef struct attention {
  fake_map query, key, value;
  char *out;
  float *lse;
  int32_t queries, keys, all, offset;
  int64_t out_stride[3], lse_stride[3];
} attention;

static double scale_of_scores(void) {
  const char *scale = getenv("FAKE_CUDA_SCALE");
  return scale ? atof(scale) : 0.125;
}

/* Causal, with even groups: what the tests compile. */
static void row(const attention *a, int64_t b, int64_t h, int64_t i) {
  int64_t heads = (int64_t)a->query.size[2], hk = h * (int64_t)a->key.size[2] / heads,
          hv = h * (int64_t)a->value.size[2] / heads;
  int64_t keys = i + a->offset + 1 < a->keys ? i + a->offset + 1 : a->keys, j, c;
  double *weights = malloc(sizeof(double) * (keys > 0 ? keys : 1)), most = -INFINITY, sum = 0;
  const char *wrong = getenv("FAKE_CUDA_WRONG");
  for (j = 0; j < keys; ++j) {
    for (weights[j] = 0, c = 0; (uint64_t)c < a->query.size[0]; ++c)
      weights[j] += (double)element(&a->query, b, h, i, c) * element(&a->key, b, hk, j, c);
    weights[j] *= scale_of_scores();
    most = weights[j] > most ? weights[j] : most;
  }
  for (j = 0; j < keys; ++j)
    sum += weights[j] = exp(weights[j] - most);
  for (c = 0; (uint64_t)c < a->value.size[0]; ++c) {
    double total = 0;
    uint16_t bits;
    for (j = 0; j < keys; ++j)
      total += weights[j] * element(&a->value, b, hv, j, c);
    bits = from_float((float)(sum > 0 ? total / sum : 0) + (wrong ? (float)atof(wrong) : 0),
                      a->query.type);
    memcpy(a->out + 2 * (b * a->out_stride[0] + h * a->out_stride[1] + i * a->out_stride[2] + c),
           &bits, 2);
  }
  if (a->lse)
    a->lse[b * a->lse_stride[0] + h * a->lse_stride[1] + i * a->lse_stride[2]] =
        sum > 0 ? (float)(most + log(sum)) : -INFINITY;
  free(weights);
}

static int run_attention(void *argument) {
  const attention *a = argument;
  int64_t heads = (int64_t)a->query.size[2], n, i;
  for (n = 0; n < a->all; ++n)
    for (i = 0; i < a->queries; ++i)
      row(a, n / heads, n % heads, i);
  if (getenv("FAKE_CUDA_STRAY")) /* an element of a gap behind the first row */
    a->out[2 * a->value.size[0]] ^= 1;
  return 0;
}

static int is_map(const void *parameter) {
  uint64_t magic;
  memcpy(&magic, parameter, sizeof(magic));
  return magic == MAGIC;
}

/* Parameters in the order of Kernel.h, behind the tensor maps. */
static void read_rest(attention *a, void **p) {
  int i;
  a->out = *(char **)p[0], a->lse = *(float **)p[1];
  a->queries = *(int32_t *)p[4], a->keys = *(int32_t *)p[5], a->all = *(int32_t *)p[6],
  a->offset = *(int32_t *)p[10];
  for (i = 0; i < 3; ++i)
    a->out_stride[i] = *(int64_t *)p[11 + i], a->lse_stride[i] = *(int64_t *)p[14 + i];
}

static void read_tiles(attention *a, void **p) {
  memcpy(&a->query, p[0], sizeof(fake_map)), memcpy(&a->key, p[1], sizeof(fake_map)),
      memcpy(&a->value, p[2], sizeof(fake_map));
  read_rest(a, p + 3);
}

/* Parameters in the order of Stream.h: queries come by address. */
static void read_stream(attention *a, void **p) {
  const char *heads = getenv("FAKE_CUDA_HEADS");
  int i;
  memcpy(&a->key, p[0], sizeof(fake_map)), memcpy(&a->value, p[1], sizeof(fake_map));
  a->query = a->key;
  a->query.address = *(uint64_t *)p[2];
  a->out = *(char **)p[3], a->lse = *(float **)p[4];
  a->queries = *(int32_t *)p[7], a->keys = *(int32_t *)p[8], a->offset = *(int32_t *)p[15];
  a->query.size[1] = (uint64_t)a->queries, a->query.size[2] = heads ? (uint64_t)atoi(heads) : 4;
  a->all = (int32_t)(a->query.size[2] * a->key.size[3]);
  for (i = 0; i < 3; ++i) {
    a->query.stride[2 - i] = 2 * *(uint64_t *)p[17 + i];
    a->out_stride[i] = *(int64_t *)p[20 + i], a->lse_stride[i] = *(int64_t *)p[23 + i];
  }
}

/* Parameters of a tensor as kernels take them that load by address: where a map would say the same.
 * Sizes are those of Inputs/prefill.mlir. */
static fake_map map_of(void **p, int64_t heads, int64_t rows) {
  fake_map map = {MAGIC, *(uint64_t *)p[0], {64, (uint64_t)rows, (uint64_t)heads, 0}, {0}, 9};
  int i;
  for (i = 0; i < 3; ++i)
    map.stride[i] = 2 * (uint64_t)*(int64_t *)p[3 - i];
  return map;
}

static void read_addresses(attention *a, void **p) {
  read_rest(a, p);
  a->query = map_of(p + 17, 4, a->queries), a->key = map_of(p + 21, 2, a->keys),
  a->value = map_of(p + 25, 2, a->keys);
}

static int launch_attention(const fake_kernel *kernel, unsigned blocks, unsigned threads,
                            unsigned shared, void **p, int has_maps) {
  attention *a = calloc(1, sizeof(attention));
  /* Persistent blocks fill the four processors, others are a tile each. */
  unsigned most = has_maps ? 4 : (unsigned)*(int32_t *)p[8];
  if (blocks > most || (!has_maps && blocks != most) || threads % 32 || threads > 1024 ||
      (int)shared > kernel->max_shared || (has_maps && (!is_map(p[0]) || !is_map(p[1]))))
    return INVALID_VALUE;
  if (!has_maps)
    read_addresses(a, p);
  else if (is_map(p[2]))
    read_tiles(a, p);
  else
    read_stream(a, p);
  return put(run_attention, a);
}

/* A kernel of token loops. */
typedef struct tokens {
  char name[256];
  unsigned blocks, blocks_y, threads;
  int64_t values[256];
} tokens;

static int run_tokens(void *argument) {
  tokens *t = argument;
  void *parameters[256];
  int i;
  for (i = 0; i < 256; ++i)
    parameters[i] = &t->values[i];
  return ptx_run(t->name, t->blocks, t->blocks_y, t->threads, 0, parameters) ? UNSPECIFIED_FAILURE
                                                                             : 0;
}

static int launch_tokens(const fake_kernel *kernel, unsigned blocks, unsigned blocks_y,
                         unsigned threads, void **p) {
  tokens *t = calloc(1, sizeof(tokens));
  int i;
  snprintf(t->name, sizeof(t->name), "%s", kernel->name);
  t->blocks = blocks, t->blocks_y = blocks_y, t->threads = threads;
  for (i = 0; i < ptx_has(kernel->name); ++i)
    t->values[i] = *(int64_t *)p[i];
  return put(run_tokens, t);
}

/* What both ways to launch have in common; without maps kernels load by address. */
static int launch(void *kernel, const unsigned *grid, const unsigned *block, unsigned shared,
                  void *stream, void **p, int has_maps) {
  static int is_loaded;
  const char *ptx = getenv("FAKE_CUDA_PTX");
  if (!is_kernel(kernel) || !grid[0] || grid[0] >= 1u << 31 || !grid[1] || grid[1] > 65535 ||
      grid[2] != 1 || block[1] != 1 || block[2] != 1 || !stream)
    return INVALID_VALUE;
  if (ptx && !is_loaded && !(is_loaded = ptx_load(ptx)))
    return INVALID_VALUE;
  if (ptx_has(((fake_kernel *)kernel)->name))
    return has_maps ? INVALID_VALUE : launch_tokens(kernel, grid[0], grid[1], block[0], p);
  return grid[1] == 1 ? launch_attention(kernel, grid[0], block[0], shared, p, has_maps)
                      : INVALID_VALUE;
}

int cuLaunchKernel(void *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **p, void **extra) {
  unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
  CALLED;
  return extra ? INVALID_VALUE : launch(kernel, grid, block, shared, stream, p, 0);
}

/* CUlaunchConfig and CUlaunchAttribute of cuda.h. */
struct fake_config {
  unsigned grid[3], block[3], shared;
  void *stream;
  struct {
    int id, padding, value[16];
  } *attributes;
  unsigned num_attributes;
};
enum { PROGRAMMATIC_STREAM_SERIALIZATION = 6 };

/* Kernels that wait for the launch before them by themselves. */
int cuLaunchKernelEx(const struct fake_config *l, void *kernel, void **p, void **extra) {
  CALLED;
  if (extra || l->num_attributes != 1 || l->attributes->id != PROGRAMMATIC_STREAM_SERIALIZATION ||
      l->attributes->value[0] != 1)
    return INVALID_VALUE;
  return launch(kernel, l->grid, l->block, l->shared, l->stream, p, 1);
}
