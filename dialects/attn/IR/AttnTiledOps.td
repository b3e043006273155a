//===- AttnTiledOps.td - the tiled form -------------------------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNTILEDOPS_TD
#define ATTN_IR_ATTNTILEDOPS_TD

include "attn/IR/AttnTensorOps.td"

def Attn_HeadsMem : MemRefRankOf<[F32, BF16, F16], [4]>;
def Attn_LseMem : MemRefRankOf<[F32], [3]>;
def Attn_MaskMem : MemRefRankOf<[I8, I32, I64], [1, 2, 3, 4]>;

def Attn_WorkOp : Attn_Op<"work", [SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "runs its body once per tile of query rows of a head group";
  let description = [{
    The iteration space is batch by head group by tile of rows. A head group is the set of
    score heads that share a key head and a value head; the rows of a group are its pairs
    (query position, score head), position-major, so that one pass over a key head serves
    the whole group. Items are independent and may run in any order and in parallel;
    `schedule.order` says which first.

    The body's argument names the rows of the item. Every tile operation inside takes it to
    find its batch entry, heads and positions. The tables are those of `attn.attention`, complete.

    Constraints:
    - (work_c1) query, key and value have one element type, static head counts and head sizes;
      query and key have one head size.
    - (work_c2) the tables have equal, positive length and name heads of their memrefs.
    - (work_c3) the body takes one `!attn.rows<rows * panels>` of the schedule and yields nothing.

    Example:
    ```mlir
    func.func @grouped(%q: memref<?x8x?x64xf32>, %k: memref<?x2x?x64xf32>, %v: memref<?x2x?x32xf32>,
                       %out: memref<?x8x?x32xf32>, %offset: index, %length: index) {
      attn.work queries(%q) keys(%k) values(%v) offset(%offset)
          heads([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1])
          schedule<rows = 4, keys = 16, panels = 2> {
      ^bb0(%rows: !attn.rows<8>):
        %query = attn.tile.load_query %q[%rows : !attn.rows<8>]
            : memref<?x8x?x64xf32> -> !attn.tile<8x64xf32>
        %none = attn.online.init %rows : !attn.rows<8> -> !attn.online<8x32xf32>
        %state = attn.stream %rows : !attn.rows<8> to %length step 16 from %none mask(<causal>) {
        ^bb0(%first: index, %before: !attn.online<8x32xf32>):
          %key = attn.tile.load key %k[%rows : !attn.rows<8>, %first]
              : memref<?x2x?x64xf32> -> !attn.tile<16x64xf32>
          %value = attn.tile.load value %v[%rows : !attn.rows<8>, %first]
              : memref<?x2x?x32xf32> -> !attn.tile<16x32xf32>
          %scores = attn.tile.dot %query, %key at [%rows : !attn.rows<8>, %first] scale(0.125)
              : !attn.tile<8x64xf32>, !attn.tile<16x64xf32> -> !attn.tile<8x16xf32>
          %after = attn.online.step %before, %scores, %value
              : !attn.online<8x32xf32>, !attn.tile<8x16xf32>, !attn.tile<16x32xf32>
          attn.yield %after : !attn.online<8x32xf32>
        } : !attn.online<8x32xf32>
        %o, %lse = attn.online.finish %state
            : !attn.online<8x32xf32> -> !attn.tile<8x32xf32>, !attn.tile<8x1xf32>
        attn.tile.store %o, %out[%rows : !attn.rows<8>] : !attn.tile<8x32xf32>, memref<?x8x?x32xf32>
      } : memref<?x8x?x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x32xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_HeadsMem:$query, Attn_HeadsMem:$key, Attn_HeadsMem:$value, Index:$offset,
    DenseI64ArrayAttr:$query_map, DenseI64ArrayAttr:$key_map, DenseI64ArrayAttr:$value_map,
    Attn_ScheduleAttr:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `queries` `(` $query `)` `keys` `(` $key `)` `values` `(` $value `)` `offset` `(` $offset `)`
    `heads` `(` $query_map `,` $key_map `,` $value_map `)` `schedule` `` $schedule
    $body attr-dict `:` type($query) `,` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Head groups in the order of their first score head.
    SmallVector<HeadGroup> headGroups() {
      return computeHeadGroups({SmallVector<int64_t>(getQueryMap()), SmallVector<int64_t>(getKeyMap()),
                                SmallVector<int64_t>(getValueMap())});
    }
  }];
}

def Attn_LoadQueryOp : Attn_Op<"tile.load_query", [MemoryEffects<[MemRead]>]> {
  let summary = "the query rows of the item";
  let description = [{
    Rows past the end repeat a live row: they are computed and never stored.

    Constraints:
    - (tile_load_query_c1) the tile is rows x head size of the source.

    Example:
    ```mlir
    func.func @load_query(%Q: memref<?x8x?x64xf32>, %rows: !attn.rows<32>) {
      %q = attn.tile.load_query %Q[%rows : !attn.rows<32>] : memref<?x8x?x64xf32> -> !attn.tile<32x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_HeadsMem:$source, Attn_RowsType:$rows);
  let results = (outs Attn_TileType:$tile);
  let assemblyFormat = [{
    $source `[` $rows `:` qualified(type($rows)) `]` attr-dict
    `:` type($source) `->` qualified(type($tile))
  }];
  let hasVerifier = 1;
}

def Attn_LoadTileOp : Attn_Op<"tile.load", [MemoryEffects<[MemRead]>]> {
  let summary = "a key tile or value tile of the item's head";
  let description = [{
    Keys `[first, first + tile rows)` of the key head (or value head) of the item's group; rows at or
    past the sequence's end are zero and their memory is not read. Asynchronous where the target
    has it; then `stages` of the schedule bounds how many are in flight.

    Constraints:
    - (tile_load_c1) the tile has as many columns as the source's head size.

    Example:
    ```mlir
    func.func @load(%K: memref<?x8x?x64xf32>, %rows: !attn.rows<32>, %first: index) {
      %k = attn.tile.load key %K[%rows : !attn.rows<32>, %first] : memref<?x8x?x64xf32> -> !attn.tile<128x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_TileRoleAttr:$role, Attn_HeadsMem:$source, Attn_RowsType:$rows, Index:$first);
  let results = (outs Attn_TileType:$tile);
  let assemblyFormat = [{
    `` $role $source `[` $rows `:` qualified(type($rows)) `,` $first `]` attr-dict
    `:` type($source) `->` qualified(type($tile))
  }];
  let hasVerifier = 1;
}

def Attn_TileDotOp : Attn_Op<"tile.dot", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "scores of a tile: product of query and key rows, then the score region";
  let description = [{
    `scores[r, k] = score(scale * <query[r], key[k]>, b, h(r), q(r), first + k)`. The score region is that of
    `attn.attention`; in a partial tile of the enclosing stream the mask follows it.

    Constraints:
    - (tile_dot_c1) query and key tiles have equal columns; the result is rows x keys.
    - (tile_dot_c2) `scale` is finite; the score region is that of attention_c9.

    Example:
    ```mlir
    func.func @dot(%q: !attn.tile<32x64xf32>, %k: !attn.tile<128x64xf32>, %rows: !attn.rows<32>, %first: index) {
      %s = attn.tile.dot %q, %k at [%rows : !attn.rows<32>, %first] scale(0.125)
          : !attn.tile<32x64xf32>, !attn.tile<128x64xf32> -> !attn.tile<32x128xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_TileType:$query, Attn_TileType:$key, Attn_RowsType:$rows, Index:$first,
    F64Attr:$scale);
  let results = (outs Attn_TileType:$scores);
  let regions = (region MaxSizedRegion<1>:$score);
  let assemblyFormat = [{
    $query `,` $key `at` ` ` `[` $rows `:` qualified(type($rows)) `,` $first `]` `scale` `(` custom<Real>($scale) `)`
    (`score` $score^)? attr-dict
    `:` qualified(type($query)) `,` qualified(type($key)) `->` qualified(type($scores))
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Attn_OnlineInitOp : Attn_Op<"online.init", [MemoryEffects<[MemRead]>]> {
  let summary = "the state of rows that have seen no key, or only their sink";
  let description = [{
    `m = -infinity, l = 0, acc = 0`; with sinks `m` is the row's sink logit and `l = 1`.

    Constraints:
    - (online_init_c1) the state has the item's rows.

    Example:
    ```mlir
    func.func @init(%rows: !attn.rows<32>, %sinks: memref<8xf32>) {
      %s = attn.online.init %rows : !attn.rows<32> sinks(%sinks : memref<8xf32>) -> !attn.online<32x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_RowsType:$rows, Optional<MemRefRankOf<[F32], [1]>>:$sinks);
  let results = (outs Attn_OnlineType:$state);
  let assemblyFormat = [{
    $rows `:` qualified(type($rows)) (`sinks` `(` $sinks^ `:` type($sinks) `)`)? attr-dict
    `->` qualified(type($state))
  }];
  let hasVerifier = 1;
}

def Attn_OnlineStepOp : Attn_Op<"online.step", [Pure, AllTypesMatch<["state", "result"]>]> {
  let summary = "adds a tile of scored keys to the state";
  let description = [{
    `m' = max(m, max_k s)`, `p = exp(s - m')`, `l' = exp(m - m') l + sum_k p`,
    `acc' = exp(m - m') acc + p V`. A score of -infinity takes no part: its value row is not
    touched, whatever it holds. Under another normaliser `p` is its weight and `m`, `l` stay.

    Constraints:
    - (online_step_c1) scores are rows x keys, values keys x value size of the state.

    Example:
    ```mlir
    func.func @step(%state: !attn.online<32x64xf32>, %s: !attn.tile<32x128xf32>, %v: !attn.tile<128x64xf32>) {
      %next = attn.online.step %state, %s, %v
          : !attn.online<32x64xf32>, !attn.tile<32x128xf32>, !attn.tile<128x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_OnlineType:$state, Attn_TileType:$scores, Attn_TileType:$values,
    DefaultValuedAttr<Attn_NormalizerAttr, "::mlir::attn::Normalizer::Softmax">:$normalizer);
  let results = (outs Attn_OnlineType:$result);
  let assemblyFormat = [{
    $state `,` $scores `,` $values (`normalizer` `` $normalizer^)? attr-dict
    `:` qualified(type($state)) `,` qualified(type($scores)) `,` qualified(type($values))
  }];
  let hasVerifier = 1;
}

def Attn_OnlineFinishOp : Attn_Op<"online.finish", [Pure]> {
  let summary = "normalised rows and their log-sum-exp";
  let description = [{
    `out = acc / l` and `lse = m + ln l`; a row without keys gives 0 and -infinity. Under another
    normaliser `out = acc` and there is no lse.

    Constraints:
    - (online_finish_c1) `out` is rows x value size of the state, `lse` rows x 1.

    Example:
    ```mlir
    func.func @finish(%state: !attn.online<32x64xf32>) {
      %o, %lse = attn.online.finish %state : !attn.online<32x64xf32> -> !attn.tile<32x64xf32>, !attn.tile<32x1xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_OnlineType:$state,
    DefaultValuedAttr<Attn_NormalizerAttr, "::mlir::attn::Normalizer::Softmax">:$normalizer);
  let results = (outs Attn_TileType:$out, Attn_TileType:$lse);
  let assemblyFormat = [{
    $state (`normalizer` `` $normalizer^)? attr-dict
    `:` qualified(type($state)) `->` qualified(type($out)) `,` qualified(type($lse))
  }];
  let hasVerifier = 1;
}

def Attn_StreamOp : Attn_Op<"stream", [SingleBlock, AllTypesMatch<["init", "result"]>]> {
  let summary = "visits the key tiles that some row of the item can see";
  let description = [{
    For each tile of `step` keys the mask algebra gives a verdict for the item's rows (see
    `#attn.mask`): empty tiles are not visited and their memory is not read; full tiles run the body
    without mask code; partial tiles run it with the mask applied to the scores. Tiles beyond the mask's bounds
    are not even considered, so a window costs in proportion to its width. The last tile may be short.

    A lowering may split the stream into consecutive loops by verdict, or ask per tile. With
    `splits` of the schedule above one, parts of the key range run as separate items and merge.

    Constraints:
    - (stream_c1) the body takes (index, state) and yields the state.
    - (stream_c2) `step` is positive.
    - (stream_c3) the mask's operand numbers are below the number of mask operands, their ranks fit
      the words, and per-head tables have one entry per score head of the enclosing `attn.work`.

    Example:
    ```mlir
    func.func @stream(%rows: !attn.rows<32>, %length: index, %init: !attn.online<32x64xf32>,
                      %ends: memref<?xi32>) {
      %state = attn.stream %rows : !attn.rows<32> to %length step 128 from %init
          mask(<causal or prefix_length<0>>, %ends : memref<?xi32>) {
      ^bb0(%first: index, %before: !attn.online<32x64xf32>):
        attn.yield %before : !attn.online<32x64xf32>
      } : !attn.online<32x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_RowsType:$rows, Index:$length, Attn_OnlineType:$init, I64Attr:$step,
    Attn_MaskAttr:$mask, Variadic<Attn_MaskMem>:$mask_operands);
  let results = (outs Attn_OnlineType:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $rows `:` qualified(type($rows)) `to` $length `step` $step `from` $init
    `mask` `(` custom<MaskExpr>($mask) (`,` $mask_operands^ `:` type($mask_operands))? `)`
    $body attr-dict `:` qualified(type($init))
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Attn_StoreTileOp : Attn_Op<"tile.store", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes the live rows of the item";
  let description = [{
    To the output [B, H, Sq, Dv] in its element type, or the lse [B, H, Sq]. Rows past the end are not stored.

    Constraints:
    - (tile_store_c1) the tile has the item's rows and the target's head size, or one column for an lse.

    Example:
    ```mlir
    func.func @store(%o: !attn.tile<32x64xf32>, %O: memref<?x8x?x64xf32>, %rows: !attn.rows<32>) {
      attn.tile.store %o, %O[%rows : !attn.rows<32>] : !attn.tile<32x64xf32>, memref<?x8x?x64xf32>
      return
    }
    ```
  }];
  let arguments = (ins Attn_TileType:$tile, Arg<MemRefRankOf<[F32, BF16, F16], [3, 4]>, "", [MemWrite]>:$target, Attn_RowsType:$rows);
  let assemblyFormat = [{
    $tile `,` $target `[` $rows `:` qualified(type($rows)) `]` attr-dict
    `:` qualified(type($tile)) `,` type($target)
  }];
  let hasVerifier = 1;
}

#endif // ATTN_IR_ATTNTILEDOPS_TD
