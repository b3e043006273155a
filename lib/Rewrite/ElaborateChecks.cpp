//===- ElaborateChecks.cpp - what a spec can say, and its rotations ---===//

#include "EntryWriter.h"

namespace mlir::attn {

//===----------------------------------------------------------------------===//
// Rotations
//===----------------------------------------------------------------------===//

/// `rope` with one field replaced; a null value leaves the field to its default.
static RopeAttr withField(RopeAttr rope, StringRef field, Attribute value) {
  NamedAttrList fields(rope.getFields());
  if (value)
    fields.set(field, value);
  else
    fields.erase(field);
  return RopeAttr::get(rope.getContext(), fields.getDictionary(rope.getContext()));
}

static RopeAttr withStart(RopeAttr rope, int64_t start) {
  Builder builder(rope.getContext());
  return withField(rope, "start", start ? builder.getI64IntegerAttr(start) : IntegerAttr());
}

/// The base by which each query head is turned: that of the key head its scores are with.
static FailureOr<SmallVector<double>> queryBases(SpecOp spec, ArrayRef<double> keyBases) {
  int64_t scoreHeads = spec.scoreHeads();
  auto table = [&](std::optional<ArrayRef<int64_t>> given, int64_t heads) {
    return given ? SmallVector<int64_t>(*given) : evenHeadMap(scoreHeads, heads);
  };
  SmallVector<int64_t> queries = table(spec.getQueryMap(), spec.getQueryHeads());
  SmallVector<int64_t> keys = table(spec.getKeyMap(), spec.keyHeads());
  SmallVector<double> bases(spec.getQueryHeads(), 0.0);
  for (auto [query, key] : llvm::zip(queries, keys)) {
    if (bases[query] != 0.0 && bases[query] != keyBases[key])
      return spec.emitOpError("expected one rope base for all keys a query head meets, found ")
             << bases[query] << " and " << keyBases[key] << " for query head " << query
             << "; give the key heads of a group the same base";
    bases[query] = keyBases[key];
  }
  // A query head that no score head reads still needs some base.
  for (double &base : bases)
    base = base == 0.0 ? keyBases.front() : base;
  return bases;
}

FailureOr<RopeAttr> queryRope(SpecOp spec) {
  RopeAttr rope = spec.getRopeAttr();
  if (rope && spec.getLatent())
    return withStart(rope, spec.getLatent()->getInt("nope"));
  SmallVector<double> keyBases = rope ? rope.getReals("bases") : SmallVector<double>();
  if (keyBases.empty())
    return rope;
  FailureOr<SmallVector<double>> bases = queryBases(spec, keyBases);
  if (failed(bases))
    return failure();
  return withField(rope, "bases", DenseF64ArrayAttr::get(spec.getContext(), *bases));
}

RopeAttr keyRope(SpecOp spec) {
  RopeAttr rope = spec.getRopeAttr();
  return rope && spec.getLatent() ? withStart(rope, 0) : rope;
}

//===----------------------------------------------------------------------===//
// What a spec with a latent can say
//===----------------------------------------------------------------------===//

static LogicalResult checkLatentRope(SpecOp spec, RopeAttr rope) {
  int64_t nope = spec.getLatent()->getInt("nope"), width = spec.getLatent()->getInt("rope");
  if (rope.getStart() != 0 && rope.getStart() != nope)
    return spec.emitOpError(
               "expected the rotation of a latent's heads to start at their rotary part, ")
           << nope << ", found " << rope.getStart() << "; leave 'start' out";
  if (rope.getDims() > width)
    return spec.emitOpError("expected at most ")
           << width << " rotated elements, the latent's 'rope', found " << rope.getDims();
  if (!rope.getReals("bases").empty())
    return spec.emitOpError(
        "expected one rope base for the rotary key that all heads of a latent share, "
        "found 'bases'; use 'base'");
  return success();
}

LogicalResult checkLatent(SpecOp spec) {
  if (!spec.getLatent())
    return success();
  if (spec.getValueNorm())
    return spec.emitOpError(
        "expected no 'value_norm' beside a latent, whose values are images of the "
        "normalised latent; 'key_norm' is the norm of the latent");
  if (RopeAttr rope = spec.getRopeAttr())
    return checkLatentRope(spec, rope);
  return success();
}

//===----------------------------------------------------------------------===//
// What a layer can read of another
//===----------------------------------------------------------------------===//

/// The spec among `spec`'s neighbours that describes that layer; `any` says whether some spec with
/// keys and values of its own names its layers at all.
static SpecOp specOfLayer(SpecOp spec, int64_t layer, bool &any) {
  for (auto other : spec->getParentRegion()->getOps<SpecOp>()) {
    auto layers = other.getLayers();
    any |= layers && !other.getKvFrom();
    if (layers && llvm::is_contained(*layers, layer))
      return other;
  }
  return {};
}

namespace {
/// One number of a cache that reader and owner must agree on.
struct Agreement {
  StringRef what;
  Attribute reader, owner;
};
} // namespace

static SmallVector<Agreement> agreements(SpecOp reader, SpecOp owner) {
  Builder b(reader.getContext());
  auto number = [&](StringRef what, int64_t mine, int64_t theirs) {
    return Agreement{what, b.getI64IntegerAttr(mine), b.getI64IntegerAttr(theirs)};
  };
  auto rank = [](SpecOp spec) {
    return spec.getLatent() ? spec.getLatent()->getInt("kv_rank") : 0;
  };
  auto turned = [](SpecOp spec) { return spec.getLatent() ? spec.getLatent()->getInt("rope") : 0; };
  auto element = [](SpecOp spec) { return TypeAttr::get(spec.elementType()); };
  SmallVector<Agreement> all = {number("latent rank", rank(reader), rank(owner)),
                                number("rotary key size", turned(reader), turned(owner))};
  if (!reader.getLatent()) {
    all.push_back(number("key head count", reader.keyHeads(), owner.keyHeads()));
    all.push_back(number("value head count", reader.valueHeads(), owner.valueHeads()));
    all.push_back(number("key head size", reader.qkSize(), owner.qkSize()));
    all.push_back(number("value head size", reader.vSize(), owner.vSize()));
  }
  all.push_back({"dtype", element(reader), element(owner)});
  all.push_back({"rotation of the keys", keyRope(reader), keyRope(owner)});
  return all;
}

static LogicalResult checkAgreement(SpecOp reader, SpecOp owner, int64_t layer) {
  for (const Agreement &one : agreements(reader, owner)) {
    if (one.reader == one.owner)
      continue;
    auto text = [](Attribute attr) {
      std::string result = "none";
      if (auto integer = dyn_cast_or_null<IntegerAttr>(attr))
        result = std::to_string(integer.getInt());
      else if (attr)
        llvm::raw_string_ostream(result = "") << attr;
      return result;
    };
    InFlightDiagnostic error = reader.emitOpError("expected the ")
                               << one.what << " of layer " << layer << ", whose cache it reads, "
                               << text(one.owner) << "; found " << text(one.reader)
                               << "; a cache is read as it was written";
    error.attachNote(owner.getLoc()) << "layer " << layer << " is described here";
    return error;
  }
  return success();
}

LogicalResult checkSource(SpecOp spec) {
  if (!spec.getKvFrom())
    return success();
  int64_t layer = *spec.getKvFrom();
  bool any = false;
  SpecOp owner = specOfLayer(spec, layer, any);
  if (!owner && any)
    return spec.emitOpError("expected 'kv_from' to name a layer with keys and values, found ")
           << layer
           << ", which no spec of this module describes; name one that is in 'layers' of a "
              "spec";
  if (!owner)
    return success();
  if (owner.getKvFrom()) {
    InFlightDiagnostic error =
        spec.emitOpError(
            "expected 'kv_from' to name a layer with keys and values of its own, found ")
        << layer << ", which reads those of layer " << *owner.getKvFrom() << "; name that one";
    error.attachNote(owner.getLoc()) << "layer " << layer << " is described here";
    return error;
  }
  return checkAgreement(spec, owner, layer);
}

} // namespace mlir::attn
