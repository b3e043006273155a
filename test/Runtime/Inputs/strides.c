/* Strides are checked on the host. A batch without rows launches nothing, so no driver is needed.
 */
#include "prefill.h"

static void say(int64_t stride, int32_t code) {
  char text[200];
  printf("rows %lld apart: %s\n", (long long)stride, attn_error_text(code, text, sizeof(text)));
}

int main(void) {
  static _Alignas(16) uint16_t memory[8 * 8 * 64];
  int64_t strides[] = {8388600, 8388608};
  for (int i = 0; i < 2; ++i) {
    float lse[1];
    attn_tensor args[5] = {prefill_query(memory, 1, 0), prefill_key(memory, 1, 8),
                           prefill_value(memory, 1, 8), prefill_out(memory, 1, 0),
                           prefill_lse(lse, 1, 0)};
    args[1].strides[2] = strides[i];
    say(strides[i], prefill(args, 5, 0));
  }
  return 0;
}
