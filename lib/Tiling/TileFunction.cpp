//===- TileFunction.cpp - a function on tensors becomes one on memrefs ---===//
#include "Loops.h"
#include "SizeClasses.h"
#include "attn/Tiling/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::attn;

static bool isTensor(Type type) { return isa<TensorType>(type); }

/// Memref of a caller's array: any strides, but the last one is 1.
static MemRefType callerType(RankedTensorType tensor) {
  SmallVector<int64_t> strides(tensor.getRank(), ShapedType::kDynamic);
  if (!strides.empty())
    strides.back() = 1;
  auto layout = StridedLayoutAttr::get(tensor.getContext(), ShapedType::kDynamic, strides);
  return MemRefType::get(tensor.getShape(), tensor.getElementType(), layout);
}

namespace {

/// Rewrites one function. Every tensor value is mapped to a memref: an argument, the destination
/// argument of a returned value, a view, or a buffer of the function's own.
class FunctionTiler {
public:
  explicit FunctionTiler(func::FuncOp function)
      : function(function), b(function.getLoc(), function.getContext()) {}

  LogicalResult run();

private:
  LogicalResult checkSignature();
  void makeSignature();
  void makeResults();
  void addArgument(Type type, DictionaryAttr attributes, Location loc);
  void assignDestinations(func::ReturnOp returned);

  LogicalResult tile(Operation *op);
  LogicalResult tileAttentionOp(AttentionOp op);
  LogicalResult tileTokens(Operation *op);
  LogicalResult tileScalar(Operation *op);
  LogicalResult tileConstant(arith::ConstantOp op);
  LogicalResult tileCast(tensor::CastOp op);
  void tileColumns(ColumnsOp op);
  void tileNewest(NewestOp op);
  void tileHidden(TokensOp op);
  void finish(func::ReturnOp returned);

  Value bufferFor(OpResult result);
  Value partOfConcat(OpResult result);
  Value allocate(RankedTensorType tensor, OpResult like);
  Value sizeOfResult(OpResult result, int64_t dimension);

  func::FuncOp function;
  LoopBuilder b;
  Region old;
  IRMapping values;
  SmallVector<Value> outputs;         // destination argument per result
  DenseMap<Value, Value> destination; // returned tensor -> destination it is made in
  SmallVector<Value> owned;           // buffers to free
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  SmallVector<Location> locations;
};

} // namespace

//===----------------------------------------------------------------------===//
// Signature
//===----------------------------------------------------------------------===//

LogicalResult FunctionTiler::checkSignature() {
  if (function.isExternal())
    return function.emitError("expected a function with a body, found a declaration of @")
           << function.getSymName() << " on tensors; inline or remove it";
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("expected one block, found ")
           << function.getBody().getBlocks().size()
           << "; control flow between attentions is not tiled";
  for (Type type : function.getArgumentTypes())
    if (isTensor(type) && !isa<RankedTensorType>(type))
      return function.emitError("expected ranked tensors, found argument of type ") << type;
  for (Type type : function.getResultTypes())
    if (!isa<RankedTensorType>(type))
      return function.emitError("expected ranked tensors as results, found ")
             << type << "; a kernel returns nothing else";
  return success();
}

void FunctionTiler::addArgument(Type type, DictionaryAttr attrs, Location loc) {
  types.push_back(type);
  attributes.push_back(attrs);
  locations.push_back(loc);
}

static DictionaryAttr withAttr(Builder &b, DictionaryAttr dictionary, StringRef name,
                               Attribute value) {
  NamedAttrList list(dictionary);
  list.set(name, value);
  return list.getDictionary(b.getContext());
}

/// Moves the old body aside and gives the function its new type and an empty block.
void FunctionTiler::makeSignature() {
  SizeClasses sizes(function);
  auto returned = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  auto append = [&](Value value, DictionaryAttr attrs, bool isOutput) {
    NamedAttrList list(attrs);
    list.set("attn.sizes", sizes.describe(value));
    if (isOutput)
      list.set("attn.output", b.getUnitAttr());
    addArgument(callerType(cast<RankedTensorType>(value.getType())),
                list.getDictionary(b.getContext()), value.getLoc());
  };
  for (BlockArgument argument : function.getArguments()) {
    auto attrs = function.getArgAttrDict(argument.getArgNumber());
    if (!attrs)
      attrs = b.getDictionaryAttr({});
    isTensor(argument.getType()) ? append(argument, attrs, false)
                                 : addArgument(argument.getType(), attrs, argument.getLoc());
  }
  for (auto [i, value] : llvm::enumerate(returned.getOperands())) {
    auto attrs = function.getResultAttrDict(i);
    append(value, attrs ? attrs : b.getDictionaryAttr({}), true);
  }
  auto threads = withAttr(b, b.getDictionaryAttr({}), "attn.threads", b.getUnitAttr());
  addArgument(b.getI32Type(), threads, function.getLoc());
}

void FunctionTiler::makeResults() {
  unsigned numInputs = function.getNumArguments(), numResults = function.getNumResults();
  old.takeBody(function.getBody());
  function.removeResAttrsAttr();
  function.removeArgAttrsAttr();
  function.setFunctionType(b.getFunctionType(types, {}));
  function.setAllArgAttrs(attributes);
  Block *block = b.createBlock(&function.getBody(), {}, types, locations);
  values.map(old.getArguments(), block->getArguments().take_front(numInputs));
  llvm::append_range(outputs, block->getArguments().slice(numInputs, numResults));
}

/// Operations whose result is their operand's memory.
static bool isView(Operation *op) { return isa<ColumnsOp, NewestOp, TokensOp, tensor::CastOp>(op); }

/// A value made by an operation is made in place, in the first result it is returned as.
void FunctionTiler::assignDestinations(func::ReturnOp returned) {
  for (auto [value, output] : llvm::zip(returned.getOperands(), outputs))
    if (value.getDefiningOp() && !isView(value.getDefiningOp()))
      destination.try_emplace(value, output);
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

/// Batch and sequence of every result are those of the operation's first operand.
Value FunctionTiler::sizeOfResult(OpResult result, int64_t dimension) {
  if (isa<ProjectOp>(result.getOwner()) && dimension == 1)
    dimension = 2;
  return sizeOf(b, values.lookup(result.getOwner()->getOperand(0)), dimension);
}

/// What only a concatenation reads is made in its place there; null for other values. The rows of
/// an attention's output keep their alignment.
Value FunctionTiler::partOfConcat(OpResult result) {
  bool isTokens = result.hasOneUse() && !isa<AttentionOp>(result.getOwner());
  auto concat = isTokens ? dyn_cast<ConcatOp>(*result.user_begin()) : ConcatOp();
  auto part = cast<RankedTensorType>(result.getType());
  if (!concat || concat.getType().getDimSize(1) != part.getDimSize(1))
    return {};
  auto whole = cast<OpResult>(concat.getResult());
  Value buffer = destination.lookup(whole);
  if (!buffer)
    buffer = destination[whole] = allocate(concat.getType(), result);
  SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), strides(4, b.getIndexAttr(1)), sizes;
  int64_t first = 0;
  for (Value before : concat.getParts().take_front(result.use_begin()->getOperandNumber()))
    first += cast<RankedTensorType>(before.getType()).getDimSize(3);
  offsets[3] = b.getIndexAttr(first);
  for (int64_t i = 0; i < 3; ++i)
    sizes.push_back(getAsOpFoldResult(sizeOf(b, buffer, i)));
  sizes.push_back(b.getIndexAttr(part.getDimSize(3)));
  return memref::SubViewOp::create(b, buffer, offsets, sizes, strides);
}

/// A buffer of the function; sizes that the type leaves open are those of `like`.
Value FunctionTiler::allocate(RankedTensorType tensor, OpResult like) {
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < tensor.getRank(); ++i)
    if (tensor.isDynamicDim(i))
      sizes.push_back(sizeOfResult(like, i));
  // A cache line, and the widest vector.
  Value buffer = memref::AllocOp::create(b, type, sizes, b.getI64IntegerAttr(64));
  owned.push_back(buffer);
  return buffer;
}

Value FunctionTiler::bufferFor(OpResult result) {
  if (Value output = destination.lookup(result))
    return output;
  if (Value part = partOfConcat(result))
    return part;
  return allocate(cast<RankedTensorType>(result.getType()), result);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult FunctionTiler::tileAttentionOp(AttentionOp op) {
  auto lookup = [&](Value value) { return value ? values.lookup(value) : Value(); };
  AttentionBuffers buffers;
  buffers.query = lookup(op.getQuery());
  buffers.key = lookup(op.getKey());
  buffers.value = lookup(op.getValue());
  buffers.sinks = lookup(op.getSinks());
  buffers.offset = lookup(op.getOffset());
  if (!buffers.offset)
    buffers.offset =
        arith::SubIOp::create(b, sizeOf(b, buffers.key, 2), sizeOf(b, buffers.query, 2));
  buffers.out = bufferFor(cast<OpResult>(op.getOut()));
  if (op.getLse())
    buffers.lse = bufferFor(cast<OpResult>(op.getLse()));
  for (Value operand : op.getMaskOperands())
    buffers.maskOperands.push_back(lookup(operand));
  if (failed(tileAttention(b, op, buffers, values)))
    return failure();
  values.map(op.getOut(), buffers.out);
  if (op.getLse())
    values.map(op.getLse(), buffers.lse);
  return success();
}

/// Heads and sizes become constants of the loops; only batch and sequence may be unknown.
static LogicalResult checkStaticHeads(Operation *op) {
  auto isFree = [](RankedTensorType type, int64_t dimension) {
    return type.getRank() >= 3 && (dimension == 0 || dimension == 2);
  };
  for (Value value : llvm::concat<Value>(SmallVector<Value>(op->getOperands()),
                                         SmallVector<Value>(op->getResults()))) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      continue;
    bool isWeight = isa<ExpandOp, ShortConvOp>(op) && type.getRank() == 3;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i) && (isWeight || !isFree(type, i)))
        return op->emitOpError("expected static head counts and head sizes, found ") << type;
  }
  return success();
}

/// Operations of a layer: their verifiers ask for the static sizes themselves.
static bool isLayerOp(Operation *op) {
  return isa<ProjectOp, AppendOp, AddOp, BiasOp, ClampOp, CarryOp, GateOp, ShiftOp, JoinHeadsOp,
             ComposeOp, CombineOp, SelectionOp>(op);
}

/// A reader of `cache`, or of a view of it, that runs after `append`, which may write to it.
static Operation *findLateReader(AppendOp append, Value cache) {
  for (Operation *user : cache.getUsers()) {
    if (user == append)
      continue;
    if (isView(user)) {
      if (Operation *late = findLateReader(append, user->getResult(0)))
        return late;
    } else if (user->getBlock() == append->getBlock() && append->isBeforeInBlock(user) &&
               !isa<tensor::DimOp>(user)) {
      return user;
    }
  }
  return nullptr;
}

/// The rows may land in the memory of the cache, so that nobody can ask for what was there.
static LogicalResult checkReaders(AppendOp append) {
  Operation *late = findLateReader(append, append.getCache());
  if (!late)
    return success();
  InFlightDiagnostic error = append.emitOpError(
      "expected what reads the cache to come before the rows are appended, which may be in its "
      "memory; let it read the result, or move it");
  error.attachNote(late->getLoc()) << "found this reader after it";
  return error;
}

LogicalResult FunctionTiler::tileTokens(Operation *op) {
  if (auto append = dyn_cast<AppendOp>(op); append && failed(checkReaders(append)))
    return failure();
  if (!isLayerOp(op) && failed(checkStaticHeads(op)))
    return failure();
  SmallVector<Value> inputs, results;
  for (Value operand : op->getOperands())
    inputs.push_back(values.lookup(operand));
  for (OpResult result : op->getResults())
    results.push_back(bufferFor(result));
  if (failed(tileTokenOp(b, op, inputs, results)))
    return failure();
  values.map(op->getResults(), results);
  return success();
}

/// `size` indices of one dimension of [B][H][S][D], from `first` on.
static Value viewOf(LoopBuilder &b, Value source, int64_t dimension, OpFoldResult first,
                    int64_t size) {
  SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), strides(4, b.getIndexAttr(1)), sizes;
  for (int64_t i = 0; i < 4; ++i)
    sizes.push_back(getAsOpFoldResult(sizeOf(b, source, i)));
  offsets[dimension] = first;
  sizes[dimension] = b.getIndexAttr(size);
  return memref::SubViewOp::create(b, source, offsets, sizes, strides);
}

void FunctionTiler::tileColumns(ColumnsOp op) {
  values.map(op.getResult(), viewOf(b, values.lookup(op.getInput()), 3,
                                    b.getIndexAttr(op.getFirst()), op.getType().getDimSize(3)));
}

void FunctionTiler::tileNewest(NewestOp op) {
  Value source = values.lookup(op.getInput());
  int64_t count = op.getType().getDimSize(2);
  Value first = arith::SubIOp::create(b, sizeOf(b, source, 2), indexConstant(b, count));
  values.map(op.getResult(), viewOf(b, source, 2, first, count));
}

/// [B, S, width] seen as [B, 1, S, width].
void FunctionTiler::tileHidden(TokensOp op) {
  Value source = values.lookup(op.getInput());
  SmallVector<ReassociationIndices> groups = {{0, 1}, {2}, {3}};
  ArrayRef<int64_t> shape = op.getType().getShape();
  auto type =
      memref::ExpandShapeOp::computeExpandedType(cast<MemRefType>(source.getType()), shape, groups);
  assert(succeeded(type) && "a dimension of one can always be put in");
  SmallVector<OpFoldResult> sizes = {getAsOpFoldResult(sizeOf(b, source, 0)), b.getIndexAttr(1),
                                     getAsOpFoldResult(sizeOf(b, source, 1)),
                                     b.getIndexAttr(shape[3])};
  values.map(op.getResult(),
             memref::ExpandShapeOp::create(b, *type, source, groups, sizes).getResult());
}

LogicalResult FunctionTiler::tileConstant(arith::ConstantOp op) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("expected dense elements in a tensor constant, found ") << op.getValue();
  values.map(op.getResult(), constantTable(b, "attn_constant", elements));
  return success();
}

LogicalResult FunctionTiler::tileCast(tensor::CastOp op) {
  Value source = values.lookup(op.getSource());
  auto from = cast<MemRefType>(source.getType());
  auto to = dyn_cast<RankedTensorType>(op.getDest().getType());
  if (!to)
    return op.emitOpError("expected a ranked tensor, found ") << op.getDest().getType();
  auto type = MemRefType::get(to.getShape(), to.getElementType(), callerType(to).getLayout());
  if (!memref::CastOp::areCastCompatible(from, type))
    return op.emitOpError("expected a cast between shapes that fit, found ")
           << from << " to " << type;
  values.map(op.getResult(), memref::CastOp::create(b, type, source).getResult());
  return success();
}

static bool touchesTensors(Operation *op) {
  auto found = op->walk([](Operation *nested) {
    bool touches = llvm::any_of(nested->getOperandTypes(), isTensor) ||
                   llvm::any_of(nested->getResultTypes(), isTensor);
    return touches ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found.wasInterrupted();
}

LogicalResult FunctionTiler::tileScalar(Operation *op) {
  if (touchesTensors(op))
    return op->emitError("expected attn operations, tensor.dim, tensor.extract, tensor.cast or "
                         "constants on tensors, found '")
           << op->getName() << "'; rewrite it in these before --attn-tile";
  if (isa<CallOpInterface>(op))
    return op->emitError("expected no call in a kernel, found '")
           << op->getName() << "'; inline it before --attn-tile";
  b.clone(*op, values);
  return success();
}

LogicalResult FunctionTiler::tile(Operation *op) {
  b.setLoc(op->getLoc());
  if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && isTensor(constant.getType()))
    return tileConstant(constant);
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    values.map(dim.getResult(), memref::DimOp::create(b, values.lookup(dim.getSource()),
                                                      values.lookup(dim.getIndex()))
                                    .getResult());
    return success();
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    auto indices =
        llvm::map_to_vector(extract.getIndices(), [&](Value i) { return values.lookup(i); });
    values.map(extract.getResult(),
               memref::LoadOp::create(b, values.lookup(extract.getTensor()), indices).getResult());
    return success();
  }
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AttentionOp attention) { return tileAttentionOp(attention); })
      .Case([&](ColumnsOp columns) { return tileColumns(columns), success(); })
      .Case([&](NewestOp newest) { return tileNewest(newest), success(); })
      .Case([&](tensor::CastOp cast) { return tileCast(cast); })
      .Case([&](TokensOp hidden) { return tileHidden(hidden), success(); })
      .Case<RopeOp, NormOp, ExpandOp, ConcatOp, HeadsOp, ScaleOp, ShortConvOp, MergeOp, GatedSumOp>(
          [&](auto tokens) { return tileTokens(tokens); })
      .Default([&](Operation *other) {
        return isLayerOp(other) ? tileTokens(other) : tileScalar(other);
      });
}

/// Copies what could not be made in place, frees the buffers, returns.
void FunctionTiler::finish(func::ReturnOp returned) {
  b.setLoc(NameLoc::get(b.getStringAttr("copy"), returned.getLoc()));
  for (auto [value, output] : llvm::zip(returned.getOperands(), outputs))
    if (Value made = values.lookup(value); made != output)
      copyElements(b, made, output);
  for (Value buffer : llvm::reverse(owned))
    memref::DeallocOp::create(b, buffer);
  func::ReturnOp::create(b);
}

LogicalResult FunctionTiler::run() {
  if (failed(checkSignature()))
    return failure();
  makeSignature();
  makeResults();
  auto returned = cast<func::ReturnOp>(old.front().getTerminator());
  assignDestinations(returned);
  LogicalResult result = success();
  for (Operation &op : old.front().without_terminator())
    if (failed(result = tile(&op)))
      break;
  if (succeeded(result))
    finish(returned);
  old.dropAllReferences();
  return result;
}

LogicalResult attn::tileFunction(func::FuncOp function) {
  if (llvm::none_of(function.getArgumentTypes(), isTensor) &&
      llvm::none_of(function.getResultTypes(), isTensor))
    return success();
  return FunctionTiler(function).run();
}
