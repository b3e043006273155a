/*===- attn_gpu.c - loads and launches the kernels of a GPU bundle ---------===*\
|*
|* Linked into every GPU bundle. Needs the driver (libcuda.so.1) when the first entry is called and
nothing
|* else: no CUDA toolkit, no C++ library. Results are codes, nothing is printed.
|*
\*===----------------------------------------------------------------------===*/
#include "attn_gpu_internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

attn_gpu_driver attn_driver;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum {
  DEVICE_ORDINAL = 9,
  MULTIPROCESSORS = 16,
  L2_BYTES = 38,
  CAPABILITY_MAJOR = 75,
  CAPABILITY_MINOR = 76,
  MAX_DYNAMIC_SHARED = 8
};
/* What the second-level cache reads around a row of a box. Boxes are 128 bytes wide; twice as much,
 * the neighbouring chunk, which its own box asks for at the same time, costs up to 9 % where memory
 * decides. */
enum { L2_PROMOTION_128B = 2 };
enum { NUM_COUNTER_PAIRS = 1024 };

static int find_all(void *library) {
  struct {
    const char *name;
    void **target;
  } wanted[] = {{"cuInit", (void **)&attn_driver.init},
                {"cuCtxGetCurrent", (void **)&attn_driver.ctx_get_current},
                {"cuCtxSetCurrent", (void **)&attn_driver.ctx_set_current},
                {"cuCtxGetDevice", (void **)&attn_driver.ctx_get_device},
                {"cuDevicePrimaryCtxRetain", (void **)&attn_driver.primary_retain},
                {"cuPointerGetAttribute", (void **)&attn_driver.pointer_attribute},
                {"cuDeviceGetAttribute", (void **)&attn_driver.device_attribute},
                {"cuLibraryLoadData", (void **)&attn_driver.library_load},
                {"cuLibraryGetKernel", (void **)&attn_driver.library_kernel},
                {"cuKernelSetAttribute", (void **)&attn_driver.kernel_set},
                {"cuTensorMapEncodeTiled", (void **)&attn_driver.encode_tiled},
                {"cuLaunchKernel", (void **)&attn_driver.launch},
                {"cuLaunchKernelEx", (void **)&attn_driver.launch_with},
                {"cuMemAlloc_v2", (void **)&attn_driver.mem_alloc},
                {"cuMemFree_v2", (void **)&attn_driver.mem_free},
                {"cuStreamSynchronize", (void **)&attn_driver.synchronize},
                {"cuStreamCreate", (void **)&attn_driver.stream_create},
                {"cuStreamDestroy_v2", (void **)&attn_driver.stream_destroy},
                {"cuMemsetD32Async", (void **)&attn_driver.memset_words},
                {"cuStreamGetCaptureInfo_v2", (void **)&attn_driver.capture_info},
                {"cuThreadExchangeStreamCaptureMode", (void **)&attn_driver.capture_mode}};
  size_t i;
  for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); ++i)
    if (!(*wanted[i].target = dlsym(library, wanted[i].name)))
      return 0;
  return 1;
}

/* Called with the lock held. */
static int32_t open_driver(void) {
  if (!attn_driver.status) {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    attn_driver.status = library && find_all(library) && attn_driver.init(0) == 0 ? 1 : 2;
  }
  return attn_driver.status == 1 ? 0 : ATTN_ERROR_NO_DRIVER;
}

static int32_t driver_error(int result) { return result ? ATTN_ERROR_DRIVER + result : 0; }

/* ---- arguments
 * ---------------------------------------------------------------------------------------------- */

int attn_gpu_is_empty(const attn_tensor *t) {
  int32_t i;
  for (i = 0; i < t->rank; ++i)
    if (t->sizes[i] == 0)
      return 1;
  return 0;
}

/* Inside of a tile of rows, offsets have 32 bits in kernels that load by address. */
int32_t attn_gpu_check_tile(const attn_gpu_entry *entry, const attn_tensor *args) {
  int64_t inputs[3], i;
  inputs[0] = entry->query, inputs[1] = entry->key, inputs[2] = entry->value;
  for (i = 0; !entry->has_maps && i < 3; ++i) {
    const attn_tensor *t = &args[inputs[i]];
    if (t->sizes[2] > 1 && t->strides[2] >= INT64_C(1) << 23)
      return (int32_t)(1000 * inputs[i]) + ATTN_ERROR_STRIDE;
  }
  return 0;
}

/* The copy engine and 16-byte stores: addresses and strides are multiples of 16 bytes, below 2^40.
 */
static int32_t check_layout(const attn_tensor *t, int is_wide) {
  int32_t i;
  if (attn_gpu_is_empty(t))
    return 0;
  if (!t->data)
    return ATTN_ERROR_NULL;
  if (t->rank && t->strides[t->rank - 1] != 1)
    return ATTN_ERROR_STRIDE;
  if (!is_wide)
    return 0;
  if ((uintptr_t)t->data & 15)
    return ATTN_ERROR_STRIDE;
  for (i = 0; i < t->rank - 1; ++i)
    if (t->sizes[i] > 1 &&
        ((t->strides[i] & 7) || t->strides[i] < 0 || t->strides[i] >= INT64_C(1) << 39))
      return ATTN_ERROR_STRIDE;
  return 0;
}

static int32_t check_argument(const attn_gpu_argument *want, const attn_tensor *args, int64_t n,
                              int64_t *symbols) {
  const attn_tensor *t = &args[n];
  int64_t i;
  if (t->rank != want->rank)
    return ATTN_ERROR_RANK;
  if (t->dtype != want->dtype)
    return ATTN_ERROR_DTYPE;
  for (i = 0; i < want->rank; ++i) {
    int64_t *symbol = want->symbol[i] >= 0 ? &symbols[want->symbol[i]] : 0;
    if (t->sizes[i] < 0 || t->sizes[i] >= INT64_C(1) << 31 ||
        (want->size[i] >= 0 && t->sizes[i] != want->size[i]))
      return ATTN_ERROR_SIZE;
    if (symbol && *symbol >= 0 && *symbol != t->sizes[i])
      return ATTN_ERROR_SIZE;
    if (symbol)
      *symbol = t->sizes[i];
  }
  return check_layout(t, (int)want->is_wide);
}

/* Sizes that only have to be large enough; all symbols are known. */
static int32_t check_bounds(const attn_gpu_argument *want, const attn_tensor *t,
                            const int64_t *symbols) {
  int64_t i;
  for (i = 0; i < want->rank; ++i) {
    int64_t symbol = want->least_symbol[i], by = want->least[i];
    if (t->sizes[i] < (symbol < 0 ? by : (symbols[symbol] + by - 1) / by))
      return ATTN_ERROR_SIZE;
  }
  return 0;
}

int32_t attn_gpu_check(const attn_gpu_signature *want, const attn_tensor *args, int64_t num_args) {
  int64_t symbols[4 * ATTN_GPU_MAX_ARGUMENTS], i;
  if (num_args != want->num_args || !args)
    return ATTN_ERROR_ARGUMENT_COUNT;
  memset(symbols, -1, sizeof(symbols));
  for (i = 0; i < num_args; ++i) {
    int32_t kind = check_argument(&want->args[i], args, i, symbols);
    if (kind)
      return (int32_t)(1000 * i) + kind;
  }
  for (i = 0; i < num_args; ++i)
    if (check_bounds(&want->args[i], &args[i], symbols))
      return (int32_t)(1000 * i) + ATTN_ERROR_SIZE;
  return 0;
}

/* ---- launch
 * -------------------------------------------------------------------------------------------------
 */

/* Device of the current context, or of a tensor's memory, whose primary context becomes current. */
static int32_t find_device(const attn_tensor *tensor, int *device) {
  void *context = 0;
  int result = attn_driver.ctx_get_current(&context);
  if (result)
    return driver_error(result);
  if (context)
    return driver_error(attn_driver.ctx_get_device(device));
  result = attn_driver.pointer_attribute(device, DEVICE_ORDINAL, (uint64_t)(uintptr_t)tensor->data);
  if (!result)
    result = attn_driver.primary_retain(&context, *device);
  return driver_error(result ? result : attn_driver.ctx_set_current(context));
}

static int32_t describe_device(attn_gpu_device *device) {
  int major = 0, minor = 0,
      result = attn_driver.device_attribute(&major, CAPABILITY_MAJOR, device->number);
  if (!result)
    result = attn_driver.device_attribute(&minor, CAPABILITY_MINOR, device->number);
  if (!result)
    result = attn_driver.device_attribute(&device->processors, MULTIPROCESSORS, device->number);
  if (!result)
    result = attn_driver.device_attribute(&device->l2_bytes, L2_BYTES, device->number);
  device->capability = 10 * major + minor;
  return driver_error(result);
}

int32_t attn_gpu_open(const attn_tensor *tensor, attn_gpu_device *device) {
  int32_t code;
  pthread_mutex_lock(&lock);
  code = open_driver();
  if (!code)
    code = find_device(tensor, &device->number);
  if (!code)
    code = describe_device(device);
  pthread_mutex_unlock(&lock);
  return code;
}

/* What the device can load: machine code, text that the driver compiles, or null. */
static const void *image_for(const attn_gpu_images *images, int64_t capability) {
  if (capability == images->capability)
    return images->machine_code;
  if (!images->ptx || capability < images->capability)
    return 0;
  return capability / 10 == images->capability / 10 ? images->machine_code : images->ptx;
}

/* Called with the lock held. All kernels of a bundle are in one image, which is loaded once. */
static int32_t load(attn_gpu_state *state, const attn_gpu_images *images, const char *name,
                    attn_gpu_device *device) {
  static void *libraries[2]; /* from machine code, from text */
  const void *image = image_for(images, device->capability);
  int is_text = image == images->ptx, result = 0;
  void **kernel = &state->kernels[is_text], **library = &libraries[is_text];
  if (!image)
    return ATTN_ERROR_DEVICE;
  if (!*kernel && !*library)
    result = attn_driver.library_load(library, image, 0, 0, 0, 0, 0, 0);
  if (!*kernel && !result)
    result = attn_driver.library_kernel(kernel, *library, name);
  device->kernel = *kernel;
  return driver_error(result);
}

int32_t attn_gpu_load(attn_gpu_state *state, const attn_gpu_images *images, const char *name,
                      attn_gpu_device *device) {
  int32_t code;
  pthread_mutex_lock(&lock);
  code = load(state, images, name, device);
  pthread_mutex_unlock(&lock);
  return code;
}

/* Loads the kernel the first time, and allows its shared memory once per device. */
static int32_t prepare(const attn_gpu_entry *entry, attn_gpu_state *state,
                       const attn_gpu_images *images, const char *name, attn_gpu_device *device) {
  int32_t code;
  int is_known;
  pthread_mutex_lock(&lock);
  code = load(state, images, name, device);
  is_known = device->number < 64 && state->ready_devices >> device->number & 1;
  if (!code && !is_known) {
    code = driver_error(attn_driver.kernel_set(MAX_DYNAMIC_SHARED, (int)entry->shared_bytes,
                                               device->kernel, device->number));
    if (!code && device->number < 64)
      state->ready_devices |= UINT64_C(1) << device->number;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

/* [column, row, head, batch]; a box is one swizzled chunk. Without keys any readable memory will
 * do: all is masked. */
int32_t attn_gpu_encode(attn_tensor_map *map, const attn_tensor *t, const attn_tensor *otherwise,
                        int64_t columns, int64_t rows) {
  const attn_tensor *from = attn_gpu_is_empty(t) ? otherwise : t;
  int empty = attn_gpu_is_empty(t), i;
  int64_t chunk = columns > 32 ? 64 : columns > 16 ? 32 : 16;
  uint64_t size[4], stride[3];
  uint32_t box[4] = {(uint32_t)chunk, (uint32_t)rows, 1, 1}, ones[4] = {1, 1, 1, 1};
  size[0] = (uint64_t)(empty ? from->sizes[3] : columns);
  for (i = 0; i < 3; ++i) {
    size[1 + i] = empty ? 1 : (uint64_t)t->sizes[i == 0 ? 2 : i == 1 ? 1 : 0];
    stride[i] = size[1 + i] == 1 ? 16 * ((uint64_t)(size[0] + 7) / 8)
                                 : 2 * (uint64_t)from->strides[i == 0   ? 2
                                                               : i == 1 ? 1
                                                                        : 0];
  }
  return driver_error(attn_driver.encode_tiled(map, t->dtype == ATTN_F16 ? 6 : 9, 4, from->data,
                                               size, stride, box, ones, 0,
                                               chunk == 64   ? 3
                                               : chunk == 32 ? 2
                                                             : 1,
                                               L2_PROMOTION_128B, 0));
}

/* What the kernel gets of an operand of the mask. */
typedef struct mask_operand {
  uint64_t address;
  int64_t strides[3];
  int32_t size;
} mask_operand;

/* Axes of size 1 count for every index; a tensor without elements is not read, but its address is.
 */
static void describe_mask(mask_operand *m, const attn_tensor *t, const attn_tensor *otherwise) {
  int32_t i;
  memset(m, 0, sizeof(*m));
  m->address = (uint64_t)(uintptr_t)(attn_gpu_is_empty(t) ? otherwise->data : t->data);
  m->size = (int32_t)t->sizes[t->rank - 1];
  if (attn_gpu_is_empty(t))
    return;
  for (i = 0; i < t->rank && i < 3; ++i)
    m->strides[i] = t->sizes[i] == 1 ? 0 : t->strides[i];
}

static int64_t power_of_two(int64_t n) {
  int64_t p = 1;
  while (2 * p <= n)
    p *= 2;
  return p;
}

/* Heads that run side by side, longest tiles first: their keys and values stay in the second-level
   cache (of which they may take 24 MB on Hopper, about half), but there are at least two tiles per
   multiprocessor, four where tiles are long. */
static int64_t heads_at_once(const attn_gpu_entry *entry, int64_t keys, int64_t row_tiles,
                             int64_t all, const attn_gpu_device *device) {
  int64_t bytes = 2 * (keys > 0 ? keys : 1) * (entry->qk_size + entry->v_size),
          group = entry->largest_group;
  int64_t cache = entry->has_maps ? INT64_C(24) << 20 : device->l2_bytes / 2;
  int64_t slots = device->processors * (entry->has_maps ? 1 : entry->blocks);
  int64_t fit = power_of_two(cache / bytes) * group;
  int64_t busy = power_of_two((keys >= 8192 ? 4 : 2) * slots / row_tiles);
  busy = (busy + group - 1) / group * group;
  fit = fit > busy ? fit : busy;
  return fit < all ? fit : all;
}

static int64_t read_offset(const attn_gpu_entry *entry, const attn_tensor *args, int64_t queries,
                           int64_t keys) {
  if (entry->offset >= 0)
    return *(const int64_t *)args[entry->offset].data;
  return entry->offset_is_constant ? entry->constant_offset : keys - queries;
}

static int32_t encode_all(const attn_gpu_entry *entry, attn_tensor_map *maps, const attn_tensor *q,
                          const attn_tensor *k, const attn_tensor *v, const attn_tensor *out) {
  int32_t code = attn_gpu_encode(&maps[0], q, q, entry->qk_size, 64);
  if (!code)
    code = attn_gpu_encode(&maps[1], k, q, entry->qk_size, entry->keys);
  return code ? code : attn_gpu_encode(&maps[2], v, out, entry->v_size, entry->keys);
}

/* Persistent blocks, one per multiprocessor, take tiles from a counter; others are a tile each. */
static unsigned grid_of(const attn_gpu_entry *entry, int64_t tiles, int processors) {
  return (unsigned)(entry->has_maps && tiles > processors ? processors : tiles);
}

static int32_t launch(const attn_gpu_entry *entry, attn_gpu_state *state,
                      const attn_gpu_device *device, const attn_tensor *args, int64_t offset,
                      void *stream) {
  const attn_tensor *q = &args[entry->query], *k = &args[entry->key], *v = &args[entry->value],
                    *out = &args[entry->out];
  const attn_tensor *lse = entry->lse >= 0 ? &args[entry->lse] : 0;
  attn_tensor_map maps[3];
  void *out_data = out->data, *lse_data = lse ? lse->data : 0,
       *sinks = entry->sinks >= 0 ? args[entry->sinks].data : 0;
  int64_t batch = q->sizes[0], queries = q->sizes[2], keys = k->sizes[2],
          all = batch * entry->heads;
  int64_t row_tiles = (queries + entry->rows - 1) / entry->rows, tiles = row_tiles * all;
  int32_t slot =
      (int32_t)(__atomic_fetch_add(&state->launches, 1, __ATOMIC_RELAXED) % NUM_COUNTER_PAIRS);
  int32_t code;
  if (tiles >= INT64_C(1) << 30)
    return ATTN_ERROR_DEVICE;
  code = entry->has_maps ? encode_all(entry, maps, q, k, v, out) : 0;
  if (code)
    return code;
  {
    int32_t n_queries = (int32_t)queries, n_keys = (int32_t)keys, n_all = (int32_t)all,
            n_row_tiles = (int32_t)row_tiles;
    int32_t n_tiles = (int32_t)tiles,
            at_once = (int32_t)heads_at_once(entry, keys, row_tiles, all, device);
    int32_t n_offset = (int32_t)offset;
    int64_t os[3], ls[3] = {0, 0, 0}, i, j;
    mask_operand masks[ATTN_GPU_MAX_MASKS];
    const attn_tensor *inputs[3] = {q, k, v};
    void **at;
    void *parameters[20 + 12 + 5 * ATTN_GPU_MAX_MASKS] = {
        &maps[0],   &maps[1], &maps[2], &out_data,    &lse_data, &sinks,   &slot,
        &n_queries, &n_keys,  &n_all,   &n_row_tiles, &n_tiles,  &at_once, &n_offset,
        &os[0],     &os[1],   &os[2],   &ls[0],       &ls[1],    &ls[2]};
    memcpy(os, out->strides, sizeof(os));
    if (lse)
      memcpy(ls, lse->strides, sizeof(ls));
    at = &parameters[20];
    for (i = 0; entry->reads_addresses && i < 3; ++i) {
      *at++ = (void *)&inputs[i]->data;
      for (j = 0; j < 3; ++j)
        *at++ = (void *)&inputs[i]->strides[j];
    }
    for (i = 0; i < entry->num_masks; ++i) {
      describe_mask(&masks[i], &args[entry->masks[i]], q);
      *at++ = &masks[i].address;
      for (j = 0; j < 3; ++j)
        *at++ = &masks[i].strides[j];
      *at++ = &masks[i].size;
    }
    return driver_error(attn_gpu_start_entry(entry, device->kernel,
                                             grid_of(entry, tiles, device->processors), stream,
                                             &parameters[entry->has_maps ? 0 : 3]));
  }
}

int32_t attn_gpu_launch(const attn_gpu_entry *entry, attn_gpu_state *state,
                        const attn_gpu_images *images, const char *name, attn_gpu_device *device,
                        const attn_tensor *args, void *stream) {
  int64_t offset = read_offset(entry, args, args[entry->query].sizes[2], args[entry->key].sizes[2]);
  int32_t code;
  if (offset <= -(INT64_C(1) << 30) || offset >= INT64_C(1) << 30)
    return ATTN_ERROR_DEVICE;
  code = prepare(entry, state, images, name, device);
  if (code)
    return code;
  return entry->is_stream ? attn_gpu_launch_stream(entry, state, device, args, offset, stream)
                          : launch(entry, state, device, args, offset, stream);
}

int32_t attn_gpu_run(const attn_gpu_entry *entry, attn_gpu_state *state,
                     const attn_gpu_images *images, const char *kernel_name,
                     const attn_tensor *args, int64_t num_args, void *stream) {
  attn_gpu_device device = {0};
  int32_t code = attn_gpu_check(&entry->signature, args, num_args);
  if (!code)
    code = attn_gpu_check_tile(entry, args);
  if (code)
    return code;
  if (attn_gpu_is_empty(&args[entry->out]))
    return 0;
  code = attn_gpu_open(&args[entry->query], &device);
  return code ? code : attn_gpu_launch(entry, state, images, kernel_name, &device, args, stream);
}
