//===- Rotation.h - frequencies of a rotary embedding ------------------------===//
#ifndef ATTN_LIB_REFERENCE_ROTATION_H
#define ATTN_LIB_REFERENCE_ROTATION_H

#include "attn/IR/AttnAttrs.h"

namespace mlir::attn::reference {

/// Radians per position of the dims/2 pairs of `head`, from the published formula of the
/// scaling kind (docs/Reference.md names the sources). A second implementation on purpose: the
/// compiler's own is what it judges.
SmallVector<double> rotationFrequencies(RopeAttr rope, int64_t head);

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_ROTATION_H
