/* Calls a compiled kernel:  attn-compile examples/gqa.mlir -o gqa.bundle
   clang-22 examples/call_kernel.c -Igqa.bundle gqa.bundle/libgqa.so -Wl,-rpath,$PWD/gqa.bundle */
#include "gqa.h"
#include <stdlib.h>

enum { BATCH = 1, LENGTH = 5 };

int main(void) {
  float *query = calloc(BATCH * 8 * LENGTH * 64, sizeof(float));
  float *key = calloc(BATCH * 2 * LENGTH * 64, sizeof(float));
  float *value = calloc(BATCH * 2 * LENGTH * 64, sizeof(float));
  float *out = calloc(BATCH * 8 * LENGTH * 64, sizeof(float));
  float *lse = calloc(BATCH * 8 * LENGTH, sizeof(float));
  for (int i = 0; i < BATCH * 2 * LENGTH * 64; ++i)
    value[i] = (float)(i / 64 % LENGTH); /* each token's value is its position */
  int32_t code =
      gqa_prefill_run(gqa_prefill_query(query, BATCH, LENGTH), gqa_prefill_key(key, BATCH, LENGTH),
                      gqa_prefill_value(value, BATCH, LENGTH), gqa_prefill_out(out, BATCH, LENGTH),
                      gqa_prefill_lse(lse, BATCH, LENGTH), /*threads=*/0);
  char text[160];
  for (int row = 0; row < LENGTH && code == 0; ++row) /* equal scores: the mean of 0..row */
    printf("row %d: %.2f\n", row, out[row * 64]);
  if (code != 0)
    fprintf(stderr, "%s\n", attn_error_text(code, text, sizeof(text)));
  free(query), free(key), free(value), free(out), free(lse);
  return code != 0;
}
