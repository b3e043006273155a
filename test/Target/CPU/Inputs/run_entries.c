//===- run_entries.c - runs a kernel's entries without its runtime library ---===//
//
// Stands in for OpenMP with one thread, which says that there are THREADS, so that a cross-compiled
// object needs nothing but libc. `entries.h`, which entries.py writes, holds the table of entries.
// With NANS the third argument, the values of an attention, has some. Prints each output's bytes to
// stdout.
//
//===----------------------------------------------------------------------===//
#include "attn/Runtime/attn_runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int32_t isOutput, dtype, rank;
  int64_t sizes[4];
} argument;

#include "entries.h"

#ifndef THREADS
#define THREADS 1
#endif
#ifndef NANS
#define NANS 0
#endif

//===----------------------------------------------------------------------===//
// OpenMP, serially
//===----------------------------------------------------------------------===//

typedef void region(int32_t *, int32_t *, void *);

int32_t __kmpc_global_thread_num(void *location) { return 0; }
void __kmpc_push_num_threads(void *location, int32_t thread, int32_t count) {}
int32_t omp_get_max_threads(void) { return THREADS; }
int32_t omp_get_thread_num(void) { return 0; }
void omp_set_num_threads(int32_t count) {}
/// `captured` is one pointer: the compiler gathers what the region uses.
void __kmpc_fork_call(void *location, int32_t count, region *run, void *captured) {
  int32_t thread = 0, bound = 0;
  run(&thread, &bound, captured);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static const int64_t elementSizes[] = {4, 2, 2, 8, 4, 8, 1};

/// The same on every machine: in (-1/2, 1/2), exact in every type.
static float noise(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)((int32_t)(*state >> 25) - 64) / 128;
}

static void fill(void *data, int32_t dtype, int64_t i, uint32_t *state) {
  float x = noise(state);
  uint32_t bits;
  memcpy(&bits, &x, sizeof(bits));
  _Float16 half = (_Float16)x;
  switch (dtype) {
  case ATTN_F32:
    ((float *)data)[i] = x;
    break;
  case ATTN_BF16:
    ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
    break;
  case ATTN_F16:
    memcpy((uint16_t *)data + i, &half, sizeof(half));
    break;
  case ATTN_I64: // lengths and positions
    ((int64_t *)data)[i] = 0;
    break;
  case ATTN_I32: // documents of ten tokens
    ((int32_t *)data)[i] = (int32_t)(i / 10);
    break;
  default: // masks
    memset((char *)data + i * elementSizes[dtype], x > 0, (size_t)elementSizes[dtype]);
  }
}

static attn_tensor makeTensor(const argument *a, uint32_t *state) {
  int64_t count = 1;
  for (int32_t i = 0; i < a->rank; ++i)
    count *= a->sizes[i];
  void *data = calloc((size_t)count, (size_t)elementSizes[a->dtype]);
  for (int64_t i = 0; i < count && !a->isOutput; ++i)
    fill(data, a->dtype, i, state);
  return attn_contiguous(data, a->dtype, a->rank, a->sizes);
}

/// A bf16 NaN in one column of two tokens, so that rows in front of each see none.
static void spoil(const attn_tensor *values) {
  int64_t length = values->sizes[2], size = values->sizes[3];
  for (int64_t head = 0; head < values->sizes[0] * values->sizes[1]; ++head)
    for (int64_t token = 2 * length / 3; token < length; token += length / 4)
      ((uint16_t *)values->data)[(head * length + token) * size + 3] = 0x7fc0;
}

static void print(const attn_tensor *tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor->rank; ++i)
    count *= tensor->sizes[i];
  fwrite(tensor->data, (size_t)elementSizes[tensor->dtype], (size_t)count, stdout);
}

int main(void) {
  uint32_t state = 1;
  for (size_t e = 0; e < sizeof(entries) / sizeof(entries[0]); ++e) {
    attn_tensor tensors[16];
    for (int64_t i = 0; i < entries[e].count; ++i)
      tensors[i] = makeTensor(&entries[e].arguments[i], &state);
    if (NANS)
      spoil(&tensors[2]);
    int32_t code = entries[e].run(tensors, entries[e].count, 0);
    char text[160];
    if (code != 0) {
      fprintf(stderr, "%s: %s\n", entries[e].name, attn_error_text(code, text, sizeof(text)));
      return 1;
    }
    for (int64_t i = 0; i < entries[e].count; ++i) {
      if (entries[e].arguments[i].isOutput)
        print(&tensors[i]);
      free(tensors[i].data);
    }
  }
  return 0;
}
