/*===- attn_runtime.h - calling convention of compiled kernels ------------===*\
|*
|* Plain C, no dependencies. A compiled bundle carries a copy, so that its own
|* header and library are all a caller needs.
|*
|* Each entry of a bundle is one function
|*
|*   int32_t entry(const attn_tensor *args, int64_t num_args, int32_t threads);
|*
|* `args` are the inputs in order, then the outputs, which are written in place.
|* `threads` bounds the number of threads; zero or less means all. The result is
|* 0 or a code that attn_error_text() puts into words. After an error no output
|* has been written, unless memory ran out.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_RUNTIME_H
#define ATTN_RUNTIME_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Element types. Sums are float32 inside, whatever the type outside. */
enum {
  ATTN_F32 = 0,
  ATTN_BF16 = 1,
  ATTN_F16 = 2,
  ATTN_I64 = 3,
  ATTN_I32 = 4,
  ATTN_F64 = 5,
  ATTN_I8 = 6
};

/** Largest rank of a tensor. */
enum { ATTN_MAX_RANK = 4 };

/**
 * A view of the caller's memory. Tensors are logical [batch][head][sequence][size]
 * whatever their memory layout: `strides` say it, in elements. The last stride is 1.
 * A tensor without elements may have null data. Rank 0 is one scalar.
 */
typedef struct attn_tensor {
  void *data;
  int32_t rank;
  int32_t dtype;
  int64_t sizes[4];
  int64_t strides[4];
} attn_tensor;

/** Every entry of a bundle has this type ... */
typedef int32_t (*attn_entry_fn)(const attn_tensor *args, int64_t num_args, int32_t threads);
/** ... those for a GPU this one: they return when the kernel is launched on a CUDA stream. */
typedef int32_t (*attn_gpu_entry_fn)(const attn_tensor *args, int64_t num_args, void *stream);

/** Kinds of error about one argument: code = 1000 * argument index + kind. */
enum {
  ATTN_ERROR_NULL = 1,
  ATTN_ERROR_RANK = 2,
  ATTN_ERROR_DTYPE = 3,
  ATTN_ERROR_SIZE = 4,
  ATTN_ERROR_STRIDE = 5
};

/** Errors about the call as a whole. */
enum { ATTN_ERROR_ARGUMENT_COUNT = 999001, ATTN_ERROR_OUT_OF_MEMORY = 999002 };

/** Errors of GPU bundles; ATTN_ERROR_DRIVER plus the driver's own code. */
enum { ATTN_ERROR_NO_DRIVER = 999003, ATTN_ERROR_DEVICE = 999004, ATTN_ERROR_DRIVER = 980000 };

/** A bundle for several processors holds no code that this machine can run. */
enum { ATTN_ERROR_NO_VARIANT = 999005 };

/**
 * A contiguous view with the given sizes (`rank` of them).
 * For rank 0 `sizes` may be null.
 */
static inline attn_tensor attn_contiguous(void *data, int32_t dtype, int32_t rank,
                                          const int64_t *sizes) {
  attn_tensor tensor = {data, rank, dtype, {1, 1, 1, 1}, {1, 1, 1, 1}};
  int64_t stride = 1;
  int32_t i;
  for (i = rank - 1; i >= 0; --i) {
    tensor.sizes[i] = sizes[i];
    tensor.strides[i] = stride;
    stride *= sizes[i];
  }
  return tensor;
}

/**
 * The text of a result code, written to `buffer` of `n` bytes (always terminated when n > 0).
 * Returns `buffer`.
 */
static inline const char *attn_error_text(int32_t code, char *buffer, size_t n) {
  static const char *const kinds[] = {
      "",
      "data is null though the tensor has elements",
      "rank differs from the kernel's",
      "element type differs from the kernel's",
      "a size differs from the kernel's, or from the same dimension of another argument",
      "last stride is not 1"};
  int32_t kind = code % 1000;
  if (code == 0)
    snprintf(buffer, n, "no error");
  else if (code == ATTN_ERROR_ARGUMENT_COUNT)
    snprintf(buffer, n, "wrong number of arguments");
  else if (code == ATTN_ERROR_OUT_OF_MEMORY)
    snprintf(buffer, n, "out of memory");
  else if (code == ATTN_ERROR_NO_DRIVER)
    snprintf(buffer, n, "no NVIDIA driver (libcuda.so.1 of CUDA 12 or later) on this machine");
  else if (code == ATTN_ERROR_DEVICE)
    snprintf(buffer, n,
             "this kernel was not built for the device, or the lengths exceed its range");
  else if (code == ATTN_ERROR_NO_VARIANT)
    snprintf(buffer, n,
             "this library holds no code for this processor, or not what ATTN_CPU_VARIANT names");
  else if (code >= ATTN_ERROR_DRIVER && code < 990000)
    snprintf(buffer, n, "the NVIDIA driver reports error %d", (int)(code - ATTN_ERROR_DRIVER));
  else if (code > 0 && kind >= ATTN_ERROR_NULL && kind <= ATTN_ERROR_STRIDE)
    snprintf(buffer, n, "argument %d: %s", (int)(code / 1000), kinds[kind]);
  else
    snprintf(buffer, n, "unknown error %d", (int)code);
  return buffer;
}

#ifdef __cplusplus
}
#endif

#endif /* ATTN_RUNTIME_H */
