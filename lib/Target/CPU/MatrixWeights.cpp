//===- MatrixWeights.cpp - weights on the matrix unit's own time -------------===//
//
// The matrix unit works beside the vector unit, but only on instructions that are within the
// processor's window of some hundred; so its instructions are spread among those of the weights.
//
//===----------------------------------------------------------------------===//
#include "MatrixWeights.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

static const double infinity = std::numeric_limits<double>::infinity();
static constexpr double log2e = 1.4426950408889634;
/// Keys that go from tile registers to weights at a time.
static constexpr int64_t chunkKeys = 32;
/// Largest sum of a tile's weights that leaves the reference as it is.
static constexpr double largestSum = 65536;
/// Words of the slice `begun`.
static constexpr int64_t turnWord = 0, panelWord = 1;

MatrixWeights::MatrixWeights(CpuBuilder &b, WorkPlan &plan, const MatrixPanel &panel)
    : b(b), plan(plan), panel(panel), kernels(b, plan, ""),
      firstTurn(plan.overlap ? begunWord(turnWord) : b.index(0)) {}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

Value MatrixWeights::loadState(Value memref, const Column &column) {
  return b.load(memref, {b.index(0), column.at}, b.f32Vector());
}
void MatrixWeights::storeState(Value value, Value memref, const Column &column) {
  b.store(value, memref, {b.index(0), column.at});
}

static Value equals(CpuBuilder &b, Value a, double value) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, a, b.splat(value));
}
static Value anyLane(CpuBuilder &b, Value lanes) {
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, lanes);
}

/// A row that has seen nothing yet subtracts 0 instead of -infinity.
static Value usable(CpuBuilder &b, Value maximum) {
  return b.select(equals(b, maximum, -infinity), b.splat(0), maximum);
}

SmallVector<MatrixWeights::Column> MatrixWeights::columns() {
  SmallVector<Column> result;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Column &c = result.emplace_back();
    c.at = b.index(j * plan.lanes);
    c.inBlock = b.index(j % 2 * plan.lanes);
    c.reference = usable(b, loadState(panel.maxima, c));
    c.shift = b.mulf(c.reference, b.splat(-log2e));
    if (!plan.hasRegion())
      continue;
    auto lanes = [&](Value memref) { return b.load(memref, {b.index(0), c.at}, b.i32Vector()); };
    c.code = std::make_unique<ScoreCode>(b, plan.dot.getScore().front(), *panel.outer);
    c.code->prepare(panel.batch, lanes(panel.heads), lanes(panel.positions));
  }
  return result;
}

Value MatrixWeights::unseen() {
  Value any;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value maximum = b.load(panel.maxima, {b.index(0), b.index(j * plan.lanes)}, b.f32Vector());
    Value none = equals(b, maximum, -infinity);
    any = any ? b.either(any, none) : none;
  }
  return anyLane(b, any);
}

/// A NaN is not too large: its row is NaN with any reference. A row without a reference must have
/// none of its keys weighed.
Value MatrixWeights::tooLarge() {
  Value any;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    SmallVector<Value> at = {b.index(0), b.index(j * plan.lanes)};
    Value sum = b.load(panel.blockSums, at, b.f32Vector());
    Value bare = equals(b, b.load(panel.maxima, at, b.f32Vector()), -infinity);
    Value limit = b.select(bare, b.splat(0), b.splat(largestSum));
    Value large = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, sum, limit);
    any = any ? b.either(any, large) : large;
  }
  return anyLane(b, any);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// A word of the slice `begun`.
Value MatrixWeights::begunWord(int64_t word) {
  Value number =
      memref::LoadOp::create(b, panel.begun, ValueRange{b.index(0), b.index(word)}).getResult();
  return arith::IndexCastOp::create(b, b.getIndexType(), number);
}
void MatrixWeights::setBegunWord(int64_t word, Value number) {
  memref::StoreOp::create(b, b.toI32(number), panel.begun, ValueRange{b.index(0), b.index(word)});
}
void MatrixWeights::forget(CpuBuilder &b, Value begun) {
  memref::StoreOp::create(b, b.i32(0), begun, ValueRange{b.index(0), b.index(turnWord)});
  memref::StoreOp::create(b, b.i32(-1), begun, ValueRange{b.index(0), b.index(panelWord)});
}

/// Buffers in turn: later scores arrive while these are read.
Value MatrixWeights::bufferRow(Value turn, int64_t block) {
  Value buffer = b.add(b.mul(turn, b.index(blocks())), block);
  return b.mul(buffer, b.index(WorkPlan::scoreBufferRows));
}

/// Chunk `number` of this panel. Turns go on from panel to panel.
MatrixWeights::Chunk MatrixWeights::ownChunk(Value number) {
  Value turn = b.rem(b.add(firstTurn, number), b.index(plan.scoreTurns()));
  return {number, panel.queryOf(panel.number), turn};
}

/// What is multiplied under the weights of chunk `number` of `count`: a later chunk, or one of the
/// first of panel `next`.
MatrixWeights::Chunk MatrixWeights::laterChunk(Value number, Value count, Value next) {
  Value later = b.add(number, plan.chunksAhead());
  Value isNext = b.compare(arith::CmpIPredicate::sge, later, count);
  Chunk chunk = ownChunk(later);
  chunk.number = b.select(isNext, b.sub(later, count), later);
  chunk.query = panel.queryOf(b.select(isNext, next, panel.number));
  return chunk;
}

void MatrixWeights::scoreStep(const Chunk &chunk, int64_t block, int64_t step,
                              function_ref<void(int64_t)> between) {
  kernels.scoreStep({panel.keys, chunk.query, panel.scores, b.mul(chunk.number, b.index(chunkKeys)),
                     bufferRow(chunk.turn, block), block * 2 * plan.lanes, 0},
                    step, between);
}

void MatrixWeights::scoreChunk(const Chunk &chunk) {
  for (int64_t block = 0; block < blocks(); ++block)
    for (int64_t step = 0; step < kernels.scoreSteps(); ++step)
      scoreStep(chunk, block, step);
}

/// The score of the vector in row `row` of the buffer, scaled and after the region.
Value MatrixWeights::score(const Column &column, Value row, Value key) {
  Value score = b.load(panel.scores, {row, column.inBlock}, b.f32Vector());
  if (double factor = plan.scoreFactor(); factor != 1.0)
    score = b.mulf(score, b.splat(factor));
  return column.code ? column.code->apply(score, key) : score;
}

void MatrixWeights::raise(Value count) {
  SmallVector<Column> rows = columns();
  SmallVector<Value> start(plan.vectors, b.splat(-infinity));
  Value chunks = b.div(count, b.index(chunkKeys));
  SmallVector<Value> tops =
      b.loop(b.index(0), chunks, 1, start, [&](Value number, ValueRange args) {
        Chunk chunk = ownChunk(number);
        scoreChunk(chunk);
        Value key = b.add(panel.low, b.mul(number, b.index(chunkKeys)));
        return b.loop(b.index(0), b.index(chunkKeys), 1, args, [&](Value n, ValueRange inner) {
          SmallVector<Value> next;
          for (auto [j, column] : llvm::enumerate(rows)) {
            Value row = b.add(bufferRow(chunk.turn, static_cast<int64_t>(j) / 2), n);
            next.push_back(b.maxf(score(column, row, b.add(key, n)), inner[j]));
          }
          return next;
        });
      });
  for (auto [column, top] : llvm::zip(rows, tops)) {
    Value old = loadState(panel.maxima, column), now = b.maxf(top, old);
    storeState(now, panel.maxima, column);
    Value power = b.mulf(b.subf(old, usable(b, now)), b.splat(log2e));
    // Nothing to scale in a row that had no reference.
    Value factor = b.select(equals(b, old, -infinity), b.splat(1), b.exp2(power));
    for (Value state : {panel.rescale, panel.sums})
      storeState(b.mulf(loadState(state, column), factor), state, column);
  }
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// 2^x for a weight that is rounded to bf16. The fraction is in [0, 1), since scalef takes the
/// floor of its exponent itself: no rounding of x, no subtraction. The polynomial is minimax with
/// p(0) = 1, off by 8.6e-5 at most, a twentieth of half the spacing of bf16.
static Value weightExp2(CpuBuilder &b, Value x) {
  static constexpr double coefficients[] = {1.0, 0.695116786, 0.227644991, 0.0770670420};
  Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1)), rounding = b.i32(4);
  Value down = b.i32(9); // towards -infinity, no exceptions
  auto call = [&](StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, b.f32Vector(), b.getStringAttr(name), operands)
        .getResult(0);
  };
  Value fraction = call("llvm.x86.avx512.mask.reduce.ps.512", {x, down, b.splat(0), all, rounding});
  Value p = b.splat(coefficients[3]);
  for (int64_t i = 2; i >= 0; --i)
    p = b.fma(p, fraction, b.splat(coefficients[i]));
  return call("llvm.x86.avx512.mask.scalef.ps.512", {p, x, b.splat(0), all, rounding});
}

/// Words of two bf16, rounded half up: weights are not negative. Two additions, a shift and a
/// selection of bits take half as long as the conversion instruction and a permutation. The
/// selection is an intrinsic, or LLVM would make a permutation of it.
static Value packWeights(CpuBuilder &b, Value first, Value second) {
  auto rounded = [&](Value weight) -> Value {
    Value bits = arith::BitcastOp::create(b, b.i32Vector(), weight);
    return arith::AddIOp::create(b, bits, b.splatI32(0x8000));
  };
  Value low = arith::ShRUIOp::create(b, rounded(first), b.splatI32(16)), high = rounded(second);
  Value select = b.i32(0xf8); // first | (second & third)
  return LLVM::CallIntrinsicOp::create(b, b.i32Vector(),
                                       b.getStringAttr("llvm.x86.avx512.pternlog.d.512"),
                                       ValueRange{low, high, b.splatI32(-65536), select})
      .getResult(0);
}

/// The exponent of a weight. Without a region one multiply-add makes it of a raw score.
Value MatrixWeights::power(const Column &column, Value row, Value key) {
  if (column.code) {
    Value above = b.subf(score(column, row, key), column.reference);
    return b.mulf(above, b.splat(log2e));
  }
  Value raw = b.load(panel.scores, {row, column.inBlock}, b.f32Vector());
  return b.fma(raw, b.splat(plan.scoreFactor() * log2e), column.shift);
}

/// The output's quotient does not see what rounding to bf16 hides; the log-sum-exp does.
Value MatrixWeights::weight(const Column &column, Value row, Value key) {
  Value x = power(column, row, key);
  return plan.storeLse ? b.exp2(x) : weightExp2(b, x);
}

/// Keys 2n and 2n + 1 of a chunk; gives the sum with their weights.
Value MatrixWeights::pair(const Column &column, const Chunk &chunk, int64_t block, Value n,
                          Value sum) {
  Value row = b.add(bufferRow(chunk.turn, block), b.mul(n, b.index(2)));
  Value key =
      b.add(b.add(panel.low, b.mul(chunk.number, b.index(chunkKeys))), b.mul(n, b.index(2)));
  Value first = weight(column, row, key), second = weight(column, b.add(row, 1), b.add(key, 1));
  Value word = b.add(b.mul(chunk.number, b.index(chunkKeys / 2)), n);
  b.store(packWeights(b, first, second), panel.weights, {word, column.at});
  return b.addf(sum, b.addf(first, second));
}

/// `sum` as it is, computed before what follows. LLVM would put the additions of a long block off
/// to its end, and keep all weights in registers and on the stack until then.
static Value addedHere(CpuBuilder &b, Value sum) {
  return LLVM::InlineAsmOp::create(b, sum.getType(), sum, "", "=v,0", /*has_side_effects=*/true,
                                   /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

/// Weights of a chunk, while the matrix unit makes the scores of a later one: behind each of its
/// products comes a share of the weights.
SmallVector<Value> MatrixWeights::weave(ArrayRef<Column> columns, const Chunk &chunk,
                                        const Chunk &later, ValueRange args) {
  SmallVector<Value> sums(args);
  int64_t pairs = chunkKeys, products = 4 * kernels.scoreSteps();
  for (int64_t block = 0; block < blocks(); ++block) {
    int64_t done = 0;
    for (int64_t step = 0; step < kernels.scoreSteps(); ++step)
      scoreStep(later, block, step, [&](int64_t product) {
        for (; done < (4 * step + product + 1) * pairs / products; ++done) {
          int64_t j = 2 * block + done % 2;
          sums[j] = addedHere(b, pair(columns[j], chunk, block, b.index(done / 2), sums[j]));
        }
      });
  }
  return sums;
}

SmallVector<Value> MatrixWeights::weighChunk(ArrayRef<Column> columns, const Chunk &chunk,
                                             ValueRange sums) {
  return b.loop(b.index(0), b.index(chunkKeys / 2), 1, sums, [&](Value n, ValueRange args) {
    SmallVector<Value> next;
    for (auto [j, column] : llvm::enumerate(columns))
      next.push_back(pair(column, chunk, static_cast<int64_t>(j) / 2, n, args[j]));
    return next;
  });
}

/// The scores of the first chunks come before the loop, unless the panel before has left them.
/// Under the weights of the last chunks come the first scores of the next panel; of the item's
/// last panel nothing does, nor of one that has too few chunks.
SmallVector<Value> MatrixWeights::weighWoven(ArrayRef<Column> columns, Value chunks,
                                             Value mayBeBegun) {
  using Predicate = arith::CmpIPredicate;
  Value ahead = b.index(plan.chunksAhead()), next = b.add(panel.number, 1);
  Value isBegun = b.both(mayBeBegun, b.compare(Predicate::eq, begunWord(panelWord), panel.number));
  b.when(b.negate(isBegun), [&] {
    for (int64_t number = 0; number < plan.chunksAhead(); ++number)
      scoreChunk(ownChunk(b.index(number)));
  });
  Value goesOn = b.both(b.compare(Predicate::slt, next, panel.panels),
                        b.compare(Predicate::sge, chunks, ahead));
  Value rest = b.maximum(b.sub(chunks, ahead), b.index(0));
  Value woven = b.select(goesOn, chunks, rest), last = b.select(goesOn, next, panel.number);
  SmallVector<Value> sums(plan.vectors, b.splat(0));
  sums = b.loop(b.index(0), woven, 1, sums, [&](Value number, ValueRange args) {
    return weave(columns, ownChunk(number), laterChunk(number, chunks, last), args);
  });
  sums = b.loop(woven, chunks, 1, sums, [&](Value number, ValueRange args) {
    return weighChunk(columns, ownChunk(number), args);
  });
  setBegunWord(turnWord, ownChunk(chunks).turn);
  setBegunWord(panelWord, b.select(goesOn, next, b.index(-1)));
  return sums;
}

void MatrixWeights::weigh(Value count, Value mayBeBegun) {
  SmallVector<Column> rows = columns();
  Value chunks = b.div(count, b.index(chunkKeys));
  SmallVector<Value> sums(plan.vectors, b.splat(0));
  if (plan.overlap)
    sums = weighWoven(rows, chunks, mayBeBegun);
  else
    sums = b.loop(b.index(0), chunks, 1, sums, [&](Value number, ValueRange args) {
      scoreChunk(ownChunk(number));
      return weighChunk(rows, ownChunk(number), args);
    });
  for (auto [column, sum] : llvm::zip(rows, sums))
    storeState(sum, panel.blockSums, column);
}
