/* Prefills a prompt and decodes token by token, with one cache that grows in place:
     attn-compile examples/layer.mlir --entry=layer-prefill --entry=layer-decode -o layer.bundle
     clang-22 examples/call_layer.c -Ilayer.bundle layer.bundle/liblayer.so \
       -Wl,-rpath,$PWD/layer.bundle -lm -o call_layer && ./call_layer */
#include "layer.h"
#include <math.h>
#include <stdlib.h>

enum { WIDTH = 256, HEADS = 4, RANK = 128, NOPE = 32, ROPE = 16, SIZE = 32 };
enum { ROW = RANK + ROPE, PROMPT = 5, ALL = 9 };

static float *some(int count, float deviation) {
  static unsigned state = 1;
  float *values = malloc((size_t)count * sizeof(float));
  for (int i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = deviation * ((float)(state >> 8) / 8388608.0f - 1.0f);
  }
  return values;
}

/* The layer's weights; `tokens` tokens from `hidden` on, appended to a cache that then has
 * `length`. */
typedef struct {
  float *query, *down, *gain, *key_up, *value_up, *output;
} Weights;

/* One call of the entry. The cache has room for ALL tokens, and is its own result. */
#define CALL(ENTRY, TOKENS, LENGTH, HIDDEN, CACHE, OUT)                                            \
  ENTRY##_run(ENTRY##_hidden(HIDDEN, 1, TOKENS), ENTRY##_cache(CACHE, 1, LENGTH),                  \
              ENTRY##_query_weight(w.query), ENTRY##_latent_down(w.down),                          \
              ENTRY##_key_gain(w.gain), ENTRY##_key_up(w.key_up), ENTRY##_value_up(w.value_up),    \
              ENTRY##_output_weight(w.output), ENTRY##_out(OUT, 1, TOKENS),                        \
              ENTRY##_cache_out(CACHE, 1, LENGTH), /*threads=*/0)

int main(void) {
  Weights w = {some(HEADS * WIDTH * (NOPE + ROPE), 0.06f),
               some(WIDTH * ROW, 0.06f),
               some(RANK, 1.0f),
               some(HEADS * RANK * NOPE, 0.1f),
               some(HEADS * RANK * SIZE, 0.1f),
               some(HEADS * SIZE * WIDTH, 0.1f)};
  float *hidden = some(ALL * WIDTH, 1.0f);
  float *whole = some(ALL * WIDTH, 0.0f), *steps = some(ALL * WIDTH, 0.0f);
  float *cache = some(ALL * ROW, 0.0f), *grown = some(ALL * ROW, 0.0f);
  for (int i = 0; i < ALL * ROW; ++i) /* what lies where new rows go is never read */
    cache[i] = grown[i] = NAN;

  int32_t code = CALL(layer_layer_prefill, ALL, ALL, hidden, cache, whole);
  if (code == 0)
    code = CALL(layer_layer_prefill, PROMPT, PROMPT, hidden, grown, steps);
  for (int at = PROMPT; at < ALL && code == 0; ++at)
    code = CALL(layer_layer_decode, 1, at + 1, hidden + at * WIDTH, grown, steps + at * WIDTH);

  float worst = 0, largest = 0;
  for (int i = 0; i < ALL * WIDTH; ++i) {
    worst = fmaxf(worst, fabsf(whole[i] - steps[i]));
    largest = fmaxf(largest, fabsf(whole[i]));
  }
  for (int i = 0; i < ALL * ROW; ++i)
    worst = isfinite(grown[i]) ? fmaxf(worst, fabsf(cache[i] - grown[i])) : INFINITY;
  char text[160];
  if (code != 0)
    fprintf(stderr, "%s\n", attn_error_text(code, text, sizeof(text)));
  else
    printf("%d tokens at once and one by one: %s\n", ALL,
           worst <= 1e-5f * largest && largest > 0 ? "the same" : "different");
  free(w.query), free(w.down), free(w.gain), free(w.key_up), free(w.value_up), free(w.output);
  free(hidden), free(whole), free(steps), free(cache), free(grown);
  return code != 0 || !(worst <= 1e-5f * largest);
}
