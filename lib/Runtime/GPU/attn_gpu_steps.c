/*===- attn_gpu_steps.c - what the host program of an entry calls ----------===*\
|*
|* The compiler writes a function for each entry that is more than one attention: it calls begin,
|* reserve, the steps in their order, and end. The first error is kept, and nothing is launched
|* after it.
|*
\*===----------------------------------------------------------------------===*/
#include "attn_gpu_internal.h"

#include <pthread.h>

/* The compiler reserves as much (Steps.cpp). */
_Static_assert(sizeof(attn_gpu_call) <= 16 * sizeof(int64_t), "attn_gpu_call has 16 words");
_Static_assert(sizeof(attn_gpu_state) <= 4 * sizeof(int64_t), "attn_gpu_state has 4 words");

/* Steps of two calls must not mingle on a stream whose memory they share. */
static pthread_mutex_t steps_lock = PTHREAD_MUTEX_INITIALIZER;

enum { MAX_VALUES = 256 };

int32_t attn_gpu_begin(attn_gpu_call *call, const attn_gpu_signature *want, const attn_tensor *args,
                       int64_t num_args, void *stream) {
  call->args = args, call->num_args = num_args, call->stream = stream;
  call->code = 0, call->is_open = 0, call->is_locked = 0;
  return attn_gpu_check(want, args, num_args);
}

/* The driver is asked for when the first kernel is. A tensor with elements tells the device. */
static int is_ready(attn_gpu_call *call) {
  const attn_tensor *tensor = call->args;
  if (call->code || call->is_open)
    return !call->code;
  while (tensor + 1 < call->args + call->num_args && (!tensor->rank || attn_gpu_is_empty(tensor)))
    ++tensor;
  call->code = attn_gpu_open(tensor, &call->device);
  call->is_open = !call->code;
  return call->is_open;
}

int64_t attn_gpu_reserve(attn_gpu_call *call, int64_t bytes) {
  uint64_t memory = 0;
  if (!bytes || !is_ready(call))
    return 0;
  pthread_mutex_lock(&steps_lock);
  call->is_locked = 1;
  call->code = attn_gpu_workspace(ATTN_GPU_STEPS, call->stream, (size_t)bytes, 0, &memory);
  return (int64_t)memory;
}

/* Where items are few, blocks share them: two on each multiprocessor hide each other's waits. */
static unsigned blocks_per_item(const attn_gpu_shape *shape, int64_t blocks, int processors) {
  int64_t wanted = (2 * (int64_t)processors + blocks - 1) / blocks;
  return (unsigned)(wanted < shape->blocks_per_item ? wanted : shape->blocks_per_item);
}

void attn_gpu_tokens(attn_gpu_call *call, const attn_gpu_shape *shape, attn_gpu_state *state,
                     const attn_gpu_images *images, const char *kernel_name,
                     const int64_t *values) {
  void *parameters[MAX_VALUES];
  int64_t items = values[0], i;
  if (items == 0 || !is_ready(call))
    return;
  if (items < 0 || items >= INT64_C(1) << 31 || shape->num_values > MAX_VALUES) {
    call->code = ATTN_ERROR_DEVICE;
    return;
  }
  for (i = 0; i < shape->num_values; ++i)
    parameters[i] = (void *)&values[i];
  call->code = attn_gpu_load(state, images, kernel_name, &call->device);
  if (!call->code) {
    int64_t blocks = (items + shape->items_per_block - 1) / shape->items_per_block;
    attn_gpu_grid grid = {(unsigned)blocks, blocks_per_item(shape, blocks, call->device.processors),
                          (unsigned)shape->threads, 0, shape->follows != 0};
    int result = attn_gpu_start(&grid, call->device.kernel, call->stream, parameters);
    call->code = result ? ATTN_ERROR_DRIVER + result : 0;
  }
}

void attn_gpu_attention(attn_gpu_call *call, const attn_gpu_entry *entry, attn_gpu_state *state,
                        const attn_gpu_images *images, const char *kernel_name,
                        const attn_tensor *tensors) {
  if (attn_gpu_is_empty(&tensors[entry->out]) || !is_ready(call))
    return;
  /* Its arguments are not those of the entry, whose number an error's code would tell. */
  if (attn_gpu_check_tile(entry, tensors))
    call->code = ATTN_ERROR_DEVICE;
  else
    call->code =
        attn_gpu_launch(entry, state, images, kernel_name, &call->device, tensors, call->stream);
}

int32_t attn_gpu_end(attn_gpu_call *call) {
  if (call->is_locked)
    pthread_mutex_unlock(&steps_lock);
  return call->code;
}
