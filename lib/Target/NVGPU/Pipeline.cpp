//===- Pipeline.cpp - from tiled to lowered on an NVIDIA GPU -----------------===//
#include "attn/Target/CPU/Passes.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
#include "attn/Target/NVGPU/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::attn;

void attn::buildNVGPULowering(OpPassManager &pm) {
  pm.addPass(createLowerNVGPU());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyLowered());
}
