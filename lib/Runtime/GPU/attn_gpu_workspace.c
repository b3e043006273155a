/*===- attn_gpu_workspace.c - device memory that belongs to a stream -------===*\
|*
|* Launches of one stream follow each other, so they may share memory. A graph's replays follow each
|* other, too, but may run beside other launches: each capture has memory of its own.
|*
\*===----------------------------------------------------------------------===*/
#include "attn_gpu_internal.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct workspace {
  struct workspace *next;
  void *context, *stream;
  uint64_t capture;
  attn_gpu_purpose purpose;
  uint64_t memory;
  size_t bytes;
} workspace;

static workspace *workspaces;
static pthread_mutex_t workspace_lock = PTHREAD_MUTEX_INITIALIZER;

enum { RELAXED = 2, OUT_OF_MEMORY = 2, NON_BLOCKING = 1 };

static int32_t driver_error(int result) {
  return result == OUT_OF_MEMORY ? ATTN_ERROR_OUT_OF_MEMORY
         : result                ? ATTN_ERROR_DRIVER + result
                                 : 0;
}

/* More than asked for, if there is room: sequences grow by a token at a time. */
static int allocate(workspace *space, size_t bytes) {
  size_t more = space->bytes + space->bytes / 2;
  uint64_t memory = 0;
  int result = OUT_OF_MEMORY;
  if (more > bytes)
    result = attn_driver.mem_alloc(&memory, more);
  if (result) {
    more = bytes;
    result = attn_driver.mem_alloc(&memory, more);
  }
  if (!result)
    space->memory = memory, space->bytes = more;
  return result;
}

/* Intermediate tensors that became too small are given back when their launches are done. A capture
 * keeps them: its graph holds the address. Records of parts are small. */
static int give_back(workspace *space) {
  uint64_t memory = space->memory;
  int result;
  if (!memory || space->capture || space->purpose == ATTN_GPU_PARTS)
    return 0;
  result = attn_driver.synchronize(space->stream);
  if (result)
    return result;
  space->memory = 0;
  return attn_driver.mem_free(memory);
}

/* Counters are cleared once, and every launch leaves them clear. In a capture that is done beside
 * it: a graph would do it again in each replay, and its kernels would wait. */
static int clear(const workspace *space, size_t words) {
  void *beside = 0;
  int again, result;
  if (!space->capture)
    return attn_driver.memset_words(space->memory, 0, words, space->stream);
  result = attn_driver.stream_create(&beside, NON_BLOCKING);
  if (result)
    return result;
  result = attn_driver.memset_words(space->memory, 0, words, beside);
  if (!result)
    result = attn_driver.synchronize(beside);
  again = attn_driver.stream_destroy(beside);
  return result ? result : again;
}

/* Such calls are allowed during a capture, on another stream or another thread's, in relaxed
 * mode. */
static int32_t reserve(workspace *space, size_t bytes, size_t cleared_words) {
  int mode = RELAXED, again, result = attn_driver.capture_mode(&mode);
  if (result)
    return driver_error(result);
  result = give_back(space);
  if (!result)
    result = allocate(space, bytes);
  if (!result && cleared_words)
    result = clear(space, cleared_words);
  again = attn_driver.capture_mode(&mode);
  if (!result)
    result = again;
  if (result) /* uncleared counters are of no use */
    space->bytes = 0;
  return driver_error(result);
}

static workspace *find(attn_gpu_purpose purpose, void *context, void *stream, uint64_t capture) {
  workspace *at;
  for (at = workspaces; at; at = at->next)
    if (at->purpose == purpose && at->context == context && at->stream == stream &&
        at->capture == capture)
      return at;
  at = (workspace *)calloc(1, sizeof(workspace));
  if (!at)
    return 0;
  at->purpose = purpose, at->context = context, at->stream = stream, at->capture = capture;
  at->next = workspaces;
  return workspaces = at;
}

int32_t attn_gpu_workspace(attn_gpu_purpose purpose, void *stream, size_t bytes,
                           size_t cleared_words, uint64_t *memory) {
  int status = 0, result;
  uint64_t capture = 0;
  void *context = 0;
  workspace *space;
  int32_t code = 0;
  *memory = 0;
  result = attn_driver.capture_info(stream, &status, &capture, 0, 0, 0);
  if (!result)
    result = attn_driver.ctx_get_current(&context);
  if (result)
    return driver_error(result);
  pthread_mutex_lock(&workspace_lock);
  space = find(purpose, context, stream, status ? capture : 0);
  if (!space)
    code = ATTN_ERROR_OUT_OF_MEMORY;
  else if (space->bytes < bytes)
    code = reserve(space, bytes, cleared_words);
  if (!code)
    *memory = space->memory;
  pthread_mutex_unlock(&workspace_lock);
  return code;
}
