//===- Target.h - what the way asks of a target ------------------------------===//
//
// A target is a folder behind this interface: facts for planning, passes from `tiled` to `lowered`,
// and text or objects from there. Only InitAll.h and the build name concrete targets.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_TARGET_TARGET_H
#define ATTN_TARGET_TARGET_H

#include "attn/IR/AttnAttrs.h"
#include "attn/Target/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include <memory>
#include <string>

namespace mlir::attn {

/// What `Target::serialize` can give. `Assembly` of a GPU is PTX; `DeviceCode` is its machine code.
enum class OutputKind { LLVMIR, Assembly, DeviceCode, Object };

/// One of several processors that share a library.
struct Variant {
  /// `x86-64-v3`: what manifests and ATTN_CPU_VARIANT call it.
  std::string name;
  /// Stands behind the names of its entries in the library.
  std::string suffix;
  /// What it needs of a machine, separated by commas, as in the manifest.
  std::string features;
};

/// One target, fully chosen: `cpu` for this machine, `cpu:x86-64-v3`, ...
class Target {
public:
  virtual ~Target();
  /// The spelling that chooses this target, e.g. `cpu:znver4`.
  virtual std::string name() const = 0;
  /// Facts that planning may use.
  virtual TargetAttr facts(MLIRContext *context) const = 0;
  /// Adds the passes from state `tiled` to state `lowered`.
  virtual void buildLowering(OpPassManager &pm) const = 0;
  /// Text or bytes of a module in state `lowered`. Failure comes with a diagnostic on the module.
  virtual FailureOr<std::string> serialize(ModuleOp module, OutputKind kind) const = 0;
  /// The machine code of a module in state `lowered`, for a shared library: one object file or
  /// several that belong together, the same for the same module.
  virtual FailureOr<std::vector<std::string>> objects(ModuleOp module) const;
  /// What the kernels of one call of an entry do, in the order of their launches, of a module in
  /// state `lowered`; nothing for targets whose entries are one function.
  virtual std::vector<std::string> steps(ModuleOp lowered, StringRef entry) const { return {}; }
  /// An object that defines each of `entries` and hands its calls on to that of the first of
  /// `variants` which the machine can run. Targets that have no such choice refuse.
  virtual FailureOr<std::string> dispatcher(ArrayRef<Variant> variants,
                                            ArrayRef<std::string> entries,
                                            function_ref<InFlightDiagnostic()> emitError) const;
  /// Links the object files at `objects` to the shared library `library`. `emitError` reports.
  virtual LogicalResult link(ArrayRef<std::string> objects, StringRef library,
                             function_ref<InFlightDiagnostic()> emitError) const = 0;
};

/// Makes a target from the part of its spelling behind the colon (empty without a colon).
using TargetFactory = std::function<std::unique_ptr<Target>(
    StringRef variant, function_ref<InFlightDiagnostic()> emitError)>;

/// Adds a family, such as `cpu`. Adding a family again changes nothing.
void registerTarget(StringRef family, TargetFactory factory);

/// The target spelled `family` or `family:variant`; an unknown one is answered with the known
/// families or variants and the nearest. Null after an error.
std::unique_ptr<Target> createTarget(StringRef spelling,
                                     function_ref<InFlightDiagnostic()> emitError);

/// The targets of `family:a+b+…`, those that need most of a machine first; one target for every
/// other spelling. Empty after an error: one that is unknown or named twice, or processors of
/// different architectures.
std::vector<std::unique_ptr<Target>> createTargets(StringRef spelling,
                                                   function_ref<InFlightDiagnostic()> emitError);

/// Gives every public function of a module in state `lowered` a name that ends in `suffix` and
/// hides it from users of the library.
void renameEntries(ModuleOp lowered, StringRef suffix);

/// Name of the module attribute that holds the target's facts.
constexpr StringLiteral targetAttrName = "attn.target";
/// Attribute of an entry that has been lowered: what it allocates, an array of dictionaries as the
/// manifest prints them.
constexpr StringLiteral workspaceAttrName = "attn.workspace";

} // namespace mlir::attn

#endif // ATTN_TARGET_TARGET_H
