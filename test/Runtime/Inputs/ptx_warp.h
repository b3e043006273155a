/* Instructions that all lanes of a warp do together, and copies ahead; part of ptx.c. */

static int is_meeting(const instruction *in) {
  return starts(in, "bar") || starts(in, "shfl") || starts(in, "redux") || starts(in, "ldmatrix") ||
         starts(in, "mma");
}

/* Copies ahead arrive at once: who reads too early is found on the card only. */
static int copy_ahead(block *b, thread *t, const instruction *in) {
  const operand *o = in->operands;
  unsigned char *to;
  const unsigned char *from;
  int64_t bytes, given;
  if (has(in, "commit") || has(in, "wait"))
    return 1;
  to = b->shared + ((o[0].value + (o[0].reg >= 0 ? (int64_t)t->r[o[0].reg] : 0)) & 0xffffffff);
  from = (unsigned char *)(uintptr_t)(o[1].value + (int64_t)t->r[o[1].reg]);
  bytes = o[2].value;
  given = in->num_operands > 3 ? (int64_t)value_of(b, t, &o[3]) : bytes;
  if ((uintptr_t)to % 16 || (given && (uintptr_t)from % 16) || given > bytes)
    return complain("a copy that is not aligned", in->text, in->line);
  memset(to, 0, (size_t)bytes);
  memcpy(to, from, (size_t)given);
  return 1;
}

static void shuffle(block *b, thread *warp, const instruction *in) {
  const operand *o = in->operands;
  uint64_t before[WARP];
  unsigned i;
  for (i = 0; i < WARP; ++i)
    before[i] = value_of(b, &warp[i], &o[1]);
  for (i = 0; i < WARP; ++i)
    set(&warp[i], &o[0], before[i ^ (value_of(b, &warp[i], &o[2]) & 31)]);
}

static void reduce(block *b, thread *warp, const instruction *in) {
  uint64_t most = 0;
  unsigned i;
  for (i = 0; i < WARP; ++i) {
    uint64_t one = value_of(b, &warp[i], &in->operands[1]);
    most = one > most ? one : most;
  }
  for (i = 0; i < WARP; ++i)
    set(&warp[i], &in->operands[0], most);
}

/* Lane 8 i + j gives the address of row j of matrix i; lane l gets elements 2 (l % 4) and the next
 * of row l / 4 of each, or of its transpose. */
static int load_matrices(block *b, thread *warp, const instruction *in) {
  const operand *to = &in->operands[0], *from = &in->operands[1];
  int matrix, lane;
  for (matrix = 0; matrix < to->count; ++matrix) {
    uint16_t rows[8][8];
    for (lane = 0; lane < 8; ++lane) {
      const thread *t = &warp[8 * matrix + lane];
      int64_t address = (from->value + (int64_t)t->r[from->reg]) & 0xffffffff;
      if (address % 16)
        return complain("a row that is not aligned", in->text, in->line);
      memcpy(rows[lane], b->shared + address, 16);
    }
    for (lane = 0; lane < WARP; ++lane) {
      int i = lane / 4, j = 2 * (lane % 4);
      uint16_t low = has(in, "trans") ? rows[j][i] : rows[i][j],
               high = has(in, "trans") ? rows[j + 1][i] : rows[i][j + 1];
      warp[lane].r[to->regs[matrix]] = low | (uint64_t)high << 16;
    }
  }
  return 1;
}

static float element_of(const instruction *in, uint64_t word, int high) {
  uint64_t bits = high ? word >> 16 & 0xffff : word & 0xffff;
  return has(in, "bf16") ? bf16_to_float(bits) : half_to_float(bits);
}

/* m16n8k16 of 16-bit elements with float32 sums. */
static void multiply(thread *warp, const instruction *in) {
  const operand *d = &in->operands[0], *x = &in->operands[1], *y = &in->operands[2],
                *c = &in->operands[3];
  static float left[16][16], right[16][8], sums[16][8];
  int lane, i, j, k;
  for (lane = 0; lane < WARP; ++lane) {
    int row = lane / 4, column = 2 * (lane % 4);
    for (i = 0; i < 8; ++i) /* register i / 2, half i % 2 */
      left[row + 8 * (i / 2 % 2)][column + i % 2 + 8 * (i / 4)] =
          element_of(in, warp[lane].r[x->regs[i / 2]], i % 2);
    for (i = 0; i < 4; ++i)
      right[column + i % 2 + 8 * (i / 2)][row] =
          element_of(in, warp[lane].r[y->regs[i / 2]], i % 2);
    for (i = 0; i < 4; ++i)
      sums[row + 8 * (i / 2)][column + i % 2] = as_float(warp[lane].r[c->regs[i]]);
  }
  for (i = 0; i < 16; ++i)
    for (j = 0; j < 8; ++j)
      for (k = 0; k < 16; ++k)
        sums[i][j] += left[i][k] * right[k][j];
  for (lane = 0; lane < WARP; ++lane)
    for (i = 0; i < 4; ++i)
      warp[lane].r[d->regs[i]] = from_float(sums[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2]);
}

/* All lanes of a warp wait at the same instruction. */
static int meet(block *b, unsigned first) {
  thread *warp = &b->all[first];
  const instruction *in = &b->f->instructions[warp[0].at];
  unsigned i;
  for (i = 0; i < WARP; ++i)
    if (warp[i].is_waiting != 1 || warp[i].at != warp[0].at)
      return complain("lanes do not meet at", in->text, in->line);
  if (starts(in, "shfl"))
    shuffle(b, warp, in);
  else if (starts(in, "redux"))
    reduce(b, warp, in);
  else if (starts(in, "mma"))
    multiply(warp, in);
  else if (starts(in, "ldmatrix") && !load_matrices(b, warp, in))
    return 0;
  for (i = 0; i < WARP; ++i)
    warp[i].is_waiting = 0, ++warp[i].at;
  return 1;
}
