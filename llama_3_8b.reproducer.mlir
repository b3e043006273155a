module attributes {attn.family = "llama", attn.layer_count = 32 : i64, attn.model = "llama-3-8b", attn.target = #attn.target<kind = cpu, name = "cpu", triple = "x86_64-pc-linux-gnu", processor = "znver3", lanes = 8, vector_registers = 16, fma_per_cycle = 2, fused = 1, masked = 0, bf16_dot = 0, bf16_convert = 0, f16_convert = 1, amx = 0, l1 = 32768, l2 = 524288, cores = 2>} {
  memref.global "private" constant @attn_frequencies : memref<1x64xf64> = dense<[[1.000000e+00, 0.81461723385654472, 0.66360123769608848, 0.54058100463576697, 0.44036660267178046, 0.35873022375128988, 0.29222782257301511, 0.23805382048035073, 0.19392274474868576, 0.15797280990904319, 0.12868737343265052, 0.10483095217796996, 0.085397100285765609, 0.069565949614160322, 0.05666962144529105, 0.04616405026546052, 0.037606030930863933, 0.030634520893224042, 0.024955408670558694, 0.020329105980970152, 0.016560440080994446, 0.013490419890226748, 0.010989528534539826, 0.0089522593361943993, 0.0072926647372171093, 0.0059407303756749668, 0.0048394213457198928, 0.0039422760301166563, 0.0032114459947525909, 0.0026160992529250353, 0.0021311195369119653, 0.0017360467021768657, 0.001414213562373095, 0.0011520427402627808, 9.3847387035738024E-4, 7.6449698831717466E-4, 6.2277242191459599E-4, 5.0732114766220921E-4, 4.132725499855165E-4, 3.3665894149804206E-4, 2.742481756762073E-4, 2.2340729025955574E-4, 1.8199142881462546E-4, 1.4825335432657046E-4, 1.2076973741146504E-4, 9.838110942370891E-5, 8.0142947222479793E-5, 6.5285825979487548E-5, 5.3182958969449883E-5, 4.3323754923999376E-5, 3.5292277396467233E-5, 2.8749697389207996E-5, 2.3419998961409342E-5, 1.9078334770866426E-5, 1.5541540297632344E-5, 1.2660406567127281E-5, 1.031338537721246E-5, 8.4014614676813499E-6, 6.8439753011549275E-6, 5.5752202284093394E-6, 4.5416704806078695E-6, 3.6997230440007069E-6, 3.0138581521391712E-6, 2.4551407911316089E-6]]> {alignment = 64 : i64}
  attn.spec @llama_3_8b {query_heads = 32, key_heads = 8, qk_size = 128, v_size = 128, width = 4096, rope = #attn.rope<dims = 128, base = 500000.0>, mask = #attn.mask<causal>, dtype = bf16, layers = array<i64: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31>}
  func.func @llama_3_8b_prefill(%arg0: memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "query", attn.sizes = ["s0", "", "s1", ""]}, %arg1: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "key", attn.sizes = ["s0", "", "s2", ""]}, %arg2: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "value", attn.sizes = ["s0", "", "s2", ""]}, %arg3: memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "out", attn.output, attn.sizes = ["s0", "", "s1", ""]}, %arg4: memref<?x32x?xf32, strided<[?, ?, 1], offset: ?>> {attn.name = "lse", attn.output, attn.sizes = ["s0", "", "s1"]}, %arg5: i32 {attn.threads}) attributes {attn.entry = "prefill", attn.spec = @llama_3_8b} {
    %c32 = arith.constant 32 : index
    %cst = arith.constant 3.000000e+00 : f64
    %cst_0 = arith.constant 2.000000e+00 : f64
    %cst_1 = arith.constant 4.000000e+00 : f64
    %cst_2 = arith.constant 3.750000e-01 : f64
    %cst_3 = arith.constant 2.500000e-01 : f64
    %cst_4 = arith.constant -5.000000e-01 : f64
    %cst_5 = arith.constant 0.041666666666666664 : f64
    %cst_6 = arith.constant -0.0013888888888888889 : f64
    %cst_7 = arith.constant 2.4801587301587302E-5 : f64
    %cst_8 = arith.constant -2.7557319223985888E-7 : f64
    %cst_9 = arith.constant 2.08767569878681E-9 : f64
    %cst_10 = arith.constant 1.000000e+00 : f64
    %cst_11 = arith.constant -0.16666666666666666 : f64
    %cst_12 = arith.constant 0.0083333333333333332 : f64
    %cst_13 = arith.constant -1.9841269841269841E-4 : f64
    %cst_14 = arith.constant 2.7557319223985893E-6 : f64
    %cst_15 = arith.constant -2.505210838544172E-8 : f64
    %cst_16 = arith.constant 6.2233721718966134E-14 : f64
    %cst_17 = arith.constant 3.139164164167596E-7 : f64
    %cst_18 = arith.constant 1.570796012878418 : f64
    %cst_19 = arith.constant 0x4338000000000000 : f64
    %cst_20 = arith.constant 0.63661977236758138 : f64
    %c64 = arith.constant 64 : index
    %c1 = arith.constant 1 : index
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %dim = memref.dim %arg1, %c2 : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %dim_21 = memref.dim %arg0, %c2 : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %0 = arith.subi %dim, %dim_21 : index
    %dim_22 = memref.dim %arg0, %c0 : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %alloc = memref.alloc(%dim_22, %dim_21) {alignment = 64 : i64} : memref<?x32x?x128xbf16>
    %1 = memref.get_global @attn_frequencies : memref<1x64xf64>
    scf.parallel (%arg6, %arg7) = (%c0, %c0) to (%dim_22, %dim_21) step (%c1, %c1) {
      %alloca = memref.alloca() : memref<64xf32>
      %alloca_23 = memref.alloca() : memref<64xf32>
      %2 = arith.addi %0, %arg7 : index
      %3 = arith.index_cast %2 : index to i64
      %4 = arith.sitofp %3 : i64 to f64
      scf.for %arg8 = %c0 to %c64 step %c1 {
        %5 = memref.load %1[%c0, %arg8] : memref<1x64xf64>
        %6 = arith.mulf %4, %5 : f64
        %7 = arith.mulf %6, %cst_20 : f64
        %8 = arith.addf %7, %cst_19 : f64
        %9 = arith.subf %8, %cst_19 : f64
        %10 = arith.mulf %9, %cst_18 : f64
        %11 = arith.subf %6, %10 : f64
        %12 = arith.mulf %9, %cst_17 : f64
        %13 = arith.subf %11, %12 : f64
        %14 = arith.mulf %9, %cst_16 : f64
        %15 = arith.subf %13, %14 : f64
        %16 = arith.mulf %15, %15 : f64
        %17 = arith.mulf %16, %cst_15 : f64
        %18 = arith.addf %17, %cst_14 : f64
        %19 = arith.mulf %18, %16 : f64
        %20 = arith.addf %19, %cst_13 : f64
        %21 = arith.mulf %20, %16 : f64
        %22 = arith.addf %21, %cst_12 : f64
        %23 = arith.mulf %22, %16 : f64
        %24 = arith.addf %23, %cst_11 : f64
        %25 = arith.mulf %24, %16 : f64
        %26 = arith.addf %25, %cst_10 : f64
        %27 = arith.mulf %15, %26 : f64
        %28 = arith.mulf %16, %cst_9 : f64
        %29 = arith.addf %28, %cst_8 : f64
        %30 = arith.mulf %29, %16 : f64
        %31 = arith.addf %30, %cst_7 : f64
        %32 = arith.mulf %31, %16 : f64
        %33 = arith.addf %32, %cst_6 : f64
        %34 = arith.mulf %33, %16 : f64
        %35 = arith.addf %34, %cst_5 : f64
        %36 = arith.mulf %35, %16 : f64
        %37 = arith.addf %36, %cst_4 : f64
        %38 = arith.mulf %37, %16 : f64
        %39 = arith.addf %38, %cst_10 : f64
        %40 = arith.mulf %9, %cst_3 : f64
        %41 = arith.subf %40, %cst_2 : f64
        %42 = arith.addf %41, %cst_19 : f64
        %43 = arith.subf %42, %cst_19 : f64
        %44 = arith.mulf %43, %cst_1 : f64
        %45 = arith.subf %9, %44 : f64
        %46 = arith.cmpf oeq, %45, %cst_10 : f64
        %47 = arith.cmpf oeq, %45, %cst_0 : f64
        %48 = arith.cmpf oeq, %45, %cst : f64
        %49 = arith.ori %46, %48 : i1
        %50 = arith.select %49, %39, %27 : f64
        %51 = arith.select %49, %27, %39 : f64
        %52 = arith.ori %47, %48 : i1
        %53 = arith.negf %50 : f64
        %54 = arith.select %52, %53, %50 : f64
        %55 = arith.ori %46, %47 : i1
        %56 = arith.negf %51 : f64
        %57 = arith.select %55, %56, %51 : f64
        %58 = arith.truncf %54 : f64 to f32
        memref.store %58, %alloca[%arg8] : memref<64xf32>
        %59 = arith.truncf %57 : f64 to f32
        memref.store %59, %alloca_23[%arg8] : memref<64xf32>
      }
      scf.for %arg8 = %c0 to %c32 step %c1 {
        scf.for %arg9 = %c0 to %c64 step %c1 {
          %5 = arith.addi %arg9, %c64 : index
          %6 = memref.load %alloca[%arg9] : memref<64xf32>
          %7 = memref.load %alloca_23[%arg9] : memref<64xf32>
          %8 = memref.load %arg0[%arg6, %arg8, %arg7, %arg9] : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %9 = arith.extf %8 : bf16 to f32
          %10 = memref.load %arg0[%arg6, %arg8, %arg7, %5] : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %11 = arith.extf %10 : bf16 to f32
          %12 = arith.mulf %9, %7 : f32
          %13 = arith.mulf %11, %6 : f32
          %14 = arith.subf %12, %13 : f32
          %15 = arith.truncf %14 : f32 to bf16
          memref.store %15, %alloc[%arg6, %arg8, %arg7, %arg9] : memref<?x32x?x128xbf16>
          %16 = arith.mulf %11, %7 : f32
          %17 = arith.mulf %9, %6 : f32
          %18 = arith.addf %16, %17 : f32
          %19 = arith.truncf %18 : f32 to bf16
          memref.store %19, %alloc[%arg6, %arg8, %arg7, %5] : memref<?x32x?x128xbf16>
        }
      }
      scf.reduce 
    }
    attn.work queries(%alloc) keys(%arg1) values(%arg2) offset(%0) heads([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7]) schedule<rows = 16, keys = 240, panels = 4, lanes = 8, register_keys = 6, register_values = 6, unroll = 4, order = longest_first> {
    ^bb0(%arg6: !attn.rows<64>):
      %2 = attn.tile.load_query %alloc[%arg6 : !attn.rows<64>] : memref<?x32x?x128xbf16> -> !attn.tile<64x128xbf16>
      %3 = attn.online.init %arg6 : !attn.rows<64> -> !attn.online<64x128xf32>
      %4 = attn.stream %arg6 : !attn.rows<64> to %dim step 240 from %3 mask(<causal>) {
      ^bb0(%arg7: index, %arg8: !attn.online<64x128xf32>):
        %5 = attn.tile.load key %arg1[%arg6 : !attn.rows<64>, %arg7] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> -> !attn.tile<240x128xbf16>
        %6 = attn.tile.load value %arg2[%arg6 : !attn.rows<64>, %arg7] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> -> !attn.tile<240x128xbf16>
        %7 = attn.tile.dot %2, %5 at[%arg6 : !attn.rows<64>, %arg7] scale(0.08838834764831843) : !attn.tile<64x128xbf16>, !attn.tile<240x128xbf16> -> !attn.tile<64x240xf32>
        %8 = attn.online.step %arg8, %7, %6 : !attn.online<64x128xf32>, !attn.tile<64x240xf32>, !attn.tile<240x128xbf16>
        attn.yield %8 : !attn.online<64x128xf32>
      } : !attn.online<64x128xf32>
      %out, %lse = attn.online.finish %4 : !attn.online<64x128xf32> -> !attn.tile<64x128xf32>, !attn.tile<64x1xf32>
      attn.tile.store %out, %arg3[%arg6 : !attn.rows<64>] : !attn.tile<64x128xf32>, memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
      attn.tile.store %lse, %arg4[%arg6 : !attn.rows<64>] : !attn.tile<64x1xf32>, memref<?x32x?xf32, strided<[?, ?, 1], offset: ?>>
    } : memref<?x32x?x128xbf16>, memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>, memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    memref.dealloc %alloc : memref<?x32x?x128xbf16>
    return
  }
  func.func @llama_3_8b_decode(%arg0: memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "query", attn.sizes = ["s0", "", "s1", ""]}, %arg1: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "key", attn.sizes = ["s0", "", "s2", ""]}, %arg2: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "value", attn.sizes = ["s0", "", "s2", ""]}, %arg3: memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "out", attn.output, attn.sizes = ["s0", "", "s1", ""]}, %arg4: memref<?x32x?xf32, strided<[?, ?, 1], offset: ?>> {attn.name = "lse", attn.output, attn.sizes = ["s0", "", "s1"]}, %arg5: i32 {attn.threads}) attributes {attn.entry = "decode", attn.spec = @llama_3_8b} {
    %c32 = arith.constant 32 : index
    %cst = arith.constant 3.000000e+00 : f64
    %cst_0 = arith.constant 2.000000e+00 : f64
    %cst_1 = arith.constant 4.000000e+00 : f64
    %cst_2 = arith.constant 3.750000e-01 : f64
    %cst_3 = arith.constant 2.500000e-01 : f64
    %cst_4 = arith.constant -5.000000e-01 : f64
    %cst_5 = arith.constant 0.041666666666666664 : f64
    %cst_6 = arith.constant -0.0013888888888888889 : f64
    %cst_7 = arith.constant 2.4801587301587302E-5 : f64
    %cst_8 = arith.constant -2.7557319223985888E-7 : f64
    %cst_9 = arith.constant 2.08767569878681E-9 : f64
    %cst_10 = arith.constant 1.000000e+00 : f64
    %cst_11 = arith.constant -0.16666666666666666 : f64
    %cst_12 = arith.constant 0.0083333333333333332 : f64
    %cst_13 = arith.constant -1.9841269841269841E-4 : f64
    %cst_14 = arith.constant 2.7557319223985893E-6 : f64
    %cst_15 = arith.constant -2.505210838544172E-8 : f64
    %cst_16 = arith.constant 6.2233721718966134E-14 : f64
    %cst_17 = arith.constant 3.139164164167596E-7 : f64
    %cst_18 = arith.constant 1.570796012878418 : f64
    %cst_19 = arith.constant 0x4338000000000000 : f64
    %cst_20 = arith.constant 0.63661977236758138 : f64
    %c64 = arith.constant 64 : index
    %c1 = arith.constant 1 : index
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %dim = memref.dim %arg1, %c2 : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %dim_21 = memref.dim %arg0, %c2 : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %0 = arith.subi %dim, %dim_21 : index
    %dim_22 = memref.dim %arg0, %c0 : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %alloc = memref.alloc(%dim_22, %dim_21) {alignment = 64 : i64} : memref<?x32x?x128xbf16>
    %1 = memref.get_global @attn_frequencies : memref<1x64xf64>
    scf.parallel (%arg6, %arg7) = (%c0, %c0) to (%dim_22, %dim_21) step (%c1, %c1) {
      %alloca = memref.alloca() : memref<64xf32>
      %alloca_23 = memref.alloca() : memref<64xf32>
      %2 = arith.addi %0, %arg7 : index
      %3 = arith.index_cast %2 : index to i64
      %4 = arith.sitofp %3 : i64 to f64
      scf.for %arg8 = %c0 to %c64 step %c1 {
        %5 = memref.load %1[%c0, %arg8] : memref<1x64xf64>
        %6 = arith.mulf %4, %5 : f64
        %7 = arith.mulf %6, %cst_20 : f64
        %8 = arith.addf %7, %cst_19 : f64
        %9 = arith.subf %8, %cst_19 : f64
        %10 = arith.mulf %9, %cst_18 : f64
        %11 = arith.subf %6, %10 : f64
        %12 = arith.mulf %9, %cst_17 : f64
        %13 = arith.subf %11, %12 : f64
        %14 = arith.mulf %9, %cst_16 : f64
        %15 = arith.subf %13, %14 : f64
        %16 = arith.mulf %15, %15 : f64
        %17 = arith.mulf %16, %cst_15 : f64
        %18 = arith.addf %17, %cst_14 : f64
        %19 = arith.mulf %18, %16 : f64
        %20 = arith.addf %19, %cst_13 : f64
        %21 = arith.mulf %20, %16 : f64
        %22 = arith.addf %21, %cst_12 : f64
        %23 = arith.mulf %22, %16 : f64
        %24 = arith.addf %23, %cst_11 : f64
        %25 = arith.mulf %24, %16 : f64
        %26 = arith.addf %25, %cst_10 : f64
        %27 = arith.mulf %15, %26 : f64
        %28 = arith.mulf %16, %cst_9 : f64
        %29 = arith.addf %28, %cst_8 : f64
        %30 = arith.mulf %29, %16 : f64
        %31 = arith.addf %30, %cst_7 : f64
        %32 = arith.mulf %31, %16 : f64
        %33 = arith.addf %32, %cst_6 : f64
        %34 = arith.mulf %33, %16 : f64
        %35 = arith.addf %34, %cst_5 : f64
        %36 = arith.mulf %35, %16 : f64
        %37 = arith.addf %36, %cst_4 : f64
        %38 = arith.mulf %37, %16 : f64
        %39 = arith.addf %38, %cst_10 : f64
        %40 = arith.mulf %9, %cst_3 : f64
        %41 = arith.subf %40, %cst_2 : f64
        %42 = arith.addf %41, %cst_19 : f64
        %43 = arith.subf %42, %cst_19 : f64
        %44 = arith.mulf %43, %cst_1 : f64
        %45 = arith.subf %9, %44 : f64
        %46 = arith.cmpf oeq, %45, %cst_10 : f64
        %47 = arith.cmpf oeq, %45, %cst_0 : f64
        %48 = arith.cmpf oeq, %45, %cst : f64
        %49 = arith.ori %46, %48 : i1
        %50 = arith.select %49, %39, %27 : f64
        %51 = arith.select %49, %27, %39 : f64
        %52 = arith.ori %47, %48 : i1
        %53 = arith.negf %50 : f64
        %54 = arith.select %52, %53, %50 : f64
        %55 = arith.ori %46, %47 : i1
        %56 = arith.negf %51 : f64
        %57 = arith.select %55, %56, %51 : f64
        %58 = arith.truncf %54 : f64 to f32
        memref.store %58, %alloca[%arg8] : memref<64xf32>
        %59 = arith.truncf %57 : f64 to f32
        memref.store %59, %alloca_23[%arg8] : memref<64xf32>
      }
      scf.for %arg8 = %c0 to %c32 step %c1 {
        scf.for %arg9 = %c0 to %c64 step %c1 {
          %5 = arith.addi %arg9, %c64 : index
          %6 = memref.load %alloca[%arg9] : memref<64xf32>
          %7 = memref.load %alloca_23[%arg9] : memref<64xf32>
          %8 = memref.load %arg0[%arg6, %arg8, %arg7, %arg9] : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %9 = arith.extf %8 : bf16 to f32
          %10 = memref.load %arg0[%arg6, %arg8, %arg7, %5] : memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %11 = arith.extf %10 : bf16 to f32
          %12 = arith.mulf %9, %7 : f32
          %13 = arith.mulf %11, %6 : f32
          %14 = arith.subf %12, %13 : f32
          %15 = arith.truncf %14 : f32 to bf16
          memref.store %15, %alloc[%arg6, %arg8, %arg7, %arg9] : memref<?x32x?x128xbf16>
          %16 = arith.mulf %11, %7 : f32
          %17 = arith.mulf %9, %6 : f32
          %18 = arith.addf %16, %17 : f32
          %19 = arith.truncf %18 : f32 to bf16
          memref.store %19, %alloc[%arg6, %arg8, %arg7, %5] : memref<?x32x?x128xbf16>
        }
      }
      scf.reduce 
    }
    attn.work queries(%alloc) keys(%arg1) values(%arg2) offset(%0) heads([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7]) schedule<rows = 8, keys = 256, panels = 1, lanes = 8, register_keys = 8, register_values = 8, unroll = 4, order = longest_first> {
    ^bb0(%arg6: !attn.rows<8>):
      %2 = attn.tile.load_query %alloc[%arg6 : !attn.rows<8>] : memref<?x32x?x128xbf16> -> !attn.tile<8x128xbf16>
      %3 = attn.online.init %arg6 : !attn.rows<8> -> !attn.online<8x128xf32>
      %4 = attn.stream %arg6 : !attn.rows<8> to %dim step 256 from %3 mask(<causal>) {
      ^bb0(%arg7: index, %arg8: !attn.online<8x128xf32>):
        %5 = attn.tile.load key %arg1[%arg6 : !attn.rows<8>, %arg7] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> -> !attn.tile<256x128xbf16>
        %6 = attn.tile.load value %arg2[%arg6 : !attn.rows<8>, %arg7] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> -> !attn.tile<256x128xbf16>
        %7 = attn.tile.dot %2, %5 at[%arg6 : !attn.rows<8>, %arg7] scale(0.08838834764831843) : !attn.tile<8x128xbf16>, !attn.tile<256x128xbf16> -> !attn.tile<8x256xf32>
        %8 = attn.online.step %arg8, %7, %6 : !attn.online<8x128xf32>, !attn.tile<8x256xf32>, !attn.tile<256x128xbf16>
        attn.yield %8 : !attn.online<8x128xf32>
      } : !attn.online<8x128xf32>
      %out, %lse = attn.online.finish %4 : !attn.online<8x128xf32> -> !attn.tile<8x128xf32>, !attn.tile<8x1xf32>
      attn.tile.store %out, %arg3[%arg6 : !attn.rows<8>] : !attn.tile<8x128xf32>, memref<?x32x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
      attn.tile.store %lse, %arg4[%arg6 : !attn.rows<8>] : !attn.tile<8x1xf32>, memref<?x32x?xf32, strided<[?, ?, 1], offset: ?>>
    } : memref<?x32x?x128xbf16>, memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>, memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    memref.dealloc %alloc : memref<?x32x?x128xbf16>
    return
  }
  func.func @llama_3_8b_append(%arg0: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "key", attn.sizes = ["s0", "", "s1", ""]}, %arg1: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "value", attn.sizes = ["s2", "", "s3", ""]}, %arg2: index {attn.name = "start"}, %arg3: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "key_cache", attn.output, attn.sizes = ["s0", "", "s1", ""]}, %arg4: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>> {attn.name = "value_cache", attn.output, attn.sizes = ["s2", "", "s3", ""]}, %arg5: i32 {attn.threads}) attributes {attn.entry = "append", attn.spec = @llama_3_8b} {
    %c128 = arith.constant 128 : index
    %c8 = arith.constant 8 : index
    %cst = arith.constant 3.000000e+00 : f64
    %cst_0 = arith.constant 2.000000e+00 : f64
    %cst_1 = arith.constant 4.000000e+00 : f64
    %cst_2 = arith.constant 3.750000e-01 : f64
    %cst_3 = arith.constant 2.500000e-01 : f64
    %cst_4 = arith.constant -5.000000e-01 : f64
    %cst_5 = arith.constant 0.041666666666666664 : f64
    %cst_6 = arith.constant -0.0013888888888888889 : f64
    %cst_7 = arith.constant 2.4801587301587302E-5 : f64
    %cst_8 = arith.constant -2.7557319223985888E-7 : f64
    %cst_9 = arith.constant 2.08767569878681E-9 : f64
    %cst_10 = arith.constant 1.000000e+00 : f64
    %cst_11 = arith.constant -0.16666666666666666 : f64
    %cst_12 = arith.constant 0.0083333333333333332 : f64
    %cst_13 = arith.constant -1.9841269841269841E-4 : f64
    %cst_14 = arith.constant 2.7557319223985893E-6 : f64
    %cst_15 = arith.constant -2.505210838544172E-8 : f64
    %cst_16 = arith.constant 6.2233721718966134E-14 : f64
    %cst_17 = arith.constant 3.139164164167596E-7 : f64
    %cst_18 = arith.constant 1.570796012878418 : f64
    %cst_19 = arith.constant 0x4338000000000000 : f64
    %cst_20 = arith.constant 0.63661977236758138 : f64
    %c64 = arith.constant 64 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c0 = arith.constant 0 : index
    %0 = memref.get_global @attn_frequencies : memref<1x64xf64>
    %dim = memref.dim %arg3, %c0 : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %dim_21 = memref.dim %arg3, %c2 : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    scf.parallel (%arg6, %arg7) = (%c0, %c0) to (%dim, %dim_21) step (%c1, %c1) {
      %alloca = memref.alloca() : memref<64xf32>
      %alloca_24 = memref.alloca() : memref<64xf32>
      %1 = arith.addi %arg2, %arg7 : index
      %2 = arith.index_cast %1 : index to i64
      %3 = arith.sitofp %2 : i64 to f64
      scf.for %arg8 = %c0 to %c64 step %c1 {
        %4 = memref.load %0[%c0, %arg8] : memref<1x64xf64>
        %5 = arith.mulf %3, %4 : f64
        %6 = arith.mulf %5, %cst_20 : f64
        %7 = arith.addf %6, %cst_19 : f64
        %8 = arith.subf %7, %cst_19 : f64
        %9 = arith.mulf %8, %cst_18 : f64
        %10 = arith.subf %5, %9 : f64
        %11 = arith.mulf %8, %cst_17 : f64
        %12 = arith.subf %10, %11 : f64
        %13 = arith.mulf %8, %cst_16 : f64
        %14 = arith.subf %12, %13 : f64
        %15 = arith.mulf %14, %14 : f64
        %16 = arith.mulf %15, %cst_15 : f64
        %17 = arith.addf %16, %cst_14 : f64
        %18 = arith.mulf %17, %15 : f64
        %19 = arith.addf %18, %cst_13 : f64
        %20 = arith.mulf %19, %15 : f64
        %21 = arith.addf %20, %cst_12 : f64
        %22 = arith.mulf %21, %15 : f64
        %23 = arith.addf %22, %cst_11 : f64
        %24 = arith.mulf %23, %15 : f64
        %25 = arith.addf %24, %cst_10 : f64
        %26 = arith.mulf %14, %25 : f64
        %27 = arith.mulf %15, %cst_9 : f64
        %28 = arith.addf %27, %cst_8 : f64
        %29 = arith.mulf %28, %15 : f64
        %30 = arith.addf %29, %cst_7 : f64
        %31 = arith.mulf %30, %15 : f64
        %32 = arith.addf %31, %cst_6 : f64
        %33 = arith.mulf %32, %15 : f64
        %34 = arith.addf %33, %cst_5 : f64
        %35 = arith.mulf %34, %15 : f64
        %36 = arith.addf %35, %cst_4 : f64
        %37 = arith.mulf %36, %15 : f64
        %38 = arith.addf %37, %cst_10 : f64
        %39 = arith.mulf %8, %cst_3 : f64
        %40 = arith.subf %39, %cst_2 : f64
        %41 = arith.addf %40, %cst_19 : f64
        %42 = arith.subf %41, %cst_19 : f64
        %43 = arith.mulf %42, %cst_1 : f64
        %44 = arith.subf %8, %43 : f64
        %45 = arith.cmpf oeq, %44, %cst_10 : f64
        %46 = arith.cmpf oeq, %44, %cst_0 : f64
        %47 = arith.cmpf oeq, %44, %cst : f64
        %48 = arith.ori %45, %47 : i1
        %49 = arith.select %48, %38, %26 : f64
        %50 = arith.select %48, %26, %38 : f64
        %51 = arith.ori %46, %47 : i1
        %52 = arith.negf %49 : f64
        %53 = arith.select %51, %52, %49 : f64
        %54 = arith.ori %45, %46 : i1
        %55 = arith.negf %50 : f64
        %56 = arith.select %54, %55, %50 : f64
        %57 = arith.truncf %53 : f64 to f32
        memref.store %57, %alloca[%arg8] : memref<64xf32>
        %58 = arith.truncf %56 : f64 to f32
        memref.store %58, %alloca_24[%arg8] : memref<64xf32>
      }
      scf.for %arg8 = %c0 to %c8 step %c1 {
        scf.for %arg9 = %c0 to %c64 step %c1 {
          %4 = arith.addi %arg9, %c64 : index
          %5 = memref.load %alloca[%arg9] : memref<64xf32>
          %6 = memref.load %alloca_24[%arg9] : memref<64xf32>
          %7 = memref.load %arg0[%arg6, %arg8, %arg7, %arg9] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %8 = arith.extf %7 : bf16 to f32
          %9 = memref.load %arg0[%arg6, %arg8, %arg7, %4] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %10 = arith.extf %9 : bf16 to f32
          %11 = arith.mulf %8, %6 : f32
          %12 = arith.mulf %10, %5 : f32
          %13 = arith.subf %11, %12 : f32
          %14 = arith.truncf %13 : f32 to bf16
          memref.store %14, %arg3[%arg6, %arg8, %arg7, %arg9] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
          %15 = arith.mulf %10, %6 : f32
          %16 = arith.mulf %8, %5 : f32
          %17 = arith.addf %15, %16 : f32
          %18 = arith.truncf %17 : f32 to bf16
          memref.store %18, %arg3[%arg6, %arg8, %arg7, %4] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
        }
      }
      scf.reduce 
    }
    %dim_22 = memref.dim %arg4, %c0 : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    %dim_23 = memref.dim %arg4, %c2 : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
    scf.parallel (%arg6, %arg7, %arg8) = (%c0, %c0, %c0) to (%dim_22, %c8, %dim_23) step (%c1, %c1, %c1) {
      scf.for %arg9 = %c0 to %c128 step %c1 {
        %1 = memref.load %arg1[%arg6, %arg7, %arg8, %arg9] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
        memref.store %1, %arg4[%arg6, %arg7, %arg8, %arg9] : memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
      }
      scf.reduce 
    }
    return
  }
}

{-#
  external_resources: {
    mlir_reproducer: {
      pipeline: "builtin.module(attn-lower-cpu, convert-scf-to-openmp{num-threads=0}, attn-cpu-entry-points, func.func(attn-cpu-expand-math), arith-expand{include-bf16=true include-f4e2m1=false include-f8e8m0=false}, canonicalize{  max-iterations=10 max-num-rewrites=-1 region-simplify=normal test-convergence=false top-down=true}, cse, convert-scf-to-cf{allow-pattern-rollback=true}, expand-strided-metadata, lower-affine, convert-vector-to-llvm{enable-amx=false enable-arm-bf16=false enable-arm-i8mm=false enable-arm-neon=false enable-arm-sve=false enable-x86vector=false force-32bit-vector-indices=true reassociate-fp-reductions=false use-vector-alignment=false vector-contract-lowering=dot vector-transpose-lowering=eltwise}, convert-math-to-llvm{approximate-log1p=true}, convert-math-to-libm, finalize-memref-to-llvm{index-bitwidth=0 use-aligned-alloc=false use-generic-functions=false}, convert-func-to-llvm{index-bitwidth=0 use-bare-ptr-memref-call-conv=false}, convert-arith-to-llvm{index-bitwidth=0}, convert-index-to-llvm{index-bitwidth=0}, convert-cf-to-llvm{index-bitwidth=0}, convert-ub-to-llvm{index-bitwidth=0}, convert-openmp-to-llvm, reconcile-unrealized-casts, attn-verify-lowered)",
      disable_threading: true,
      verify_each: true
    }
  }
#-}
