/*===- attn_gpu_start.c - starts a kernel behind the launch before it ------===*\
|*
|* A kernel of Hopper's form (with tensor maps) waits (griddepcontrol.wait) before it touches
memory,
|* and lets its successor start as soon as a multiprocessor has room
|* (griddepcontrol.launch_dependents). So blocks set up their barriers and fetch their tensor maps
|* while the launch before ends. After a kernel that does not say so, and before one that does not
|* ask, the order is the usual one.
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

int attn_gpu_start(const attn_gpu_entry *entry, void *kernel, unsigned blocks, void *stream,
                   void **parameters) {
  unsigned threads = (unsigned)entry->threads, shared_bytes = (unsigned)entry->shared_bytes;
  launch_attribute early = {PROGRAMMATIC_STREAM_SERIALIZATION, 0, {1}};
  launch_config config = {{blocks, 1, 1}, {threads, 1, 1}, shared_bytes, stream, &early, 1};
  if (!entry->has_maps)
    return attn_driver.launch(kernel, blocks, 1, 1, threads, 1, 1, shared_bytes, stream, parameters,
                              0);
  return attn_driver.launch_with(&config, kernel, parameters, 0);
}
