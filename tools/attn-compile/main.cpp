//===- main.cpp - attn-compile: an input in, an artefact out --------------===//

#include "attn/Driver/Compile.h"
#include "attn/Tuning/Tune.h"

int main(int argc, char **argv) {
  return mlir::attn::compileMain(argc, argv, mlir::attn::tuneSchedules);
}
