/* See ptx.h. Registers are 64 raw bits; a type says how an instruction reads them. */
#include "ptx.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a file holds ------------------------------------------------------------------------
 */

enum { MAX_OPERANDS = 24, MAX_VECTOR = 8, WARP = 32 };

typedef enum { REGISTER, IMMEDIATE, ADDRESS, VECTOR, LABEL, SPECIAL } operand_kind;
typedef struct operand {
  operand_kind kind;
  int reg;              /* REGISTER, or base of ADDRESS; -1: none */
  int64_t value;        /* IMMEDIATE, offset of ADDRESS, SPECIAL's number, LABEL's place */
  int count;            /* VECTOR */
  int regs[MAX_VECTOR]; /* -1 for a place that is thrown away */
  char name[128];       /* LABEL, or the symbol of an ADDRESS or IMMEDIATE */
} operand;

typedef struct instruction {
  char text[160]; /* the opcode with its modifiers */
  int guard, negated;
  int num_operands;
  operand operands[MAX_OPERANDS];
  /* decoded */
  int code;
  char type[8], from[8];
  int vector, line;
} instruction;

typedef struct symbol {
  char name[128];
  int64_t value; /* address, or offset in a block's shared memory */
  int is_shared;
} symbol;

typedef struct parameter {
  int bytes;
} parameter;

typedef struct function {
  char name[128];
  int num_params, num_instructions, num_registers;
  parameter params[320];
  instruction *instructions;
  symbol shared[16];
  int num_shared;
  int64_t shared_bytes;
} function;

enum { MAX_FUNCTIONS = 512 };
static function functions[MAX_FUNCTIONS];
static symbol symbols[MAX_FUNCTIONS];
static int num_functions, num_symbols;

static int complain(const char *what, const char *text, int line) {
  fprintf(stderr, "ptx: line %d: %s '%s'\n", line, what, text);
  return 0;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static char names[4096][32];
static int num_names;

/* Registers are numbered per function. */
static int register_of(const char *name) {
  int i;
  for (i = 0; i < num_names; ++i)
    if (!strcmp(names[i], name))
      return i;
  snprintf(names[num_names], sizeof(names[0]), "%s", name);
  return num_names++;
}

enum { TID, CTAID, NTID, NCTAID, LANEID, CTAID_Y, NCTAID_Y, NUM_SPECIALS };
static int special_of(const char *name) {
  static const char *known[] = {"%tid.x",  "%ctaid.x", "%ntid.x",  "%nctaid.x",
                                "%laneid", "%ctaid.y", "%nctaid.y"};
  int i;
  for (i = 0; i < NUM_SPECIALS; ++i)
    if (!strcmp(known[i], name))
      return i;
  return -1;
}

static const char *skip(const char *p) {
  while (*p && isspace((unsigned char)*p))
    ++p;
  return p;
}

static const char *word(const char *p, char *out, size_t n) {
  size_t i = 0;
  p = skip(p);
  while (*p && (isalnum((unsigned char)*p) || strchr("%$_.", *p)) && i + 1 < n)
    out[i++] = *p++;
  out[i] = 0;
  return p;
}

static int64_t number(const char *text) {
  if (!strncmp(text, "0f", 2) || !strncmp(text, "0d", 2))
    return (int64_t)strtoull(text + 2, 0, 16);
  return (int64_t)strtoll(text, 0, 0);
}

static const char *read_operand(const char *p, operand *o) {
  char text[128];
  memset(o, 0, sizeof(*o));
  o->reg = -1;
  p = skip(p);
  if (*p == '{') {
    o->kind = VECTOR;
    for (++p; *p && *p != '}'; p = skip(p)) {
      p = word(p, text, sizeof(text));
      o->regs[o->count++] = strcmp(text, "_") ? register_of(text) : -1;
      p = skip(p);
      if (*p == ',')
        ++p;
    }
    return p + 1;
  }
  if (*p == '[') {
    o->kind = ADDRESS;
    p = word(p + 1, text, sizeof(text));
    if (text[0] == '%')
      o->reg = register_of(text);
    else if (isdigit((unsigned char)text[0]))
      o->value = number(text);
    else
      snprintf(o->name, sizeof(o->name), "%s", text);
    p = skip(p);
    if (*p == '+' || *p == '-') {
      o->value += strtoll(p + (*p == '+'), (char **)&p, 0);
    }
    p = skip(p);
    return *p == ']' ? p + 1 : p;
  }
  if (*p == '-') {
    o->kind = IMMEDIATE;
    o->value = strtoll(p, (char **)&p, 0);
    return p;
  }
  p = word(p, text, sizeof(text));
  if (text[0] == '%') {
    int special = special_of(text);
    o->kind = special >= 0 ? SPECIAL : REGISTER;
    o->value = special;
    if (special < 0)
      o->reg = register_of(text);
  } else if (isdigit((unsigned char)text[0])) {
    o->kind = IMMEDIATE;
    o->value = number(text);
  } else {
    o->kind = LABEL;
    snprintf(o->name, sizeof(o->name), "%s", text);
  }
  return p;
}

/* `setp.ge.and.s32` -> "setp", and its last two types. */
static void split_types(instruction *in) {
  char copy[160], *part, *save = 0;
  static const char *types[] = {"b16", "b32",    "b64",   "u16",  "u32", "u64",
                                "s16", "s32",    "s64",   "f32",  "f64", "bf16",
                                "f16", "bf16x2", "f16x2", "pred", "b8",  "u8"};
  size_t i;
  snprintf(copy, sizeof(copy), "%s", in->text);
  for (part = strtok_r(copy, ".", &save); part; part = strtok_r(0, ".", &save)) {
    if (part[0] == 'v' && isdigit((unsigned char)part[1]))
      in->vector = atoi(part + 1);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); ++i)
      if (!strcmp(part, types[i])) {
        snprintf(in->from, sizeof(in->from), "%s", part);
        if (!in->type[0])
          snprintf(in->type, sizeof(in->type), "%s", part);
      }
  }
}

static int read_instruction(function *f, const char *p, int line) {
  instruction *in;
  if (f->num_instructions % 256 == 0)
    f->instructions =
        realloc(f->instructions, sizeof(instruction) * (size_t)(f->num_instructions + 256));
  in = &f->instructions[f->num_instructions++];
  memset(in, 0, sizeof(*in));
  in->guard = -1, in->line = line;
  p = skip(p);
  if (*p == '@') {
    char name[32];
    in->negated = p[1] == '!';
    p = word(p + 1 + in->negated, name, sizeof(name));
    in->guard = register_of(name);
    p = skip(p);
  }
  {
    size_t i = 0;
    while (*p && (isalnum((unsigned char)*p) || strchr("._:", *p)) && i + 1 < sizeof(in->text))
      in->text[i++] = *p++;
    in->text[i] = 0;
  }
  for (p = skip(p); *p && *p != ';'; p = skip(p)) {
    if (in->num_operands == MAX_OPERANDS)
      return complain("too many operands of", in->text, line);
    p = read_operand(p, &in->operands[in->num_operands++]);
    p = skip(p);
    if (*p == '|' || *p == ',')
      ++p;
  }
  split_types(in);
  return 1;
}

static int align_to(int64_t n, int64_t by) { return (int)((n + by - 1) / by * by); }

/* `.shared .align 16 .b8 name[512];` in a function, or extern in the module. */
static void read_shared(function *f, const char *p) {
  char text[128];
  int64_t align = 1, bytes = 0;
  const char *at = strstr(p, ".align");
  symbol *s = &f->shared[f->num_shared++];
  if (at)
    align = atoi(at + 6);
  at = strstr(p, ".b8");
  at = word(at + 3, text, sizeof(text));
  if (*at == '[')
    bytes = atoll(at + 1);
  snprintf(s->name, sizeof(s->name), "%s", text);
  f->shared_bytes = align_to(f->shared_bytes, align);
  s->value = f->shared_bytes, s->is_shared = 1;
  f->shared_bytes += bytes;
}

/* `.global .align 16 .b8 name[512] = {1, 2};` */
static void read_global(const char *p) {
  char text[128];
  const char *at = strstr(p, ".b8"), *open;
  unsigned char *memory;
  int64_t bytes = 1, i = 0;
  if (!at)
    return;
  at = word(at + 3, text, sizeof(text));
  if (*at == '[')
    bytes = atoll(at + 1);
  memory = calloc(1, (size_t)bytes + 16);
  snprintf(symbols[num_symbols].name, sizeof(symbols[0].name), "%s", text);
  symbols[num_symbols++].value = (int64_t)(uintptr_t)memory;
  open = strchr(p, '{');
  while (open && i < bytes && *open != '}') {
    memory[i++] = (unsigned char)strtol(open + 1, (char **)&open, 0);
    open = skip(open);
  }
}

static void read_parameter(function *f, const char *line) {
  f->params[f->num_params++].bytes = strstr(line, ".u32") || strstr(line, ".b32") ? 4 : 8;
}

/* Labels become places, symbols numbers. */
static int resolve(function *f, char labels[][128], const int *places, int num_labels) {
  int i, j, k;
  for (i = 0; i < f->num_instructions; ++i)
    for (j = 0; j < f->instructions[i].num_operands; ++j) {
      operand *o = &f->instructions[i].operands[j];
      int found = !o->name[0];
      for (k = 0; k < num_labels && !found; ++k)
        if (!strcmp(labels[k], o->name))
          o->value = places[k], found = 1;
      for (k = 0; k < f->num_shared && !found; ++k)
        if (!strcmp(f->shared[k].name, o->name)) {
          o->value += f->shared[k].value, found = 1;
          if (o->kind == LABEL)
            o->kind = IMMEDIATE;
        }
      for (k = 0; k < num_symbols && !found; ++k)
        if (!strcmp(symbols[k].name, o->name)) {
          o->value += symbols[k].value, found = 1;
          if (o->kind == LABEL)
            o->kind = IMMEDIATE;
        }
      if (!found && strstr(o->name, "_param_")) { /* a parameter, by number */
        o->value += (int64_t)atoi(strrchr(o->name, '_') + 1) << 32, found = 1;
      }
      if (!found && strcmp(f->instructions[i].text, "call"))
        return complain("unknown name", o->name, f->instructions[i].line);
    }
  return 1;
}

static function *find(const char *name) {
  int i;
  for (i = 0; i < num_functions; ++i)
    if (!strcmp(functions[i].name, name))
      return &functions[i];
  return 0;
}

int ptx_has(const char *name) {
  const function *f = find(name);
  return f ? f->num_params : 0;
}

static char labels[1024][128];
static int label_places[1024];
static symbol module_shared[4];

/* One entry, from behind its `.entry`; kernels that it will not run are read over. */
static int read_entry(FILE *file, char *line, size_t n, int *line_number,
                      int (*wanted)(const char *)) {
  function *f = &functions[num_functions];
  int num_labels = 0, in_body = 0, is_wanted;
  if (num_functions == MAX_FUNCTIONS)
    return complain("too many entries in", "this file", *line_number);
  memset(f, 0, sizeof(*f));
  num_names = 0;
  word(strstr(line, ".entry") + 6, f->name, sizeof(f->name));
  is_wanted = wanted(f->name);
  while (fgets(line, (int)n, file)) {
    const char *p = skip(line);
    char *comment = strstr(line, "//");
    if (comment)
      *comment = 0;
    ++*line_number;
    if (line[0] == '}' && in_body)
      break;
    if (!is_wanted)
      in_body |= *p == '{';
    else if (!in_body && !strncmp(p, ".param", 6))
      read_parameter(f, p);
    else if (*p == '{' && !in_body)
      in_body = 1;
    else if (in_body && !strncmp(p, ".shared", 7))
      read_shared(f, p);
    else if (in_body && *p == '$' && strchr(p, ':')) {
      word(p, labels[num_labels], sizeof(labels[0]));
      label_places[num_labels++] = f->num_instructions;
    } else if (in_body && *p && *p != '.' && *p != '}' && *p != '{' &&
               !read_instruction(f, p, *line_number))
      return 0;
  }
  if (!is_wanted)
    return 1;
  if (module_shared[0].name[0] && !f->num_shared) {
    f->shared[f->num_shared++] = module_shared[0];
  }
  f->num_registers = num_names;
  ++num_functions;
  return resolve(f, labels, label_places, num_labels);
}

/* Attentions are the test's own; of the rest every one. */
static int is_tokens(const char *name) {
  return !strstr(name, "attention") && !strstr(name, "_kernel");
}

int ptx_load(const char *path) {
  static char line[1 << 20];
  FILE *file = fopen(path, "r");
  int line_number = 0, ok = 1;
  if (!file)
    return complain("cannot open", path, 0);
  while (ok && fgets(line, sizeof(line), file)) {
    ++line_number;
    if (strstr(line, ".entry"))
      ok = read_entry(file, line, sizeof(line), &line_number, is_tokens);
    else if (!strncmp(skip(line), ".global", 7))
      read_global(line);
    else if (strstr(line, ".extern .shared")) {
      char *at = strstr(line, ".b8");
      if (at)
        word(at + 3, module_shared[0].name, sizeof(module_shared[0].name));
    }
  }
  fclose(file);
  return ok;
}

/* ---- running ----------------------------------------------------------------------------------
 */

typedef struct thread {
  int at, is_done, is_waiting; /* waiting: for its warp (1) or its block (2) */
  uint64_t *r;
} thread;

typedef struct block {
  const function *f;
  unsigned number, blocks, threads; /* number: the last axis first */
  unsigned blocks_y;
  void **parameters;
  unsigned char *shared;
  thread *all;
} block;

static float as_float(uint64_t bits) {
  uint32_t low = (uint32_t)bits;
  float x;
  memcpy(&x, &low, 4);
  return x;
}
static uint64_t from_float(float x) {
  uint32_t low;
  memcpy(&low, &x, 4);
  return low;
}
static double as_double(uint64_t bits) {
  double x;
  memcpy(&x, &bits, 8);
  return x;
}
static uint64_t from_double(double x) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  return bits;
}
static float half_to_float(uint64_t bits) {
  uint16_t low = (uint16_t)bits;
  _Float16 x;
  memcpy(&x, &low, 2);
  return (float)x;
}
static uint64_t float_to_half(float value) {
  _Float16 x = (_Float16)value;
  uint16_t low;
  memcpy(&low, &x, 2);
  return low;
}
static float bf16_to_float(uint64_t bits) { return as_float((bits & 0xffff) << 16); }
static uint64_t float_to_bf16(float value) {
  uint64_t bits = from_float(value);
  if (value != value)
    return 0x7fff;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16 & 0xffff;
}

static int width(const char *type) {
  const char *digits = type + strcspn(type, "0123456789");
  if (!strcmp(type, "pred"))
    return 1;
  if (!strncmp(type, "bf16x2", 6) || !strncmp(type, "f16x2", 5))
    return 32;
  return atoi(digits);
}
static uint64_t narrow(uint64_t value, int bits) {
  return bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
}
static int64_t widen(uint64_t value, int bits) {
  return bits == 64 ? (int64_t)value : (int64_t)(value << (64 - bits)) >> (64 - bits);
}
static int is_signed(const char *type) { return type[0] == 's'; }
static int is_real(const char *type) { return type[0] == 'f'; }

static uint64_t value_of(const block *b, const thread *t, const operand *o) {
  unsigned id = (unsigned)(t - b->all);
  if (o->kind == REGISTER)
    return t->r[o->reg];
  if (o->kind != SPECIAL)
    return (uint64_t)o->value;
  switch (o->value) {
  case TID:
    return id;
  case CTAID:
    return b->number % b->blocks;
  case CTAID_Y:
    return b->number / b->blocks;
  case NCTAID_Y:
    return b->blocks_y;
  case NTID:
    return b->threads;
  case NCTAID:
    return b->blocks;
  default:
    return id % WARP;
  }
}

static void set(thread *t, const operand *o, uint64_t value) {
  if (o->reg >= 0)
    t->r[o->reg] = value;
}

static int starts(const instruction *in, const char *with) {
  return !strncmp(in->text, with, strlen(with));
}
static int has(const instruction *in, const char *what) { return strstr(in->text, what) != 0; }

static unsigned char *memory_of(const block *b, const thread *t, const instruction *in,
                                const operand *o) {
  int64_t address = o->value + (o->reg >= 0 ? (int64_t)t->r[o->reg] : 0);
  if (has(in, ".shared"))
    return b->shared + (address & 0xffffffff);
  return (unsigned char *)(uintptr_t)address;
}

/* ld, st: one register or a vector of them. */
static int access(block *b, thread *t, const instruction *in) {
  int load = starts(in, "ld"), bytes = width(in->type) / 8, i;
  const operand *reg = &in->operands[load ? 0 : 1], *place = &in->operands[load ? 1 : 0];
  int count = reg->kind == VECTOR ? reg->count : 1;
  unsigned char *memory;
  if (has(in, ".param")) {
    memcpy(&t->r[reg->reg], (char *)b->parameters[place->value >> 32] + (place->value & 0xffffffff),
           (size_t)bytes);
    t->r[reg->reg] = narrow(t->r[reg->reg], 8 * bytes);
    return 1;
  }
  memory = memory_of(b, t, in, place);
  if ((uintptr_t)memory % (uintptr_t)(bytes * count))
    return complain("an address that is not aligned for", in->text, in->line);
  for (i = 0; i < count; ++i) {
    int which = reg->kind == VECTOR ? reg->regs[i] : reg->reg;
    uint64_t value = 0;
    if (!load) {
      value = reg->kind == VECTOR ? t->r[which] : value_of(b, t, reg);
      memcpy(memory + i * bytes, &value, (size_t)bytes);
    } else if (which >= 0) {
      memcpy(&value, memory + i * bytes, (size_t)bytes);
      t->r[which] = is_signed(in->type) ? (uint64_t)widen(value, 8 * bytes) : value;
    }
  }
  return 1;
}

static int compare(const instruction *in, uint64_t x, uint64_t y) {
  char how[8];
  int bits = width(in->type), less, equal, unordered = 0;
  const char *p = in->text + 5; /* behind "setp." */
  snprintf(how, sizeof(how), "%.*s", (int)strcspn(p, "."), p);
  if (is_real(in->type)) {
    double a = bits == 64 ? as_double(x) : as_float(x), c = bits == 64 ? as_double(y) : as_float(y);
    less = a < c, equal = a == c, unordered = a != a || c != c;
  } else if (is_signed(in->type)) {
    less = widen(x, bits) < widen(y, bits), equal = narrow(x, bits) == narrow(y, bits);
  } else {
    less = narrow(x, bits) < narrow(y, bits), equal = narrow(x, bits) == narrow(y, bits);
  }
  if (!strcmp(how, "nan"))
    return unordered;
  if (!strcmp(how, "num"))
    return !unordered;
  if (unordered)
    return !strcmp(how, "ne") ? 0 : strlen(how) == 3; /* ltu, geu, ... are true for NaN */
  if (!strncmp(how, "eq", 2))
    return equal;
  if (!strncmp(how, "ne", 2))
    return !equal;
  if (!strncmp(how, "lt", 2) || !strncmp(how, "lo", 2))
    return less;
  if (!strncmp(how, "le", 2) || !strncmp(how, "ls", 2))
    return less || equal;
  if (!strncmp(how, "gt", 2) || !strncmp(how, "hi", 2))
    return !less && !equal;
  return !less; /* ge, hs */
}

static uint64_t convert(const instruction *in, uint64_t x, uint64_t y) {
  int from = width(in->from), to = width(in->type);
  double value;
  if (!strcmp(in->type, "bf16x2"))
    return float_to_bf16(as_float(x)) << 16 | float_to_bf16(as_float(y));
  if (!strcmp(in->type, "f16x2"))
    return float_to_half(as_float(x)) << 16 | float_to_half(as_float(y));
  if (!strcmp(in->from, "bf16"))
    value = bf16_to_float(x);
  else if (!strcmp(in->from, "f16"))
    value = half_to_float(x);
  else if (is_real(in->from))
    value = from == 64 ? as_double(x) : as_float(x);
  else if (is_real(in->type) || in->type[0] == 'b')
    value = is_signed(in->from) ? (double)widen(x, from) : (double)narrow(x, from);
  else
    return narrow(is_signed(in->from) ? (uint64_t)widen(x, from) : narrow(x, from), to);
  if (!strcmp(in->type, "bf16"))
    return float_to_bf16((float)value);
  if (!strcmp(in->type, "f16"))
    return float_to_half((float)value);
  if (is_real(in->type))
    return to == 64 ? from_double(value) : from_float((float)value);
  return narrow((uint64_t)(int64_t)(has(in, ".rzi") ? trunc(value) : rint(value)), to);
}

/* Arithmetic on reals; 0 for an instruction it does not know. */
static int real(const instruction *in, uint64_t *out, uint64_t x, uint64_t y, uint64_t z) {
  int wide = width(in->type) == 64;
  double a = wide ? as_double(x) : as_float(x), c = wide ? as_double(y) : as_float(y),
         d = wide ? as_double(z) : as_float(z), result;
  if (starts(in, "add"))
    result = wide ? a + c : (float)a + (float)c;
  else if (starts(in, "sub"))
    result = wide ? a - c : (float)a - (float)c;
  else if (starts(in, "mul"))
    result = wide ? a * c : (float)a * (float)c;
  else if (starts(in, "fma") || starts(in, "mad"))
    result = wide ? fma(a, c, d) : fmaf((float)a, (float)c, (float)d);
  else if (starts(in, "div"))
    result = wide ? a / c : (float)a / (float)c;
  else if (starts(in, "neg"))
    result = -a;
  else if (starts(in, "abs"))
    result = fabs(a);
  else if (starts(in, "rcp"))
    result = wide ? 1 / a : 1 / (float)a;
  else if (starts(in, "sqrt"))
    result = wide ? sqrt(a) : sqrtf((float)a);
  else if (starts(in, "ex2"))
    result = exp2(a);
  else if (starts(in, "lg2"))
    result = log2(a);
  else if (starts(in, "max") || starts(in, "min")) {
    int nan = a != a || c != c;
    result = starts(in, "max") ? fmax(a, c) : fmin(a, c);
    if (nan && has(in, ".NaN"))
      result = NAN;
  } else
    return 0;
  *out = wide ? from_double(result) : from_float((float)result);
  return 1;
}

static int integer(const instruction *in, uint64_t *out, uint64_t x, uint64_t y, uint64_t z) {
  int bits = width(in->type), sign = is_signed(in->type);
  int64_t a = sign ? widen(x, bits) : (int64_t)narrow(x, bits),
          c = sign ? widen(y, bits) : (int64_t)narrow(y, bits);
  uint64_t ua = (uint64_t)a, uc = (uint64_t)c, result;
  if (starts(in, "add"))
    result = ua + uc;
  else if (starts(in, "sub"))
    result = ua - uc;
  else if (starts(in, "mul.wide") || starts(in, "mad.wide")) {
    *out = narrow((uint64_t)(a * c) + (starts(in, "mad") ? z : 0), 2 * bits);
    return 1;
  } else if (starts(in, "mul.hi"))
    result = sign ? (uint64_t)(int64_t)(((__int128)a * c) >> bits)
                  : (uint64_t)(((unsigned __int128)ua * uc) >> bits);
  else if (starts(in, "mul.lo") || starts(in, "mad.lo"))
    result = ua * uc + (starts(in, "mad") ? z : 0);
  else if (starts(in, "div"))
    result = !uc ? ~UINT64_C(0) : sign ? (uint64_t)(a / c) : ua / uc;
  else if (starts(in, "rem"))
    result = !uc ? ua : sign ? (uint64_t)(a % c) : ua % uc;
  else if (starts(in, "min"))
    result = sign ? (a < c ? ua : uc) : (ua < uc ? ua : uc);
  else if (starts(in, "max"))
    result = sign ? (a > c ? ua : uc) : (ua > uc ? ua : uc);
  else if (starts(in, "neg"))
    result = 0 - ua;
  else if (starts(in, "and"))
    result = x & y;
  else if (starts(in, "or"))
    result = x | y;
  else if (starts(in, "xor"))
    result = x ^ y;
  else if (starts(in, "not"))
    result = bits == 1 ? !x : ~x;
  else if (starts(in, "shl"))
    result = y >= (uint64_t)bits ? 0 : x << y;
  else if (starts(in, "shr"))
    result = sign ? (uint64_t)(a >> (y >= (uint64_t)bits ? bits - 1 : (int)y))
                  : (y >= (uint64_t)bits ? 0 : ua >> y);
  else if (starts(in, "bfe"))
    result = narrow(ua >> (y & 0xff), (int)(z & 0xff) ? (int)(z & 0xff) : 1);
  else
    return 0;
  *out = narrow(result, bits);
  return 1;
}

/* mov: registers, vectors of them into one and back. */
static void move(block *b, thread *t, const instruction *in) {
  const operand *to = &in->operands[0], *from = &in->operands[1];
  int i, part;
  if (from->kind == VECTOR) {
    uint64_t all = 0;
    part = width(in->type) / from->count;
    for (i = 0; i < from->count; ++i)
      all |= narrow(t->r[from->regs[i]], part) << (part * i);
    set(t, to, all);
  } else if (to->kind == VECTOR) {
    part = width(in->type) / to->count;
    for (i = 0; i < to->count; ++i)
      if (to->regs[i] >= 0)
        t->r[to->regs[i]] = narrow(value_of(b, t, from) >> (part * i), part);
  } else {
    set(t, to, narrow(value_of(b, t, from), width(in->type)));
  }
}

#include "ptx_warp.h"

/* One instruction of one thread; 0 after a mistake. */
static int step(block *b, thread *t, const instruction *in) {
  const operand *o = in->operands;
  uint64_t x = 0, y = 0, z = 0, out = 0;
  int first = starts(in, "st") || starts(in, "bra") ? 0 : 1;
  if (in->guard >= 0 && (t->r[in->guard] != 0) == in->negated) {
    ++t->at;
    return 1;
  }
  if (starts(in, "bra")) {
    t->at = (int)o[0].value;
    return 1;
  }
  if (starts(in, "ret") || starts(in, "exit")) {
    t->is_done = 1;
    return 1;
  }
  if (is_meeting(in)) {
    t->is_waiting = starts(in, "bar.sync") || starts(in, "barrier") ? 2 : 1;
    return 1;
  }
  ++t->at;
  if (starts(in, "ld.") || starts(in, "st."))
    return access(b, t, in);
  if (starts(in, "cp.async"))
    return copy_ahead(b, t, in);
  if (starts(in, "mov")) {
    move(b, t, in);
    return 1;
  }
  x = in->num_operands > first ? value_of(b, t, &o[first]) : 0;
  y = in->num_operands > first + 1 ? value_of(b, t, &o[first + 1]) : 0;
  z = in->num_operands > first + 2 ? value_of(b, t, &o[first + 2]) : 0;
  if (starts(in, "setp")) {
    out = (uint64_t)compare(in, x, y);
    out = has(in, ".and.") ? out && z : has(in, ".or.") ? out || z : out;
  } else if (starts(in, "selp"))
    out = narrow(z ? x : y, width(in->type));
  else if (starts(in, "cvta"))
    out = x;
  else if (starts(in, "cvt"))
    out = convert(in, x, y);
  else if (!(is_real(in->type) ? real(in, &out, x, y, z) : integer(in, &out, x, y, z)))
    return complain("unknown instruction", in->text, in->line);
  set(t, &o[0], out);
  return 1;
}

/* Runs one thread until it waits or is done. */
static int run_thread(block *b, thread *t) {
  while (!t->is_done && !t->is_waiting) {
    if (t->at >= b->f->num_instructions)
      return complain("ran past the end of", b->f->name, 0);
    if (!step(b, t, &b->f->instructions[t->at]))
      return 0;
  }
  return 1;
}

static int run_block(block *b) {
  unsigned i, warp, left = 1;
  while (left) {
    unsigned waiting = 0, moved = 0;
    for (i = left = 0; i < b->threads; ++i) {
      if (!run_thread(b, &b->all[i]))
        return 0;
      left += !b->all[i].is_done, waiting += b->all[i].is_waiting == 2;
    }
    for (warp = 0; warp < b->threads; warp += WARP)
      if (b->all[warp].is_waiting == 1) {
        if (!meet(b, warp))
          return 0;
        moved = 1;
      }
    if (left && waiting == left) {
      for (i = moved = 0; i < b->threads; ++i)
        if (b->all[i].is_waiting)
          b->all[i].is_waiting = 0, ++b->all[i].at, moved = 1;
    }
    if (left && !moved)
      return complain("threads wait for each other forever in", b->f->name, 0);
  }
  return 1;
}

int ptx_run(const char *name, unsigned blocks, unsigned blocks_y, unsigned threads,
            unsigned dynamic_shared, void **parameters) {
  const function *f = find(name);
  int ok = 1;
  uint64_t *registers;
  block b = {f, 0, blocks, threads, blocks_y, parameters, 0, 0};
  unsigned i;
  if (!f || threads % WARP)
    return !complain("cannot run", name, 0);
  b.all = calloc(threads, sizeof(thread));
  registers = malloc(sizeof(uint64_t) * threads * (size_t)f->num_registers);
  b.shared = aligned_alloc(1024, (size_t)align_to(f->shared_bytes + dynamic_shared + 1024, 1024));
  for (b.number = 0; ok && b.number < blocks * blocks_y; ++b.number) {
    memset(b.shared, 0xff, (size_t)f->shared_bytes + dynamic_shared);
    memset(registers, 0xff, sizeof(uint64_t) * threads * (size_t)f->num_registers);
    for (i = 0; i < threads; ++i)
      b.all[i] = (thread){0, 0, 0, registers + (size_t)i * (size_t)f->num_registers};
    ok = run_block(&b);
  }
  free(b.all), free(registers), free(b.shared);
  return !ok;
}
