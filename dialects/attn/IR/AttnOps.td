//===- AttnOps.td - all operations of the dialect ---------------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNOPS_TD
#define ATTN_IR_ATTNOPS_TD

include "attn/IR/AttnTensorOps.td"
include "attn/IR/AttnLayerOps.td"
include "attn/IR/AttnTiledOps.td"

#endif // ATTN_IR_ATTNOPS_TD
