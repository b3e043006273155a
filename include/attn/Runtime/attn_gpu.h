/*===- attn_gpu.h - what a GPU bundle's library holds of each entry -------===*\
|*
|* The compiler writes the table, attn_gpu.c reads it. All fields are int64_t,
|* so that the table is one array of numbers.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_GPU_H
#define ATTN_GPU_H

#include "attn/Runtime/attn_runtime.h"

#define ATTN_GPU_MAX_ARGUMENTS 32
#define ATTN_GPU_MAX_MASKS 4

/**
 * One argument: a size or symbol of -1 is free. Equal symbols mean equal sizes. A size is at least
 * the size `least_symbol` divided by `least`, rounded up; without a symbol at least `least`.
 */
typedef struct attn_gpu_argument {
  int64_t rank, dtype, is_output;
  int64_t is_wide; /* address a multiple of 16 bytes, strides of 8 elements */
  int64_t size[4], symbol[4], least_symbol[4], least[4];
} attn_gpu_argument;

/** What the arguments of an entry must be. */
typedef struct attn_gpu_signature {
  int64_t num_args;
  attn_gpu_argument args[ATTN_GPU_MAX_ARGUMENTS];
} attn_gpu_signature;

/** One attention. Roles are argument numbers, -1 for none. Sizes in elements, memory in bytes. */
typedef struct attn_gpu_entry {
  int64_t threads, shared_bytes, rows, keys, heads, qk_size, v_size, longest_first, largest_group;
  /* Stream form: packed rows, ranges of key steps. Blocks per multiprocessor; groups of heads and
   * rows per position in each; most parts of the key range of an item; most keys that a row sees, 0
   * for all. */
  int64_t is_stream, blocks, groups, group_size, most_parts, most_keys;
  int64_t values_in_keys; /* values are columns of the keys and load with them */
  int64_t query, key, value, out, lse, sinks, offset, offset_is_constant, constant_offset;
  attn_gpu_signature signature;
  /** Operands of the mask. */
  int64_t num_masks, masks[ATTN_GPU_MAX_MASKS];
  /** Whether the kernel takes addresses and strides of queries, keys and values; whether it takes
   * tensor maps of them, as kernels do that load with the copy engine; whether it waits for the
   * launch before it. */
  int64_t reads_addresses, has_maps, follows;
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

/* ---- entries with several kernels, whose host programs the compiler writes ------------------- */

/** Where a launch runs: the device's number, multiprocessors, bytes of the second-level cache, 10 *
 * major + minor of its capability; the kernel as it loaded it. */
typedef struct attn_gpu_device {
  int number, processors, l2_bytes, capability;
  void *kernel;
} attn_gpu_device;

/** One call in progress. The first error is kept, and nothing is launched after it. */
typedef struct attn_gpu_call {
  const attn_tensor *args;
  int64_t num_args;
  void *stream;
  int32_t code;
  int32_t is_open, is_locked;
  attn_gpu_device device;
} attn_gpu_call;

/** A kernel of loops over tokens: so many indices in each block, or up to so many blocks for each
 * (grid axis y); its parameters are `num_values` numbers of 64 bits. `follows`: it waits for the
 * launch before it, and may start early. */
typedef struct attn_gpu_shape {
  int64_t threads, items_per_block, blocks_per_item, num_values, follows;
} attn_gpu_shape;

/** Checks `args`; what it returns is the result of the call unless it is 0. */
int32_t attn_gpu_begin(attn_gpu_call *call, const attn_gpu_signature *want, const attn_tensor *args,
                       int64_t num_args, void *stream);

/** Device memory for the intermediate tensors of this call. It belongs to the stream, or to the
 * capture in progress on it; the next call there has the same. */
int64_t attn_gpu_reserve(attn_gpu_call *call, int64_t bytes);

/** Launches a kernel of loops over tokens, unless there is no item. `values[0]` is their number. */
void attn_gpu_tokens(attn_gpu_call *call, const attn_gpu_shape *shape, attn_gpu_state *state,
                     const attn_gpu_images *images, const char *kernel_name, const int64_t *values);

/** Launches an attention on tensors in device memory, unless its output is empty. */
void attn_gpu_attention(attn_gpu_call *call, const attn_gpu_entry *entry, attn_gpu_state *state,
                        const attn_gpu_images *images, const char *kernel_name,
                        const attn_tensor *tensors);

/** Ends the call: 0, or its first error. */
int32_t attn_gpu_end(attn_gpu_call *call);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_GPU_H */
