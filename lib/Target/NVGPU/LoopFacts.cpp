//===- LoopFacts.cpp - what the loops of token transforms allow --------------===//
#include "LoopFacts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Linear forms
//===----------------------------------------------------------------------===//

static LinearIndex sum(const LinearIndex &x, const LinearIndex &y) {
  LinearIndex out{x.factor + y.factor, x.constant + y.constant, x.rest};
  llvm::append_range(out.rest, y.rest);
  llvm::sort(out.rest,
             [](Value l, Value r) { return l.getAsOpaquePointer() < r.getAsOpaquePointer(); });
  return out;
}

/// A product with a constant, of forms without a rest.
static std::optional<LinearIndex> product(const LinearIndex &x, const LinearIndex &y) {
  if (!x.rest.empty() || !y.rest.empty() || (x.factor != 0 && y.factor != 0))
    return std::nullopt;
  return LinearIndex{x.factor * y.constant + y.factor * x.constant, x.constant * y.constant, {}};
}

std::optional<LinearIndex> attn::linearIn(Value index, scf::ForOp loop) {
  if (index == loop.getInductionVar())
    return LinearIndex{1, 0, {}};
  if (std::optional<int64_t> constant = getConstantIntValue(index))
    return LinearIndex{0, *constant, {}};
  if (loop.isDefinedOutsideOfLoop(index))
    return LinearIndex{0, 0, {index}};
  Operation *op = index.getDefiningOp();
  if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return std::nullopt;
  std::optional<LinearIndex> x = linearIn(op->getOperand(0), loop),
                             y = linearIn(op->getOperand(1), loop);
  if (!x || !y)
    return std::nullopt;
  if (isa<arith::MulIOp>(op))
    return product(*x, *y);
  if (isa<arith::AddIOp>(op))
    return sum(*x, *y);
  if (!y->rest.empty())
    return std::nullopt;
  return sum(*x, LinearIndex{-y->factor, -y->constant, {}});
}

std::optional<int64_t> attn::tripCount(scf::ForOp loop) {
  auto lower = getConstantIntValue(loop.getLowerBound()),
       upper = getConstantIntValue(loop.getUpperBound()),
       step = getConstantIntValue(loop.getStep());
  if (!lower || !upper || !step || *step <= 0)
    return std::nullopt;
  return *upper > *lower ? (*upper - *lower + *step - 1) / *step : 0;
}

//===----------------------------------------------------------------------===//
// Independence
//===----------------------------------------------------------------------===//

namespace {
struct Access {
  Value memref, memory; // as it is named, and with views followed
  OperandRange indices;
  bool isStore;
};
} // namespace

static Value memoryOf(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

/// Loads and stores inside the loop, of memory that lives outside of it; false where another
/// operation may touch memory.
static bool collectAccesses(scf::ForOp loop, SmallVectorImpl<Access> &accesses) {
  auto add = [&](Value memref, OperandRange indices, bool isStore) {
    Value memory = memoryOf(memref);
    if (loop.isDefinedOutsideOfLoop(memory))
      accesses.push_back({memref, memory, indices, isStore});
  };
  auto visited = loop.getBody()->walk([&](Operation *op) {
    if (auto load = dyn_cast<memref::LoadOp>(op))
      add(load.getMemRef(), load.getIndices(), false);
    else if (auto store = dyn_cast<memref::StoreOp>(op))
      add(store.getMemRef(), store.getIndices(), true);
    else if (!isa<scf::ForOp, scf::IfOp, scf::YieldOp, memref::AllocaOp>(op) &&
             !isMemoryEffectFree(op))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return !visited.wasInterrupted();
}

/// Whether two iterations can meet: `f i + c` and `f j + d` are equal for some i != j.
static bool mayMeet(const LinearIndex &x, const LinearIndex &y, std::optional<int64_t> trips) {
  if (x.factor == 0 || x.factor != y.factor || x.rest != y.rest)
    return true;
  int64_t distance = std::abs(x.constant - y.constant), factor = std::abs(x.factor);
  if (distance == 0 || distance % factor != 0)
    return false;
  return !trips || distance / factor < *trips;
}

/// Whether the given dimension keeps different iterations apart.
static bool separates(scf::ForOp loop, ArrayRef<Access> accesses, unsigned dimension) {
  SmallVector<std::pair<LinearIndex, bool>> forms;
  for (const Access &access : accesses) {
    std::optional<LinearIndex> form = linearIn(access.indices[dimension], loop);
    if (!form)
      return false;
    forms.push_back({*form, access.isStore});
  }
  for (auto &[store, isStore] : forms)
    for (auto &[other, ignored] : forms)
      if (isStore && mayMeet(store, other, tripCount(loop)))
        return false;
  return true;
}

static bool isOneStep(scf::ForOp loop) { return isConstantIntValue(loop.getStep(), 1); }

bool attn::isIndependent(scf::ForOp loop) {
  SmallVector<Access> accesses;
  if (loop.getNumRegionIterArgs() != 0 || !isOneStep(loop) || !collectAccesses(loop, accesses))
    return false;
  for (const Access &store : accesses) {
    if (!store.isStore)
      continue;
    SmallVector<Access> same;
    llvm::copy_if(accesses, std::back_inserter(same),
                  [&](const Access &other) { return other.memory == store.memory; });
    // Another view could show the same elements at other indices.
    if (llvm::any_of(same, [&](const Access &other) { return other.memref != store.memref; }))
      return false;
    auto dimensions = llvm::seq<unsigned>(0, static_cast<unsigned>(store.indices.size()));
    if (llvm::none_of(dimensions, [&](unsigned i) { return separates(loop, same, i); }))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

static arith::AddFOp additionOf(scf::ForOp loop) {
  if (loop.getNumRegionIterArgs() != 1 || !loop.getResult(0).getType().isF32())
    return {};
  auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
  auto addition = yield.getOperand(0).getDefiningOp<arith::AddFOp>();
  bool adds = addition && addition.getLhs() == loop.getRegionIterArg(0) &&
              loop.getRegionIterArg(0).hasOneUse();
  return adds ? addition : arith::AddFOp();
}

bool attn::isFreeSum(scf::ForOp loop) {
  arith::AddFOp addition = additionOf(loop);
  if (!addition || !isOneStep(loop) ||
      !bitEnumContainsAny(addition.getFastmath(), arith::FastMathFlags::reassoc))
    return false;
  SmallVector<Access> accesses;
  return collectAccesses(loop, accesses) &&
         llvm::none_of(accesses, [](const Access &access) { return access.isStore; });
}

Value attn::termOf(scf::ForOp sum) { return additionOf(sum).getRhs(); }
