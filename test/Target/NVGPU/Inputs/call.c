/* Arguments are checked on the host, before the driver is needed. */
#include "gqa.h"
#include <string.h>

static void say(int32_t code) {
  char text[200];
  puts(attn_error_text(code, text, sizeof(text)));
}

int main(void) {
  static uint16_t memory[8 * 8 * 64];
  attn_tensor args[4] = {prefill_query(memory, 1, 8), prefill_key(memory, 1, 8),
                         prefill_value(memory, 1, 8), prefill_out(memory, 1, 8)};
  attn_tensor bad[4];
  say(prefill(args, 3, 0));
  memcpy(bad, args, sizeof(bad)), bad[1].dtype = ATTN_F32;
  say(prefill(bad, 4, 0));
  memcpy(bad, args, sizeof(bad)), bad[2].sizes[2] = 7;
  say(prefill(bad, 4, 0));
  memcpy(bad, args, sizeof(bad)), bad[0].strides[3] = 2;
  say(prefill(bad, 4, 0));
  memcpy(bad, args, sizeof(bad)), bad[0].sizes[2] = bad[3].sizes[2] = 0;
  say(prefill(bad, 4, 0)); /* nothing to do */
  return 0;
}
