/* Two layers over one cache (CLA2), with what a model has between them: residual sums, norms, a
   feed-forward network. The second layer is handed the first one's caches.
     attn-compile examples/mechanisms/cla.mlir --entry=layer-prefill --entry=layer-decode \
       -o cla.bundle
     clang-22 examples/call_group.c -Icla.bundle cla.bundle/libcla.so \
       -Wl,-rpath,$PWD/cla.bundle -lm -o call_group && ./call_group */
#include "cla.h"
#include <math.h>
#include <stdlib.h>

enum { WIDTH = 2048, HEADS = 16, SIZE = 128, INNER = 256, PROMPT = 4, ALL = 6 };

static float *some(int count, float deviation) {
  static unsigned state = 1;
  float *values = malloc((size_t)count * sizeof(float));
  for (int i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = deviation * ((float)(state >> 8) / 8388608.0f - 1.0f);
  }
  return values;
}

/* The weights of both layers, and of the network between them. */
typedef struct {
  float *query, *key, *value, *output, *up, *down, *next_query, *next_output;
} Weights;

/* One cache for both layers, with room for ALL tokens. */
typedef struct {
  float *key, *value;
} Cache;

static void normalise(const float *x, float *to) {
  float squares = 0;
  for (int i = 0; i < WIDTH; ++i)
    squares += x[i] * x[i];
  for (int i = 0; i < WIDTH; ++i)
    to[i] = x[i] / sqrtf(squares / WIDTH + 1e-6f);
}

static void normalise_all(const float *x, float *to, int tokens) {
  for (int t = 0; t < tokens; ++t)
    normalise(x + t * WIDTH, to + t * WIDTH);
}

static void add(float *x, const float *y, int count) {
  for (int i = 0; i < count; ++i)
    x[i] += y[i];
}

/* x += relu(norm(x) up) down */
static void feed_forward(const Weights *w, float *x) {
  float normal[WIDTH], inner[INNER];
  normalise(x, normal);
  for (int j = 0; j < INNER; ++j) {
    inner[j] = 0;
    for (int i = 0; i < WIDTH; ++i)
      inner[j] += normal[i] * w->up[i * INNER + j];
    inner[j] = fmaxf(inner[j], 0);
  }
  for (int j = 0; j < INNER; ++j)
    for (int i = 0; i < WIDTH; ++i)
      x[i] += inner[j] * w->down[j * WIDTH + i];
}

/* Both layers in place, on `tokens` tokens that are the last of `length`. Only the first layer
   writes to the cache. */
#define TWO_LAYERS(ROLE)                                                                           \
  static int32_t two_layers_##ROLE(const Weights *w, float *x, int tokens, int length, Cache c) {  \
    float normal[ALL * WIDTH], out[ALL * WIDTH];                                                   \
    normalise_all(x, normal, tokens);                                                              \
    int32_t code = cla_first_layer_##ROLE##_run(                                                   \
        cla_first_layer_##ROLE##_hidden(normal, 1, tokens),                                        \
        cla_first_layer_##ROLE##_key_cache(c.key, 1, length),                                      \
        cla_first_layer_##ROLE##_value_cache(c.value, 1, length),                                  \
        cla_first_layer_##ROLE##_query_weight(w->query),                                           \
        cla_first_layer_##ROLE##_key_weight(w->key),                                               \
        cla_first_layer_##ROLE##_value_weight(w->value),                                           \
        cla_first_layer_##ROLE##_output_weight(w->output),                                         \
        cla_first_layer_##ROLE##_out(out, 1, tokens),                                              \
        cla_first_layer_##ROLE##_key_cache_out(c.key, 1, length),                                  \
        cla_first_layer_##ROLE##_value_cache_out(c.value, 1, length), /*threads=*/0);              \
    add(x, out, tokens * WIDTH);                                                                   \
    for (int t = 0; t < tokens; ++t)                                                               \
      feed_forward(w, x + t * WIDTH);                                                              \
    normalise_all(x, normal, tokens);                                                              \
    if (code == 0)                                                                                 \
      code = cla_second_layer_##ROLE##_run(                                                        \
          cla_second_layer_##ROLE##_hidden(normal, 1, tokens),                                     \
          cla_second_layer_##ROLE##_key_cache(c.key, 1, length),                                   \
          cla_second_layer_##ROLE##_value_cache(c.value, 1, length),                               \
          cla_second_layer_##ROLE##_query_weight(w->next_query),                                   \
          cla_second_layer_##ROLE##_output_weight(w->next_output),                                 \
          cla_second_layer_##ROLE##_out(out, 1, tokens), /*threads=*/0);                           \
    add(x, out, tokens * WIDTH);                                                                   \
    return code;                                                                                   \
  }

TWO_LAYERS(prefill)
TWO_LAYERS(decode)

int main(void) {
  float small = 0.02f;
  Weights w = {some(HEADS * WIDTH * SIZE, small), some(WIDTH * SIZE, small),
               some(WIDTH * SIZE, small),         some(HEADS * SIZE * WIDTH, small),
               some(WIDTH * INNER, small),        some(INNER * WIDTH, small),
               some(HEADS * WIDTH * SIZE, small), some(HEADS * SIZE * WIDTH, small)};
  float *whole = some(ALL * WIDTH, 1.0f), *steps = malloc(ALL * WIDTH * sizeof(float));
  for (int i = 0; i < ALL * WIDTH; ++i)
    steps[i] = whole[i];
  Cache cache = {some(ALL * SIZE, 0), some(ALL * SIZE, 0)};
  Cache grown = {some(ALL * SIZE, 0), some(ALL * SIZE, 0)};

  int32_t code = two_layers_prefill(&w, whole, ALL, ALL, cache);
  if (code == 0)
    code = two_layers_prefill(&w, steps, PROMPT, PROMPT, grown);
  for (int at = PROMPT; at < ALL && code == 0; ++at)
    code = two_layers_decode(&w, steps + at * WIDTH, 1, at + 1, grown);

  float worst = 0, largest = 0;
  for (int i = 0; i < ALL * WIDTH; ++i) {
    worst = fmaxf(worst, fabsf(whole[i] - steps[i]));
    largest = fmaxf(largest, fabsf(whole[i]));
  }
  char text[160];
  if (code != 0)
    fprintf(stderr, "%s\n", attn_error_text(code, text, sizeof(text)));
  else
    printf("two layers, %d tokens at once and one by one: %s\n", ALL,
           worst <= 1e-5f * largest && largest > 0 ? "the same" : "different");
  free(w.query), free(w.key), free(w.value), free(w.output), free(w.up), free(w.down);
  free(w.next_query), free(w.next_output), free(whole), free(steps);
  free(cache.key), free(cache.value), free(grown.key), free(grown.value);
  return code != 0 || !(worst <= 1e-5f * largest);
}
