//===- missing-instructions.c - compares with the compiler's own conversions -===//
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

float half_to_float(_Float16 x);
_Float16 float_to_half(float x);
float floor_of(float x);
float ceil_of(float x);

static uint32_t bits(float x) {
  uint32_t result;
  memcpy(&result, &x, sizeof(result));
  return result;
}

static uint32_t halfBits(_Float16 x) {
  uint16_t result;
  memcpy(&result, &x, sizeof(result));
  return result;
}

static long differences;

/// NaN may have any payload.
static void compare(const char *what, uint32_t input, uint32_t found, uint32_t expected,
                    int bothNaN) {
  if (found == expected || bothNaN)
    return;
  if (differences++ < 10)
    printf("%s(%08x): expected %08x, found %08x\n", what, input, expected, found);
}

static void compareFloat(uint32_t input) {
  float x;
  memcpy(&x, &input, sizeof(x));
  _Float16 half = float_to_half(x), expected = (_Float16)x;
  compare("float_to_half", input, halfBits(half), halfBits(expected),
          half != half && expected != expected);
  float low = floor_of(x), high = ceil_of(x);
  compare("floor", input, bits(low), bits(floorf(x)), low != low && x != x);
  compare("ceil", input, bits(high), bits(ceilf(x)), high != high && x != x);
}

int main(void) {
  for (uint32_t i = 0; i < 65536; ++i) {
    uint16_t input = (uint16_t)i;
    _Float16 x;
    memcpy(&x, &input, sizeof(x));
    float found = half_to_float(x);
    compare("half_to_float", i, bits(found), bits((float)x), found != found && x != x);
  }
  // Every exponent, and mantissas around every float16's and around the middle of two.
  long count = 0;
  for (uint32_t high = 0; high < 1u << 20; ++high)
    for (int32_t near = -1; near <= 1; ++near, ++count)
      compareFloat((high << 12) + (uint32_t)near);
  printf("65536 float16, %ld float32: %ld differences\n", count, differences);
  return differences != 0;
}
