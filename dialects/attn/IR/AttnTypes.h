//===- AttnTypes.h - types of the tiled form --------------------------------===//
#ifndef ATTN_IR_ATTNTYPES_H
#define ATTN_IR_ATTNTYPES_H

#include "attn/IR/AttnDialect.h"
#include "mlir/IR/Types.h"

#define GET_TYPEDEF_CLASSES
#include "attn/IR/AttnTypes.h.inc"

#endif // ATTN_IR_ATTNTYPES_H
