/* Sizes of mask operands are checked on the host. A batch without rows launches nothing, so no
 * driver is needed. */
#include "masks.h"

static void say(const char *what, int32_t code) {
  char text[200];
  printf("%s: %s\n", what, attn_error_text(code, text, sizeof(text)));
}

static attn_tensor make(int32_t dtype, int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d) {
  static _Alignas(16) char memory[1 << 20];
  int64_t sizes[4] = {a, b, c, d};
  return attn_contiguous(memory, dtype, rank, sizes);
}

int main(void) {
  /* 2 batches, no rows, 300 keys */
  attn_tensor args[5] = {make(ATTN_BF16, 4, 2, 4, 0, 128), make(ATTN_BF16, 4, 2, 2, 300, 128),
                         make(ATTN_BF16, 4, 2, 2, 300, 128), make(ATTN_I32, 2, 2, 300, 1, 1),
                         make(ATTN_BF16, 4, 2, 4, 0, 128)};
  say("documents", documents(args, 5, 0));
  args[3] = make(ATTN_I32, 2, 2, 299, 1, 1);
  say("documents too short", documents(args, 5, 0));
  args[3] = make(ATTN_I32, 2, 1, 300, 1, 1);
  say("documents of too few batches", documents(args, 5, 0));
  args[3] = make(ATTN_I64, 2, 2, 300, 1, 1);
  say("documents of another type", documents(args, 5, 0));
  args[3] = make(ATTN_I32, 4, 2, 4, 0, 3);
  say("blocks", blocks(args, 5, 0));
  args[3] = make(ATTN_I32, 4, 2, 4, 0, 2);
  say("too few blocks", blocks(args, 5, 0));
  return 0;
}
