/*===- caller.c - calls the kernel of grouped.mlir and compares with three loops ---===*/
#include "grouped.h"

#include <math.h>
#include <stdio.h>

enum { QUERY_HEADS = 4, KEY_HEADS = 2, ROWS = 3, KEYS = 7, SIZE = 16 };
static float query[QUERY_HEADS][ROWS][SIZE], key[KEY_HEADS][KEYS][SIZE],
    value[KEY_HEADS][KEYS][SIZE];
static float out[QUERY_HEADS][ROWS][SIZE], lse[QUERY_HEADS][ROWS];

static void fill(float *data, int count, int seed) {
  for (int i = 0; i < count; ++i)
    data[i] = (float)sin(0.37 * i + seed);
}

/* One element by definition: causal, rows aligned to the end of the keys. */
static double expected(int head, int row, int column) {
  int group = head / (QUERY_HEADS / KEY_HEADS);
  double sum = 0, weighted = 0;
  for (int k = 0; k <= KEYS - ROWS + row; ++k) {
    double score = 0;
    for (int d = 0; d < SIZE; ++d)
      score += (double)query[head][row][d] * key[group][k][d];
    double weight = exp(score / sqrt(SIZE));
    sum += weight;
    weighted += weight * value[group][k][column];
  }
  return weighted / sum;
}

int main(void) {
  fill(&query[0][0][0], QUERY_HEADS * ROWS * SIZE, 1);
  fill(&key[0][0][0], KEY_HEADS * KEYS * SIZE, 2);
  fill(&value[0][0][0], KEY_HEADS * KEYS * SIZE, 3);
  int32_t code = grouped_prefill_run(
      grouped_prefill_query(&query[0][0][0], 1, ROWS), grouped_prefill_key(&key[0][0][0], 1, KEYS),
      grouped_prefill_value(&value[0][0][0], 1, KEYS), grouped_prefill_out(&out[0][0][0], 1, ROWS),
      grouped_prefill_lse(&lse[0][0], 1, ROWS), /*threads=*/1);
  if (code != 0) {
    char text[200];
    fprintf(stderr, "%s\n", attn_error_text(code, text, sizeof text));
    return 1;
  }
  double worst = 0;
  for (int h = 0; h < QUERY_HEADS; ++h)
    for (int r = 0; r < ROWS; ++r)
      for (int d = 0; d < SIZE; ++d)
        worst = fmax(worst, fabs(out[h][r][d] - expected(h, r, d)));
  printf("largest difference %.1e\n", worst);
  return worst < 1e-5 ? 0 : 1;
}
