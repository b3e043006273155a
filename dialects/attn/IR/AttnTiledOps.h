//===- AttnTiledOps.h - operations of the tiled form -------------------------===//
#ifndef ATTN_IR_ATTNTILEDOPS_H
#define ATTN_IR_ATTNTILEDOPS_H

// Tensor and tiled operations are generated together.
#include "attn/IR/AttnOps.h"

#endif // ATTN_IR_ATTNTILEDOPS_H
