//===- matrix_unit.c - the matrix unit of AMX, on a processor without one ----===//
//
// Linked into a program, it computes what the processor refuses: the tile instructions of kernels,
// and the moves of 16-bit floats (AVX512-FP16) that LLVM writes beside them. Slow: a signal each.
// Where the processor has a matrix unit, no signal comes and nothing here runs.
//
//===----------------------------------------------------------------------===//
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { ROWS = 16, ROW_BYTES = 64, TILES = 8 };
static __thread uint8_t tiles[TILES][ROWS][ROW_BYTES];
static __thread int configured;
/// Rows and bytes of a row of each tile.
static __thread uint8_t heights[TILES], widths[TILES];

/// General registers in the order of their numbers.
static const int registers[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};

/// An instruction behind its prefix: `reg` and `rm` are register numbers, or `base` is an address
/// and `index` what a second register adds. `length` counts the whole instruction.
typedef struct {
  int opcode, reg, rm, isMemory, length;
  int64_t base, index;
} instruction;

/// `rex`: the inverted bits R, X and B of the prefix, `scale`: bytes of a step of a short offset.
static instruction decode(const uint8_t *start, int prefixBytes, int rex, int scale, greg_t *g) {
  int r = rex & 4 ? 0 : 8, x = rex & 2 ? 0 : 8, b = rex & 1 ? 0 : 8;
  const uint8_t *p = start + prefixBytes;
  instruction i = {.opcode = *p++};
  int modrm = *p++, mod = modrm >> 6, low = modrm & 7;
  i.reg = (modrm >> 3 & 7) | r;
  i.rm = low | b;
  i.isMemory = mod != 3;
  if (i.isMemory) {
    int32_t offset = 0;
    int relative = low == 5 && mod == 0, absolute = 0;
    if (low == 4) {
      int sib = *p++, number = (sib >> 3 & 7) | x;
      absolute = (sib & 7) == 5 && mod == 0;
      i.rm = (sib & 7) | b;
      if (number != 4)
        i.index = g[registers[number]] << (sib >> 6);
    }
    if (mod == 1)
      offset = (int8_t)*p * scale;
    else if (mod == 2 || relative || absolute)
      memcpy(&offset, p, sizeof(offset));
    p += mod == 1 ? 1 : mod == 2 || relative || absolute ? 4 : 0;
    i.base = offset + (relative ? (int64_t)p : absolute ? 0 : g[registers[i.rm]]);
  }
  i.length = (int)(p - start);
  return i;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

static float widen(uint16_t bits) {
  uint32_t word = (uint32_t)bits << 16;
  float number;
  memcpy(&number, &word, sizeof(number));
  return number;
}

/// A tile that is not used may be empty.
static int configure(const uint8_t *table) {
  for (int t = 0; t < TILES; ++t) {
    heights[t] = table[48 + t];
    widths[t] = table[16 + 2 * t];
    if (heights[t] > ROWS || widths[t] > ROW_BYTES || widths[t] % 4 != 0 || table[17 + 2 * t] != 0)
      return 0;
  }
  memset(tiles, 0, sizeof(tiles));
  return configured = table[0] == 1;
}

/// The processor refuses tiles whose shapes do not fit each other.
static int multiply(int sum, int left, int right) {
  if (heights[sum] != heights[left] || widths[sum] != widths[right] ||
      widths[left] != 4 * heights[right])
    return 0;
  for (int m = 0; m < heights[sum]; ++m) {
    float *sums = (float *)tiles[sum][m];
    uint16_t *lefts = (uint16_t *)tiles[left][m];
    for (int k = 0; k < 2 * heights[right]; ++k)
      for (int n = 0; n < widths[sum] / 4; ++n)
        sums[n] += widen(lefts[k]) * widen(((uint16_t *)tiles[right][k / 2])[2 * n + k % 2]);
  }
  return 1;
}

static void move(int tile, const instruction *i, int stores) {
  for (int row = 0; row < heights[tile]; ++row) {
    void *memory = (void *)(i->base + row * i->index);
    memcpy(stores ? memory : tiles[tile][row], stores ? tiles[tile][row] : memory, widths[tile]);
  }
}

/// The prefix of three bytes, second map of opcodes; the third byte says what is done: 0 to 3 for
/// no prefix, 66, F3, F2.
static int tileInstruction(const uint8_t *p, greg_t *g) {
  enum { CONFIGURE = 0x49, MOVE = 0x4b, MULTIPLY = 0x5c };
  instruction i = decode(p, 3, p[1] >> 5, 1, g);
  int prefix = p[2] & 3, third = ~p[2] >> 3 & 15;
  if ((p[1] & 31) != 2 || (i.opcode != CONFIGURE && !configured))
    return 0;
  if (i.opcode == CONFIGURE && i.isMemory && prefix == 0) {
    if (!configure((const uint8_t *)i.base))
      return 0;
  } else if (i.opcode == CONFIGURE && !i.isMemory && prefix == 0) {
    configured = 0;
  } else if (i.opcode == CONFIGURE && !i.isMemory && prefix == 3) {
    memset(tiles[i.reg & 7], 0, sizeof(tiles[0]));
  } else if (i.opcode == MULTIPLY && !i.isMemory && prefix == 2) {
    if (!multiply(i.reg & 7, i.rm & 7, third & 7))
      return 0;
  } else if (i.opcode == MOVE && i.isMemory && prefix != 0) {
    move(i.reg & 7, &i, prefix == 2);
  } else {
    return 0;
  }
  return i.length;
}

//===----------------------------------------------------------------------===//
// 16-bit floats
//===----------------------------------------------------------------------===//

/// Where a part of the vector registers lies in what a signal saves.
static unsigned areaOf(unsigned part) {
  unsigned size, offset, c, d;
  __cpuid_count(0xd, part, size, offset, c, d);
  return offset;
}

enum { LOW = 1, MIDDLE = 2, UPPER = 6, FURTHER = 7, HEADER = 512, REGISTERS = 160 };

/// A vector register with 16 bits and zeros above.
static void setVector(uint8_t *saved, int number, uint16_t half) {
  uint64_t parts;
  memcpy(&parts, saved + HEADER, sizeof(parts));
  uint8_t *to = saved + REGISTERS + 16 * number;
  if (number < 16) {
    memset(to, 0, 16);
    memset(saved + areaOf(MIDDLE) + 16 * number, 0, parts >> MIDDLE & 1 ? 16 : 0);
    memset(saved + areaOf(UPPER) + 32 * number, 0, parts >> UPPER & 1 ? 32 : 0);
    parts |= 1u << LOW;
  } else {
    if (!(parts >> FURTHER & 1))
      memset(saved + areaOf(FURTHER), 0, 1024);
    to = saved + areaOf(FURTHER) + 64 * (number - 16);
    memset(to, 0, 64);
    parts |= 1u << FURTHER;
  }
  memcpy(to, &half, sizeof(half));
  memcpy(saved + HEADER, &parts, sizeof(parts));
}

static uint16_t vectorOf(const uint8_t *saved, int number) {
  const uint8_t *from =
      number < 16 ? saved + REGISTERS + 16 * number : saved + areaOf(FURTHER) + 64 * (number - 16);
  uint64_t parts;
  memcpy(&parts, saved + HEADER, sizeof(parts));
  uint16_t half = 0;
  if (parts >> (number < 16 ? LOW : FURTHER) & 1)
    memcpy(&half, from, sizeof(half));
  return half;
}

/// vmovsh and vmovw: between a vector register and memory or a general register.
static int halfInstruction(const uint8_t *p, greg_t *g, uint8_t *saved) {
  instruction i = decode(p, 4, p[1] >> 5, 2, g);
  int prefix = p[2] & 3, vector = i.reg | (p[1] & 16 ? 0 : 16), isWord = prefix == 1;
  int load = isWord ? 0x6e : 0x10, store = isWord ? 0x7e : 0x11;
  if ((p[1] & 7) != 5 || (p[3] & 0x87) != 0 || (!isWord && (prefix != 2 || !i.isMemory)))
    return 0;
  greg_t *general = &g[registers[i.rm]];
  uint16_t half;
  if (i.opcode == load) {
    memcpy(&half, i.isMemory ? (void *)(i.base + i.index) : (void *)general, sizeof(half));
    setVector(saved, vector, half);
  } else if (i.opcode == store) {
    half = vectorOf(saved, vector);
    if (i.isMemory)
      memcpy((void *)(i.base + i.index), &half, sizeof(half));
    else
      *general = half;
  } else {
    return 0;
  }
  return i.length;
}

//===----------------------------------------------------------------------===//
// Signals
//===----------------------------------------------------------------------===//

static void refused(int signal, siginfo_t *info, void *context) {
  mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
  const uint8_t *p = (const uint8_t *)machine->gregs[REG_RIP];
  int length = *p == 0xc4   ? tileInstruction(p, machine->gregs)
               : *p == 0x62 ? halfInstruction(p, machine->gregs, (uint8_t *)machine->fpregs)
                            : 0;
  if (length == 0) {
    fprintf(stderr, "unknown instruction %02x %02x %02x %02x %02x %02x\n", p[0], p[1], p[2], p[3],
            p[4], p[5]);
    abort();
  }
  machine->gregs[REG_RIP] += length;
}

__attribute__((constructor)) static void install(void) {
  struct sigaction action = {.sa_sigaction = refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGILL, &action, NULL);
}
