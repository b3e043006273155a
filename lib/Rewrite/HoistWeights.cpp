//===- HoistWeights.cpp - weights made of weights are made once ---===//

#include "RewriteUtils.h"
#include "attn/Rewrite/Passes.h"
#include "attn/Rewrite/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::attn {

#define GEN_PASS_DEF_HOISTWEIGHTSPASS
#include "attn/Rewrite/Passes.h.inc"

static bool isWeightOp(Operation *op) { return isa<ComposeOp, CombineOp, SelectionOp>(op); }

namespace {
/// What moves out of a function: operations that read arguments and each other only.
struct Hoisted {
  SmallVector<Operation *> ops;
  SmallVector<BlockArgument> inputs; // arguments they read, in order
  SmallVector<Value> outputs;        // what the rest of the function reads
};
} // namespace

static Hoisted collect(func::FuncOp function) {
  Hoisted found;
  llvm::SmallPtrSet<Operation *, 8> moving;
  llvm::SmallDenseSet<Value> read;
  for (Operation &op : function.front()) {
    bool movable = isWeightOp(&op) && llvm::all_of(op.getOperands(), [&](Value operand) {
                     return isa<BlockArgument>(operand) || moving.contains(operand.getDefiningOp());
                   });
    if (!movable)
      continue;
    moving.insert(&op);
    found.ops.push_back(&op);
    read.insert_range(op.getOperands());
  }
  for (BlockArgument argument : function.getArguments())
    if (read.contains(argument))
      found.inputs.push_back(argument);
  for (Operation *op : found.ops)
    if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !moving.contains(user); }))
      found.outputs.push_back(op->getResult(0));
  return found;
}

static std::string nameOfWeight(size_t i) { return "folded" + std::to_string(i); }

/// `@<function>_weights`, from the weights as they are to the weights as they are used.
static func::FuncOp writeWeights(OpBuilder &builder, func::FuncOp function, const Hoisted &hoisted,
                                 StringRef name) {
  builder.setInsertionPoint(function);
  auto types = [](auto &&values) { return llvm::to_vector(ValueRange(values).getTypes()); };
  SmallVector<Value> inputs(hoisted.inputs.begin(), hoisted.inputs.end());
  auto type = builder.getFunctionType(types(inputs), types(hoisted.outputs));
  auto weights = func::FuncOp::create(builder, function.getLoc(), name, type);
  weights->setAttr("attn.entry", builder.getStringAttr("weights"));
  Block *body = weights.addEntryBlock();
  IRMapping mapping;
  for (auto [i, input] : llvm::enumerate(hoisted.inputs)) {
    mapping.map(input, body->getArgument(i));
    if (Attribute given = function.getArgAttr(input.getArgNumber(), "attn.name"))
      weights.setArgAttr(i, "attn.name", given);
  }
  for (size_t i = 0; i < hoisted.outputs.size(); ++i)
    weights.setResultAttr(i, "attn.name", builder.getStringAttr(nameOfWeight(i)));
  builder.setInsertionPointToStart(body);
  for (Operation *op : hoisted.ops)
    builder.clone(*op, mapping);
  auto made = llvm::map_to_vector(hoisted.outputs, [&](Value v) { return mapping.lookup(v); });
  func::ReturnOp::create(builder, function.getLoc(), made);
  return weights;
}

/// The function reads the made weights as arguments behind its own, and loses those nobody reads.
static LogicalResult takeWeights(OpBuilder &builder, func::FuncOp function,
                                 const Hoisted &hoisted) {
  for (auto [i, output] : llvm::enumerate(hoisted.outputs)) {
    unsigned index = function.getNumArguments();
    auto attrs = builder.getDictionaryAttr(
        builder.getNamedAttr("attn.name", builder.getStringAttr(nameOfWeight(i))));
    if (failed(function.insertArgument(index, output.getType(), attrs, output.getLoc())))
      return failure();
    Value(output).replaceAllUsesWith(function.getArgument(index));
  }
  for (Operation *op : llvm::reverse(hoisted.ops))
    op->erase();
  for (BlockArgument argument : llvm::reverse(hoisted.inputs))
    if (argument.use_empty() && failed(function.eraseArgument(argument.getArgNumber())))
      return failure();
  return success();
}

FailureOr<func::FuncOp> hoistWeights(func::FuncOp function) {
  if (function.isExternal() || !llvm::hasSingleElement(function.getBody()))
    return func::FuncOp();
  Hoisted hoisted = collect(function);
  if (hoisted.outputs.empty())
    return func::FuncOp();
  std::string name = (function.getSymName() + "_weights").str();
  if (Operation *taken = SymbolTable::lookupSymbolIn(function->getParentOp(), name)) {
    InFlightDiagnostic error = function.emitError("expected the name @")
                               << name
                               << " to be free for the weights of the function; rename one "
                                  "of them";
    error.attachNote(taken->getLoc()) << "found it here";
    return error;
  }
  OpBuilder builder(function.getContext());
  func::FuncOp weights = writeWeights(builder, function, hoisted, name);
  if (failed(takeWeights(builder, function, hoisted)))
    return function.emitError("expected arguments that can be added and removed");
  return weights;
}

namespace {
struct HoistWeightsPass : impl::HoistWeightsPassBase<HoistWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      auto role = function->getAttrOfType<StringAttr>("attn.entry");
      if (role && role.getValue() == "weights")
        continue;
      FailureOr<func::FuncOp> written = hoistWeights(function);
      if (failed(written))
        return signalPassFailure();
      numFunctions += *written ? 1 : 0;
    }
  }
};
} // namespace

} // namespace mlir::attn
