//===- CeilingKernels.cpp - kernels that only multiply, or only copy ------===//

#include "CeilingKernels.h"

using namespace mlir::attn;

/// Shared memory becomes pairs of bf16 with random signs and fractions around 1: a chip clocks
/// lower on random data than on zeros. %base is aligned to 1024.
static const char *const head = R"(.version 8.0
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 memory[];
.visible .entry peak_product(.param .u32 rounds)
.maxntid 256
{
.reg .b32 %base, %at, %end, %x, %y, %n, %low, %t, %wg;
.reg .b64 %da, %db;
.reg .pred %p;
.reg .f32 %acc<128>;
mov.u32 %t, %tid.x;
mov.u32 %base, memory;
add.u32 %base, %base, 1023;
and.b32 %base, %base, -1024;
shl.b32 %at, %t, 2;
add.u32 %at, %at, %base;
add.u32 %end, %base, 49152;
mad.lo.u32 %x, %t, 747796405, 2891336453;
FILL:
mad.lo.u32 %x, %x, 1664525, 1013904223;
shr.u32 %y, %x, 9;
xor.b32 %y, %y, %x;
and.b32 %y, %y, 0x807f807f;
or.b32 %y, %y, 0x3f003f00;
st.shared.b32 [%at], %y;
add.u32 %at, %at, 1024;
setp.lt.u32 %p, %at, %end;
@%p bra FILL;
fence.proxy.async.shared::cta;
bar.sync 0;
ld.param.u32 %n, [rounds];
shr.u32 %wg, %t, 7;
)";

/// A descriptor: address, leading offset 1, 1024 bytes between groups of 8 rows, 128-byte swizzle.
static std::string descriptor(const std::string &name, const std::string &address, int offset) {
  return "add.u32 %low, " + address + ", " + std::to_string(offset) +
         ";\nshr.u32 %low, %low, 4;\nor.b32 %low, %low, 65536;\nmov.b64 " + name +
         ", {%low, 0x40000040};\n";
}

static std::string accumulators() {
  std::string text = "{";
  for (int i = 0; i < 128; ++i)
    text += (i ? ", %acc" : "%acc") + std::to_string(i);
  return text + "}";
}

std::string mlir::attn::peakProductText() {
  std::string text = head;
  for (int i = 0; i < 128; ++i)
    text += "mov.f32 %acc" + std::to_string(i) + ", 0f00000000;\n";
  // Each warpgroup has its own 64 rows; both read the same columns, at 16384.
  text += "mad.lo.u32 %at, %wg, 8192, %base;\nadd.u32 %end, %base, 16384;\nLOOP:\n"
          "wgmma.fence.sync.aligned;\n";
  for (int step = 0; step < 4; ++step)
    text += descriptor("%da", "%at", 32 * step) + descriptor("%db", "%end", 32 * step) +
            "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 " + accumulators() +
            ", %da, %db, 1, 1, 1, 0, 0;\n";
  text += "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"
          "sub.u32 %n, %n, 1;\nsetp.ne.u32 %p, %n, 0;\n@%p bra LOOP;\n";
  // Practically never true, but the products have a reader.
  text += "setp.eq.f32 %p, %acc0, 0f12345678;\n@%p st.shared.f32 [%base], %acc0;\nret;\n}\n";
  return text;
}

/// A block moves 32 KB at a time: four coalesced accesses per thread in flight.
std::string mlir::attn::copyText() {
  return R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry copy(.param .u64 to, .param .u64 from, .param .u64 bytes)
.maxntid 512
{
.reg .b64 %to, %from, %at, %end, %step, %t, %x, %y;
.reg .b32 %r, %v<16>;
.reg .pred %p;
ld.param.u64 %to, [to];
ld.param.u64 %from, [from];
ld.param.u64 %end, [bytes];
cvta.to.global.u64 %to, %to;
cvta.to.global.u64 %from, %from;
mov.u32 %r, %nctaid.x;
mul.wide.u32 %step, %r, 32768;
mov.u32 %r, %ctaid.x;
mul.wide.u32 %at, %r, 32768;
mov.u32 %r, %tid.x;
mul.wide.u32 %t, %r, 16;
MORE:
setp.ge.u64 %p, %at, %end;
@%p bra DONE;
add.u64 %x, %at, %t;
add.u64 %y, %to, %x;
add.u64 %x, %from, %x;
ld.global.v4.b32 {%v0, %v1, %v2, %v3}, [%x];
ld.global.v4.b32 {%v4, %v5, %v6, %v7}, [%x+8192];
ld.global.v4.b32 {%v8, %v9, %v10, %v11}, [%x+16384];
ld.global.v4.b32 {%v12, %v13, %v14, %v15}, [%x+24576];
st.global.v4.b32 [%y], {%v0, %v1, %v2, %v3};
st.global.v4.b32 [%y+8192], {%v4, %v5, %v6, %v7};
st.global.v4.b32 [%y+16384], {%v8, %v9, %v10, %v11};
st.global.v4.b32 [%y+24576], {%v12, %v13, %v14, %v15};
add.u64 %at, %at, %step;
bra MORE;
DONE:
ret;
}
)";
}
