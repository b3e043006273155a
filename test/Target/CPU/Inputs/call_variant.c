/* Calls the decode entry of a library for several processors once; prints its code and how many
 * outputs are numbers. */
#include "model.h"

#include <stdlib.h>

enum { HEADS = 8, KEY_HEADS = 2, SIZE = 64, KEYS = 50 };

int main(void) {
  static float query[HEADS * SIZE], key[KEY_HEADS * KEYS * SIZE], value[KEY_HEADS * KEYS * SIZE];
  static float out[HEADS * SIZE], lse[HEADS];
  int numbers = 0;
  for (int i = 0; i < KEY_HEADS * KEYS * SIZE; ++i)
    key[i] = value[i] = (float)(i % 17) / 17;
  for (int i = 0; i < HEADS * SIZE; ++i)
    query[i] = (float)(i % 13) / 13;
  int code = model_decode_run(model_decode_query(query, 1, 1), model_decode_key(key, 1, KEYS),
                              model_decode_value(value, 1, KEYS), model_decode_out(out, 1, 1),
                              model_decode_lse(lse, 1, 1), 1);
  for (int i = 0; i < HEADS * SIZE; ++i)
    numbers += out[i] > 0;
  printf("code %d, %d outputs\n", code, numbers);
  return 0;
}
