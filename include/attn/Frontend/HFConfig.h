//===- HFConfig.h - attention specs of a Hugging Face config.json ---------===//

#ifndef ATTN_FRONTEND_HFCONFIG_H
#define ATTN_FRONTEND_HFCONFIG_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::attn {

/// Element type a model stores its queries, keys and values in.
enum class ElementKind { F32, F16, BF16 };

/// Which two entries of a head one rotation angle turns: (i, i + dims/2) for Halves,
/// (2i, 2i + 1) for Interleaved.
enum class RopeStyle { Halves, Interleaved };

/// How the rotation angles are stretched beyond the lengths a model was first trained on.
enum class RopeScalingKind { None, Linear, Dynamic, Yarn, Llama3, LongRope };

/// Parameters of one scaling kind; fields a kind does not use keep their defaults.
struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::None;
  double factor = 1.0;
  /// Positions before scaling (Dynamic, Yarn, Llama3, LongRope).
  int64_t originalPositions = 0;
  /// Longest length the model is meant for; Dynamic and LongRope choose their angles by it.
  int64_t servedPositions = 0;
  /// Multiplies cos and sin (Yarn, LongRope). Always resolved: when the config leaves it out, it is
  /// the value the kind defines.
  double attentionFactor = 1.0;
  /// Yarn: rotations at which interpolation begins and ends, and whether the ends are rounded.
  double betaFast = 32.0, betaSlow = 1.0;
  bool truncate = true;
  /// Yarn, as DeepSeek writes it; 0 when absent. Already part of attentionFactor and of
  /// LayerSpec::scale, kept for printing.
  double mscale = 0.0, mscaleAllDim = 0.0;
  /// Llama3: wavelengths below original/high are kept, those above original/low are divided.
  double lowFreqFactor = 1.0, highFreqFactor = 4.0;
  /// LongRope: dims/2 divisors each, for lengths up to and beyond originalPositions.
  std::vector<double> shortFactor, longFactor;

  bool operator==(const RopeScaling &other) const;
};

/// Rotary positions: entries `start` … `start + dims - 1` of each head are turned.
struct RopeSpec {
  double base = 10000.0;
  int64_t start = 0, dims = 0;
  RopeStyle style = RopeStyle::Halves;
  RopeScaling scaling;

  bool operator==(const RopeSpec &other) const;
};

/// Which published recipe gives the slopes when the head count is no power of two.
enum class AlibiConvention { Bloom, Mpt };

/// Linear position bias: the score of (q, k) gains slopes[head] * (k - q).
struct AlibiSpec {
  AlibiConvention convention = AlibiConvention::Bloom;
  /// Largest exponent: slopes run down to 2^-maxBias.
  double maxBias = 8.0;
  /// One per query head, factors of the family (Falcon scales the bias too) included.
  std::vector<double> slopes;

  bool operator==(const AlibiSpec &other) const;
};

enum class NormKind { RMS, Layer };

/// Normalisation of each query and key head before the positions are applied.
struct QKNormSpec {
  NormKind kind = NormKind::RMS;
  double eps = 1e-6;
  /// Added to the stored gain: 1 for Gemma, which stores gain - 1.
  double gainOffset = 0.0;

  bool operator==(const QKNormSpec &other) const;
};

/// Which keys a query sees. With a window w, query i sees keys i-w+1 … i.
struct MaskSpec {
  bool causal = true;
  std::optional<int64_t> window;

  bool operator==(const MaskSpec &other) const;
};

/// Keys and values expanded from one latent row per token (multi-head latent attention).
struct LatentSpec {
  int64_t kvRank = 0;
  /// Absent: queries come straight from the model width.
  std::optional<int64_t> qRank;
  /// Head = [nope | rope]; the rope part of the key is shared by all heads.
  int64_t nopeDim = 0, ropeDim = 0, vDim = 0;

  bool operator==(const LatentSpec &other) const;
};

/// The attention of one layer, complete and resolved: no field is left to a default elsewhere.
struct LayerSpec {
  int64_t width = 0;
  int64_t queryHeads = 0, keyHeads = 0, valueHeads = 0;
  int64_t qkDim = 0, vDim = 0;
  ElementKind dtype = ElementKind::F32;
  std::optional<RopeSpec> rope;
  std::optional<AlibiSpec> alibi;
  std::optional<QKNormSpec> qkNorm;
  /// Multiplies the product of query and key.
  double scale = 1.0;
  std::optional<double> softcap;
  MaskSpec mask;
  /// One learned logit per query head joins the softmax's denominator.
  bool sinks = false;
  std::optional<LatentSpec> latent;
  /// The layer whose keys and values are read instead of own ones.
  std::optional<int64_t> kvFrom;
  /// Facts of the projections, which matter to whole layers alone. Those that add a vector, among
  /// query, key, value, latent and output:
  std::vector<llvm::StringRef> bias;
  std::optional<double> clipQKV;

  bool operator==(const LayerSpec &other) const;
  bool operator!=(const LayerSpec &other) const { return !(*this == other); }
};

/// The distinct attention specs of a model, in order of their first layer.
struct ModelAttention {
  /// From the file name; `config.json` takes `_name_or_path` or the family instead.
  std::string name;
  /// The `model_type`.
  std::string family;
  int64_t numLayers = 0;
  std::vector<std::pair<LayerSpec, std::vector<int64_t>>> specs;
};

/// One error in a config, at a place in its text (both from 1; columns count bytes).
struct ConfigDiagnostic {
  unsigned line = 1, column = 1;
  std::string message;

  /// `file:line:col: error: message`.
  std::string str(llvm::StringRef fileName) const;
};

using ConfigReport = llvm::function_ref<void(const ConfigDiagnostic &)>;

/// Reads a `config.json`. Fails after at least one call of `report`; never aborts, whatever the
/// bytes are.
llvm::FailureOr<ModelAttention> parseHFConfig(llvm::MemoryBufferRef buffer, ConfigReport report);

/// The `model_type`s that can be read, sorted.
std::vector<llvm::StringRef> knownModelTypes();

/// One symbol name per spec: the model's name as an identifier, with a suffix that says what sets
/// the spec apart (`_window` and `_global`, `_rope` and `_nope`, else a number).
std::vector<std::string> specNames(const ModelAttention &model);

} // namespace mlir::attn

#endif // ATTN_FRONTEND_HFCONFIG_H
