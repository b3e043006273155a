/*===- attn_gpu.h - what a GPU bundle's library holds of each entry -------===*\
|*
|* The compiler writes the table, attn_gpu.c reads it. All fields are int64_t,
|* so that the table is one array of numbers.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_GPU_H
#define ATTN_GPU_H

#include "attn/Runtime/attn_runtime.h"

#define ATTN_GPU_MAX_ARGUMENTS 16
#define ATTN_GPU_MAX_MASKS 4

/**
 * One argument: a size or symbol of -1 is free. Equal symbols mean equal sizes. A size is at least
 * the size `least_symbol` divided by `least`, rounded up; without a symbol at least `least`.
 */
typedef struct attn_gpu_argument {
  int64_t rank, dtype, is_output, size[4], symbol[4], least_symbol[4], least[4];
} attn_gpu_argument;

/** One entry. Roles are argument numbers, -1 for none. Sizes in elements, memory in bytes. */
typedef struct attn_gpu_entry {
  int64_t threads, shared_bytes, rows, keys, heads, qk_size, v_size, longest_first, largest_group;
  /* Stream form: packed rows, parts of the key range. Blocks per multiprocessor; groups of heads
   * and rows per position in each; bounds of the number of parts; most keys that a row sees, 0 for
   * all. */
  int64_t is_stream, blocks, groups, group_size, least_parts, most_parts, most_keys;
  int64_t values_in_keys; /* values are columns of the keys and load with them */
  int64_t query, key, value, out, lse, sinks, offset, offset_is_constant, constant_offset;
  int64_t num_args;
  attn_gpu_argument args[ATTN_GPU_MAX_ARGUMENTS];
  /** Operands of the mask. */
  int64_t num_masks, masks[ATTN_GPU_MAX_MASKS];
  /** Whether the kernel takes addresses and strides of queries, keys and values; whether it takes
   * tensor maps of them, as kernels do that load with the copy engine. */
  int64_t reads_addresses, has_maps;
} attn_gpu_entry;

/** A library's kernels. Without `ptx` they run on devices of `capability` (10 * major + minor)
 * alone; with it, `machine_code` runs on that capability and later ones of the same major number,
 * and the driver compiles `ptx` for newer ones. */
typedef struct attn_gpu_images {
  int64_t capability;
  const void *machine_code;
  const char *ptx; /* may be null */
} attn_gpu_images;

/** State of a loaded kernel; zero at the start. */
typedef struct attn_gpu_state {
  void *kernels[2]; /* from machine code, from text */
  uint64_t ready_devices;
  uint32_t launches;
} attn_gpu_state;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Checks `args` and launches the kernel on `stream` of the current context (of the device's
 * primary context when there is none). Asynchronous: 0 means launched. Only scalars are read by the
 * host.
 */
int32_t attn_gpu_run(const attn_gpu_entry *entry, attn_gpu_state *state,
                     const attn_gpu_images *images, const char *kernel_name,
                     const attn_tensor *args, int64_t num_args, void *stream);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_GPU_H */
