//===- Image.h - what stands for machine code in a bundle -----------------*- C++ -*-===//
#ifndef ATTN_TEST_FAKECUDA_IMAGE_H
#define ATTN_TEST_FAKECUDA_IMAGE_H

namespace fake {

/// Before the text that ptx-as packs. Text without it is what a driver compiles for a device that
/// the machine code is not for.
inline constexpr char MachineCodeMark[] = "/* machine code */ ";

} // namespace fake

#endif // ATTN_TEST_FAKECUDA_IMAGE_H
