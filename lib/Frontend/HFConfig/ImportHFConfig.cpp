//===- ImportHFConfig.cpp - specs of a config as attn.spec ops ------------===//

#include "attn/Frontend/ImportHFConfig.h"

#include "attn/IR/AttnAttrs.h"
#include "attn/IR/AttnDialect.h"
#include "attn/IR/AttnOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

#include <cmath>

using namespace mlir;
using namespace mlir::attn;

namespace {

/// Collects the fields of a record attribute; a field at its default is left out, so that the text
/// shows what a model chose.
class RecordBuilder {
public:
  explicit RecordBuilder(Builder &b) : b(b) {}

  void integer(StringRef name, int64_t value, int64_t absent) {
    if (value != absent)
      fields.append(name, b.getI64IntegerAttr(value));
  }
  void real(StringRef name, double value, double absent) {
    if (value != absent)
      fields.append(name, b.getF64FloatAttr(value));
  }
  void word(StringRef name, StringRef value, StringRef absent) {
    if (value != absent)
      fields.append(name, b.getStringAttr(value));
  }
  void reals(StringRef name, ArrayRef<double> values) {
    if (!values.empty())
      fields.append(name, b.getDenseF64ArrayAttr(values));
  }
  DictionaryAttr get() { return fields.getDictionary(b.getContext()); }

private:
  Builder &b;
  NamedAttrList fields;
};

StringRef scalingWord(RopeScalingKind kind) {
  switch (kind) {
  case RopeScalingKind::None:
    return "none";
  case RopeScalingKind::Linear:
    return "linear";
  case RopeScalingKind::Dynamic:
    return "dynamic";
  case RopeScalingKind::Yarn:
    return "yarn";
  case RopeScalingKind::Llama3:
    return "llama3";
  case RopeScalingKind::LongRope:
    return "longrope";
  }
  llvm_unreachable("all kinds are named");
}

void addScaling(RecordBuilder &record, const RopeScaling &scaling) {
  record.word("scaling", scalingWord(scaling.kind), "none");
  record.real("factor", scaling.factor, 1.0);
  record.integer("original_length", scaling.originalPositions, 0);
  record.integer("served_length", scaling.servedPositions, 0);
  record.real("low_freq", scaling.lowFreqFactor, 1.0);
  record.real("high_freq", scaling.highFreqFactor, 4.0);
  record.real("beta_fast", scaling.betaFast, 32.0);
  record.real("beta_slow", scaling.betaSlow, 1.0);
  record.integer("truncate", scaling.truncate, 1);
  record.real("magnitude", scaling.attentionFactor, 1.0);
  record.reals("short_factors", scaling.shortFactor);
  record.reals("long_factors", scaling.longFactor);
}

RopeAttr ropeAttr(Builder &b, const RopeSpec &rope) {
  RecordBuilder record(b);
  record.integer("dims", rope.dims, -1);
  record.integer("start", rope.start, 0);
  record.real("base", rope.base, 10000.0);
  record.word("layout", rope.style == RopeStyle::Halves ? "halves" : "interleaved", "halves");
  addScaling(record, rope.scaling);
  return RopeAttr::get(b.getContext(), record.get());
}

NormAttr normAttr(Builder &b, const QKNormSpec &norm) {
  RecordBuilder record(b);
  record.word("kind", norm.kind == NormKind::RMS ? "rms" : "layer", "");
  record.real("eps", norm.eps, -1.0);
  record.real("gain_offset", norm.gainOffset, 0.0);
  return NormAttr::get(b.getContext(), record.get());
}

LatentAttr latentAttr(Builder &b, const LatentSpec &latent) {
  RecordBuilder record(b);
  record.integer("kv_rank", latent.kvRank, -1);
  record.integer("nope", latent.nopeDim, -1);
  record.integer("rope", latent.ropeDim, 0);
  record.integer("q_rank", latent.qRank.value_or(0), 0);
  return LatentAttr::get(b.getContext(), record.get());
}

MaskAttr maskAttr(MLIRContext *context, const MaskSpec &mask) {
  MaskAttr result =
      mask.causal ? MaskAttr::getWord(context, MaskKind::Causal) : MaskAttr::getAll(context);
  if (mask.window)
    result = MaskAttr::getAnd(result, MaskAttr::getWord(context, MaskKind::Window, *mask.window));
  return result;
}

Type elementType(Builder &b, ElementKind kind) {
  switch (kind) {
  case ElementKind::F32:
    return b.getF32Type();
  case ElementKind::F16:
    return b.getF16Type();
  case ElementKind::BF16:
    return b.getBF16Type();
  }
  llvm_unreachable("all kinds have a type");
}

/// Heads, sizes and the latent they may come from.
void addShape(Builder &b, NamedAttrList &fields, const LayerSpec &spec) {
  fields.append("query_heads", b.getI64IntegerAttr(spec.queryHeads));
  fields.append("key_heads", b.getI64IntegerAttr(spec.keyHeads));
  if (spec.valueHeads != spec.keyHeads)
    fields.append("value_heads", b.getI64IntegerAttr(spec.valueHeads));
  fields.append("qk_size", b.getI64IntegerAttr(spec.qkDim));
  fields.append("v_size", b.getI64IntegerAttr(spec.vDim));
  fields.append("width", b.getI64IntegerAttr(spec.width));
  fields.append("dtype", TypeAttr::get(elementType(b, spec.dtype)));
  if (spec.latent)
    fields.append("latent", latentAttr(b, *spec.latent));
}

/// Every family with a latent normalises it, and that of the queries, with this epsilon, whatever
/// `rms_norm_eps` says about the norms of the model's width.
constexpr double latentNormEps = 1e-6;

/// What happens to queries and keys before their product.
void addPrologue(Builder &b, NamedAttrList &fields, const LayerSpec &spec) {
  if (spec.rope)
    fields.append("rope", ropeAttr(b, *spec.rope));
  if (spec.latent) {
    fields.append("key_norm", normAttr(b, QKNormSpec{NormKind::RMS, latentNormEps, 0.0}));
    fields.append("norm_gain", b.getUnitAttr());
  }
  if (!spec.qkNorm)
    return;
  fields.append("query_norm", normAttr(b, *spec.qkNorm));
  fields.append("key_norm", normAttr(b, *spec.qkNorm));
  fields.append("norm_gain", b.getUnitAttr());
}

void addScores(Builder &b, NamedAttrList &fields, const LayerSpec &spec) {
  if (spec.scale != 1.0 / std::sqrt(double(spec.qkDim)))
    fields.append("scale", b.getF64FloatAttr(spec.scale));
  if (spec.softcap)
    fields.append("softcap", b.getF64FloatAttr(*spec.softcap));
  if (spec.alibi)
    fields.append("alibi", b.getDenseF64ArrayAttr(spec.alibi->slopes));
  fields.append("mask", maskAttr(b.getContext(), spec.mask));
  if (spec.sinks)
    fields.append("sinks", b.getUnitAttr());
}

/// Facts of the projections, which matter to layer entries alone.
void addProjections(Builder &b, NamedAttrList &fields, const LayerSpec &spec) {
  if (!spec.bias.empty())
    fields.append("bias", b.getStrArrayAttr(spec.bias));
  if (spec.clipQKV)
    fields.append("clip_qkv", b.getF64FloatAttr(*spec.clipQKV));
}

void createSpec(OpBuilder &b, Location loc, StringRef name, const LayerSpec &spec,
                ArrayRef<int64_t> layers) {
  NamedAttrList fields;
  fields.append("sym_name", b.getStringAttr(name));
  addShape(b, fields, spec);
  addPrologue(b, fields, spec);
  addScores(b, fields, spec);
  addProjections(b, fields, spec);
  fields.append("layers", b.getDenseI64ArrayAttr(layers));
  if (spec.kvFrom)
    fields.append("kv_from", b.getI64IntegerAttr(*spec.kvFrom));
  SpecOp::create(b, loc, TypeRange(), ValueRange(), fields.getAttrs());
}

} // namespace

OwningOpRef<ModuleOp> mlir::attn::createSpecModule(MLIRContext *context,
                                                   const ModelAttention &model,
                                                   StringRef fileName) {
  context->getOrLoadDialect<AttnDialect>();
  OpBuilder b(context);
  Location loc = FileLineColLoc::get(context, fileName, 1, 1);
  OwningOpRef<ModuleOp> module = ModuleOp::create(b, loc);
  (*module)->setAttr("attn.model", b.getStringAttr(model.name));
  (*module)->setAttr("attn.family", b.getStringAttr(model.family));
  (*module)->setAttr("attn.layer_count", b.getI64IntegerAttr(model.numLayers));
  b.setInsertionPointToStart(module->getBody());
  std::vector<std::string> names = specNames(model);
  for (const auto &[name, entry] : llvm::zip_equal(names, model.specs))
    createSpec(b, loc, name, entry.first, entry.second);
  return module;
}

OwningOpRef<ModuleOp> mlir::attn::importHFConfig(MLIRContext *context,
                                                 llvm::MemoryBufferRef buffer) {
  StringRef file = buffer.getBufferIdentifier();
  FailureOr<ModelAttention> model = parseHFConfig(buffer, [&](const ConfigDiagnostic &d) {
    emitError(FileLineColLoc::get(context, file, d.line, d.column), d.message);
  });
  if (failed(model))
    return {};
  OwningOpRef<ModuleOp> module = createSpecModule(context, *model, file);
  if (failed(verify(*module)))
    return {};
  return module;
}
