//===- TokenOpsLayer.cpp - loops of caches, sums, gates and weights ---===//
#include "TokenOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::attn;

/// Copies one head vector.
static void copyVector(LoopBuilder &b, Value from, ValueRange fromAt, Value to, ValueRange toAt) {
  forRange(b, indexConstant(b, 0), sizeOf(b, to, 3), [&](Value i) {
    SmallVector<Value, 4> source(fromAt), target(toAt);
    source.push_back(i), target.push_back(i);
    memref::StoreOp::create(b, memref::LoadOp::create(b, from, source), to, target);
  });
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

static Value addressOf(LoopBuilder &b, Value memref) {
  return memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
}

/// The tokens before the new ones, unless they are there already.
static void copyEarlier(LoopBuilder &b, Value cache, Value out, Value earlier) {
  Value elsewhere =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, addressOf(b, cache), addressOf(b, out));
  auto branch = scf::IfOp::create(b, elsewhere, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  parallelFor(b, {sizeOf(b, out, 0), sizeOf(b, out, 1), earlier},
              [&](ValueRange at) { copyVector(b, cache, at, out, at); });
}

void attn::tileAppend(LoopBuilder &b, AppendOp, ValueRange inputs, ValueRange outputs) {
  Value cache = inputs[0], rows = inputs[1], out = outputs[0];
  Value earlier = arith::SubIOp::create(b, sizeOf(b, out, 2), sizeOf(b, rows, 2));
  copyEarlier(b, cache, out, earlier);
  forTokens(b, rows, [&](Value batch, Value head, Value token) {
    Value at = arith::AddIOp::create(b, earlier, token);
    copyVector(b, rows, ValueRange{batch, head, token}, out, ValueRange{batch, head, at});
  });
}

//===----------------------------------------------------------------------===//
// Token transforms
//===----------------------------------------------------------------------===//

/// out[at] = value(at) for each element, in float32; vectors of the last dimension in parallel.
static void fillElements(LoopBuilder &b, Value out, function_ref<Value(ValueRange at)> value) {
  int64_t last = cast<MemRefType>(out.getType()).getRank() - 1;
  SmallVector<Value> outer;
  for (int64_t i = 0; i < last; ++i)
    outer.push_back(sizeOf(b, out, i));
  parallelFor(b, outer, [&](ValueRange row) {
    forRange(b, indexConstant(b, 0), sizeOf(b, out, last), [&](Value i) {
      SmallVector<Value> at(row);
      at.push_back(i);
      storeF32(b, value(at), out, at);
    });
  });
}

void attn::tileAdd(LoopBuilder &b, AddOp, ValueRange inputs, ValueRange outputs) {
  fillElements(b, outputs.front(), [&](ValueRange at) {
    Value sum = loadF32(b, inputs.front(), at);
    for (Value part : inputs.drop_front())
      sum = arith::AddFOp::create(b, sum, loadF32(b, part, at));
    return sum;
  });
}

void attn::tileBias(LoopBuilder &b, BiasOp, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], bias = inputs[1];
  bool perHead = cast<MemRefType>(bias.getType()).getRank() == 2;
  fillElements(b, outputs.front(), [&](ValueRange at) -> Value {
    Value own = loadF32(b, bias, perHead ? ValueRange{at[1], at[3]} : at.take_back(1));
    return arith::AddFOp::create(b, loadF32(b, in, at), own);
  });
}

void attn::tileClamp(LoopBuilder &b, ClampOp op, ValueRange inputs, ValueRange outputs) {
  double limit = op.getLimit().convertToDouble();
  fillElements(b, outputs.front(), [&](ValueRange at) -> Value {
    // Both keep a NaN.
    Value low = arith::MaximumFOp::create(b, loadF32(b, inputs[0], at), f32Constant(b, -limit));
    return arith::MinimumFOp::create(b, low, f32Constant(b, limit));
  });
}

/// 1 / (1 + exp(-x)).
static Value sigmoid(LoopBuilder &b, Value x) {
  Value one = f32Constant(b, 1.0);
  Value power = math::ExpOp::create(b, arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, power));
}

void attn::tileGate(LoopBuilder &b, GateOp, ValueRange inputs, ValueRange outputs) {
  fillElements(b, outputs.front(), [&](ValueRange at) -> Value {
    Value open = sigmoid(b, loadF32(b, inputs[1], at));
    return arith::MulFOp::create(b, loadF32(b, inputs[0], at), open);
  });
}

/// Token `at` of `before` followed by `tokens`, as a head vector of `out`.
static void copyJoined(LoopBuilder &b, Value before, Value tokens, Value at, Value out,
                       ValueRange to) {
  Value count = sizeOf(b, before, 2);
  Value isEarlier = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at, count);
  auto copy = [&](Value from, Value token) {
    copyVector(b, from, ValueRange{to[0], to[1], token}, out, to);
  };
  ifElse(
      b, isEarlier, [&] { copy(before, at); },
      [&] { copy(tokens, arith::SubIOp::create(b, at, count)); });
}

void attn::tileCarry(LoopBuilder &b, CarryOp, ValueRange inputs, ValueRange outputs) {
  Value before = inputs[0], tokens = inputs[1], out = outputs[0];
  Value length = sizeOf(b, tokens, 2);
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    Value at = arith::AddIOp::create(b, length, token);
    copyJoined(b, before, tokens, at, out, ValueRange{batch, head, token});
  });
}

void attn::tileShift(LoopBuilder &b, ShiftOp op, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], before = inputs.size() > 1 ? inputs[1] : Value(), out = outputs[0];
  Value distance = indexConstant(b, static_cast<int64_t>(op.getTokens()));
  forTokens(b, out, [&](Value batch, Value head, Value token) {
    SmallVector<Value, 3> to = {batch, head, token};
    if (before) {
      Value newest = arith::AddIOp::create(b, sizeOf(b, before, 2), token);
      return copyJoined(b, before, in, arith::SubIOp::create(b, newest, distance), out, to);
    }
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, token, distance);
    auto zero = [&](Value i) {
      storeF32(b, f32Constant(b, 0.0), out, ValueRange{batch, head, token, i});
    };
    ifElse(
        b, exists,
        [&] {
          Value from = arith::SubIOp::create(b, token, distance);
          copyVector(b, in, ValueRange{batch, head, from}, out, to);
        },
        [&] { forRange(b, indexConstant(b, 0), sizeOf(b, out, 3), zero); });
  });
}

void attn::tileJoinHeads(LoopBuilder &b, JoinHeadsOp, ValueRange inputs, ValueRange outputs) {
  Value in = inputs[0], out = outputs[0], zero = indexConstant(b, 0);
  int64_t size = cast<MemRefType>(in.getType()).getDimSize(3);
  forTokens(b, in, [&](Value batch, Value head, Value token) {
    Value first = arith::MulIOp::create(b, head, indexConstant(b, size));
    forRange(b, 0, size, [&](Value i) {
      Value element = memref::LoadOp::create(b, in, ValueRange{batch, head, token, i});
      memref::StoreOp::create(b, element, out,
                              ValueRange{batch, zero, token, arith::AddIOp::create(b, first, i)});
    });
  });
}

//===----------------------------------------------------------------------===//
// Weights, made once: plain loops
//===----------------------------------------------------------------------===//

static int64_t sizeIn(Value memref, int64_t dimension) {
  return cast<MemRefType>(memref.getType()).getDimSize(dimension);
}

/// `body(head, row)` for each row of each head, in parallel.
static void forWeightRows(LoopBuilder &b, Value weight, function_ref<void(Value, Value)> body) {
  parallelFor(b, {sizeOf(b, weight, 0), sizeOf(b, weight, 1)},
              [&](ValueRange at) { body(at[0], at[1]); });
}

void attn::tileCompose(LoopBuilder &b, ComposeOp, ValueRange inputs, ValueRange outputs) {
  Value first = inputs[0], second = inputs[1], out = outputs[0];
  auto headIn = [&](Value weight, Value head) {
    return sizeIn(weight, 0) == 1 ? indexConstant(b, 0) : head;
  };
  forWeightRows(b, out, [&](Value head, Value row) {
    forRange(b, 0, sizeIn(out, 2), [&](Value column) {
      Value sum = sumOver(b, sizeIn(second, 1), [&](Value k) -> Value {
        Value left = loadF32(b, first, ValueRange{headIn(first, head), row, k});
        Value right = loadF32(b, second, ValueRange{headIn(second, head), k, column});
        return arith::MulFOp::create(b, left, right);
      });
      storeF32(b, sum, out, ValueRange{head, row, column});
    });
  });
}

void attn::tileCombine(LoopBuilder &b, CombineOp, ValueRange inputs, ValueRange outputs) {
  Value weight = inputs[0], coefficients = inputs[1], out = outputs[0];
  int64_t atoms = sizeIn(coefficients, 1);
  Value heads = indexConstant(b, sizeIn(weight, 0) / atoms);
  forWeightRows(b, out, [&](Value head, Value row) {
    Value result = arith::DivUIOp::create(b, head, heads);
    Value own = arith::RemUIOp::create(b, head, heads);
    forRange(b, 0, sizeIn(out, 2), [&](Value column) {
      Value sum = sumOver(b, atoms, [&](Value atom) -> Value {
        Value from = arith::AddIOp::create(b, arith::MulIOp::create(b, atom, heads), own);
        return arith::MulFOp::create(b, loadF32(b, coefficients, ValueRange{result, atom}),
                                     loadF32(b, weight, ValueRange{from, row, column}));
      });
      storeF32(b, sum, out, ValueRange{head, row, column});
    });
  });
}

void attn::tileSelection(LoopBuilder &b, SelectionOp op, ValueRange, ValueRange outputs) {
  Value out = outputs[0];
  auto type = RankedTensorType::get({static_cast<int64_t>(op.getTable().size())}, b.getI64Type());
  Value table = constantTable(b, "attn_heads", DenseIntElementsAttr::get(type, op.getTable()));
  forWeightRows(b, out, [&](Value head, Value row) {
    Value entry = memref::LoadOp::create(b, table, head);
    Value picked = arith::IndexCastOp::create(b, b.getIndexType(), entry);
    Value first = arith::MulIOp::create(b, picked, indexConstant(b, sizeIn(out, 2)));
    forRange(b, 0, sizeIn(out, 2), [&](Value column) {
      Value one = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, row,
                                        arith::AddIOp::create(b, first, column));
      Value number = arith::SelectOp::create(b, one, f32Constant(b, 1.0), f32Constant(b, 0.0));
      storeF32(b, number, out, ValueRange{head, row, column});
    });
  });
}
