/* A prompt, then token by token in one cache that is its own result: as all tokens at once. */
#include "entries.h"
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 256, HEADS = 4, RANK = 128, NOPE = 64, ROPE = 32, SIZE = 64 };
enum { ROW = RANK + ROPE, PROMPT = 5, ALL = 9 };

static float widened(uint16_t bits) {
  uint32_t word = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &word, 4);
  return value;
}

static int (*allocate)(uint64_t *, size_t), (*upload)(uint64_t, const void *, size_t),
    (*download)(void *, uint64_t, size_t);

static void *find(const char *name) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  return driver ? dlsym(driver, name) : 0;
}

/* Numbers in memory of the device. */
static uint16_t *device(const uint16_t *values, size_t count) {
  uint64_t address = 0;
  if (allocate(&address, 2 * count) || upload(address, values, 2 * count))
    exit(1);
  return (uint16_t *)(uintptr_t)address;
}

static uint16_t *host(const uint16_t *values, size_t count) {
  uint16_t *copy = malloc(2 * count);
  if (download(copy, (uintptr_t)values, 2 * count))
    exit(1);
  return copy;
}

static uint16_t *some(size_t count, float deviation) {
  static unsigned state = 1;
  uint16_t *values = malloc(2 * count);
  for (size_t i = 0; i < count; ++i) {
    float value;
    uint32_t word;
    state = state * 1664525u + 1013904223u;
    value = deviation * ((float)(state >> 8) / 8388608.0f - 1.0f);
    memcpy(&word, &value, 4);
    values[i] = (uint16_t)(word >> 16);
  }
  return device(values, count);
}

#define CALL(ENTRY, TOKENS, LENGTH, HIDDEN, CACHE, OUT)                                            \
  ENTRY##_run(ENTRY##_hidden(HIDDEN, 1, TOKENS), ENTRY##_cache(CACHE, 1, LENGTH),                  \
              ENTRY##_query_weight(query), ENTRY##_latent_down(down), ENTRY##_key_gain(gain),      \
              ENTRY##_key_up(key_up), ENTRY##_value_up(value_up), ENTRY##_output_weight(output),   \
              ENTRY##_out(OUT, 1, TOKENS), ENTRY##_cache_out(CACHE, 1, LENGTH), stream)

/* NaN: what lies where new rows go is never read. */
static uint16_t *empty_cache(void) {
  uint16_t values[ALL * ROW];
  int i;
  for (i = 0; i < ALL * ROW; ++i)
    values[i] = 0x7fff;
  return device(values, ALL * ROW);
}

static void find_driver(void) {
  allocate = (int (*)(uint64_t *, size_t))find("cuMemAlloc_v2");
  upload = (int (*)(uint64_t, const void *, size_t))find("cuMemcpyHtoD_v2");
  download = (int (*)(void *, uint64_t, size_t))find("cuMemcpyDtoH_v2");
  if (!allocate || !upload || !download)
    exit(1);
}

int main(void) {
  char a_stream, text[200];
  void *stream = (find_driver(), &a_stream);
  uint16_t *query = some(HEADS * WIDTH * (NOPE + ROPE), 0.06f), *down = some(WIDTH * ROW, 0.06f),
           *gain = some(RANK, 1.0f), *key_up = some(HEADS * RANK * NOPE, 0.1f),
           *value_up = some(HEADS * RANK * SIZE, 0.1f), *output = some(HEADS * SIZE * WIDTH, 0.1f);
  uint16_t *hidden = some(ALL * WIDTH, 1.0f), *whole = some(ALL * WIDTH, 0),
           *steps = some(ALL * WIDTH, 0), *cache = empty_cache(), *grown = empty_cache();
  float worst = 0, largest = 0;
  int i, at;
  int32_t code;
  /* Small first, so that memory grows. */
  code = CALL(latent_layer_prefill, PROMPT, PROMPT, hidden, grown, steps);
  if (!code)
    code = CALL(latent_layer_prefill, ALL, ALL, hidden, cache, whole);
  for (at = PROMPT; at < ALL && !code; ++at)
    code = CALL(latent_layer_decode, 1, at + 1, hidden + at * WIDTH, grown, steps + at * WIDTH);
  whole = host(whole, ALL * WIDTH), steps = host(steps, ALL * WIDTH);
  for (i = 0; i < ALL * WIDTH; ++i) {
    worst = fmaxf(worst, fabsf(widened(whole[i]) - widened(steps[i])));
    largest = fmaxf(largest, fabsf(widened(whole[i])));
  }
  printf("%d tokens at once and one by one: %s\n", ALL,
         code ? attn_error_text(code, text, sizeof(text))
         : memcmp(host(cache, ALL * ROW), host(grown, ALL * ROW), ALL * ROW * 2) ? "other caches"
         : worst < 0.03f * largest                                               ? "the same"
                                                                                 : "other outputs");
  return 0;
}
