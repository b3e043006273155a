//===- AttnTypes.td - types of the tiled form -------------------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNTYPES_TD
#define ATTN_IR_ATTNTYPES_TD

include "attn/IR/AttnDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Attn_Type<string name, string word> : TypeDef<Attn_Dialect, name> {
  let mnemonic = word;
  let genVerifyDecl = 1;
}

def Attn_RowsType : Attn_Type<"Rows", "rows"> {
  let summary = "the query rows of one work item";
  let description = [{
    Written `!attn.rows<128>`: `count` pairs (query position, score head) of one batch entry and one head
    group, in the order position-major, head-minor. All share a key head and a
    value head. The last item of a group may have fewer live rows.
  }];
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
}

def Attn_TileType : Attn_Type<"Tile", "tile"> {
  let summary = "a rectangle of rows by columns, wherever the target keeps it";
  let description = [{
    Registers, a cache-resident panel, or a staged buffer of shared memory:
    the lowering decides. Written `!attn.tile<128x64xf32>`.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
}

def Attn_OnlineType : Attn_Type<"Online", "online"> {
  let summary = "running maximum and sum of each row, and its accumulator";
  let description = [{
    The state of a row after a set of keys: `m` = the largest score, `l` = sum of
    exp(s - m), `acc` = sum of exp(s - m) v. States of disjoint key sets merge
    associatively. Written `!attn.online<128x64xf32>`: rows by value size.
    Source: Milakov and Gimelshein 2018; Dao et al. 2022.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
}

#endif // ATTN_IR_ATTNTYPES_TD
