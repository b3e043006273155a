/*===- attn_gpu_start.c - starts a kernel behind the launch before it ------===*\
|*
|* A kernel for Hopper alone, an attention or a step between attentions, waits
|* (griddepcontrol.wait) before it touches memory, and lets its successor start as soon as a
|* multiprocessor has room (griddepcontrol.launch_dependents). So blocks set up their barriers,
|* work out addresses and fetch their tensor maps while the launch before ends. After a kernel that
|* does not say so, and before one that does not ask, the order is the usual one.
|*
\*===----------------------------------------------------------------------===*/
#include "attn_gpu_internal.h"

/* CUlaunchAttribute and CUlaunchConfig of cuda.h. */
typedef struct launch_attribute {
  int id, padding;
  union {
    int is_allowed;
    uint64_t words[8];
  } value;
} launch_attribute;
typedef struct launch_config {
  unsigned grid[3], block[3], shared_bytes;
  void *stream;
  launch_attribute *attributes;
  unsigned num_attributes;
} launch_config;

enum { PROGRAMMATIC_STREAM_SERIALIZATION = 6 };

int attn_gpu_start(const attn_gpu_grid *grid, void *kernel, void *stream, void **parameters) {
  launch_attribute early = {PROGRAMMATIC_STREAM_SERIALIZATION, 0, {1}};
  launch_config config = {
      {grid->columns, grid->rows, 1}, {grid->threads, 1, 1}, grid->shared_bytes, stream, &early, 1};
  if (!grid->follows)
    return attn_driver.launch(kernel, grid->columns, grid->rows, 1, grid->threads, 1, 1,
                              grid->shared_bytes, stream, parameters, 0);
  return attn_driver.launch_with(&config, kernel, parameters, 0);
}

int attn_gpu_start_entry(const attn_gpu_entry *entry, void *kernel, unsigned blocks, void *stream,
                         void **parameters) {
  attn_gpu_grid grid = {blocks, 1, (unsigned)entry->threads, (unsigned)entry->shared_bytes,
                        entry->follows != 0};
  return attn_gpu_start(&grid, kernel, stream, parameters);
}
