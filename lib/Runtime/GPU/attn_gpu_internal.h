/*===- attn_gpu_internal.h - what the parts of the GPU runtime share -------===*\
|*
|* Nothing of this is visible outside a bundle's library.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_GPU_INTERNAL_H
#define ATTN_GPU_INTERNAL_H

#include "attn/Runtime/attn_gpu.h"

#include <stddef.h>

/** The driver's functions that we use (CUDA 12 or later). */
typedef struct attn_gpu_driver {
  int status; /* 0 not tried, 1 ready, 2 not there */
  int (*init)(unsigned);
  int (*ctx_get_current)(void **);
  int (*ctx_set_current)(void *);
  int (*ctx_get_device)(int *);
  int (*primary_retain)(void **, int);
  int (*pointer_attribute)(void *, int, uint64_t);
  int (*device_attribute)(int *, int, int);
  int (*library_load)(void **, const void *, void *, void *, unsigned, void *, void *, unsigned);
  int (*library_kernel)(void **, void *, const char *);
  int (*kernel_set)(int, int, void *, int);
  int (*encode_tiled)(void *, int, uint32_t, void *, const uint64_t *, const uint64_t *,
                      const uint32_t *, const uint32_t *, int, int, int, int);
  int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                void *, void **, void **);
  int (*launch_with)(const void *, void *, void **, void **);
  int (*mem_alloc)(uint64_t *, size_t);
  int (*mem_free)(uint64_t);
  int (*synchronize)(void *);
  int (*stream_create)(void **, unsigned);
  int (*stream_destroy)(void *);
  int (*memset_words)(uint64_t, unsigned, size_t, void *);
  int (*capture_info)(void *, int *, uint64_t *, void *, void *, void *);
  int (*capture_mode)(int *);
} attn_gpu_driver;
extern attn_gpu_driver attn_driver;

typedef struct attn_tensor_map {
  _Alignas(64) unsigned char bytes[128];
} attn_tensor_map;

/** [column, row, head, batch] with boxes of one swizzled chunk of `rows` rows. An empty tensor's
 * map shows memory of `otherwise`. */
int32_t attn_gpu_encode(attn_tensor_map *map, const attn_tensor *t, const attn_tensor *otherwise,
                        int64_t columns, int64_t rows);

/** A grid of `columns` by `rows` blocks; `follows`: the kernel waits for the launch before it. */
typedef struct attn_gpu_grid {
  unsigned columns, rows, threads, shared_bytes;
  int follows;
} attn_gpu_grid;

/** -> result of the driver. */
int attn_gpu_start(const attn_gpu_grid *grid, void *kernel, void *stream, void **parameters);

/** The same of an attention, in `blocks` blocks. */
int attn_gpu_start_entry(const attn_gpu_entry *entry, void *kernel, unsigned blocks, void *stream,
                         void **parameters);

/** How one launch deals out its work: a line of `sequences * steps` key steps. The first `cut`
 * sequences are dealt out in `cutters` equal ranges, of which the first `more` have a step more
 * than `share`; each of the others is a range of its own. `workers` are all ranges. A worker is
 * `gang` blocks, one per row tile of a sequence. Rows are those of a part's record in the
 * workspace. */
typedef struct attn_gpu_ranges {
  int64_t row_tiles, gang, sequences, steps, workers, cut, cutters, share, more, rows;
  int64_t blocks; /* of the launch: whole gangs */
} attn_gpu_ranges;

/** Chooses from lengths and processors alone: the same lengths on the same device are always dealt
 * out alike. */
attn_gpu_ranges attn_gpu_choose_ranges(const attn_gpu_entry *entry, int64_t batch, int64_t queries,
                                       int64_t keys, int processors);

/** What memory of a stream is for: records of parts, or intermediate tensors. */
typedef enum attn_gpu_purpose { ATTN_GPU_PARTS, ATTN_GPU_STEPS } attn_gpu_purpose;

/** Device memory of at least `bytes` bytes that belongs to the stream, or to the capture in
 * progress on it. The first words are zero when it is new. */
int32_t attn_gpu_workspace(attn_gpu_purpose purpose, void *stream, size_t bytes,
                           size_t cleared_words, uint64_t *memory);

int attn_gpu_is_empty(const attn_tensor *tensor);
/** Checks arguments: 0, or an error's code. */
int32_t attn_gpu_check(const attn_gpu_signature *want, const attn_tensor *args, int64_t num_args);
/** The same of what only kernels that load by address ask for. */
int32_t attn_gpu_check_tile(const attn_gpu_entry *entry, const attn_tensor *args);
/** Opens the driver, and finds the current device, or else that of the tensor's memory. */
int32_t attn_gpu_open(const attn_tensor *tensor, attn_gpu_device *device);
/** Finds a kernel in the bundle's image for the device, once. */
int32_t attn_gpu_load(attn_gpu_state *state, const attn_gpu_images *images, const char *name,
                      attn_gpu_device *device);
/** Launches an attention whose output is not empty. */
int32_t attn_gpu_launch(const attn_gpu_entry *entry, attn_gpu_state *state,
                        const attn_gpu_images *images, const char *name, attn_gpu_device *device,
                        const attn_tensor *args, void *stream);

/** Launches a kernel of the stream form. */
int32_t attn_gpu_launch_stream(const attn_gpu_entry *entry, attn_gpu_state *state,
                               const attn_gpu_device *device, const attn_tensor *args,
                               int64_t offset, void *stream);

#endif /* ATTN_GPU_INTERNAL_H */
