//===- AttnEnums.td - enumerations of the attn dialect ----------*- tablegen -*-===//
#ifndef ATTN_IR_ATTNENUMS_TD
#define ATTN_IR_ATTNENUMS_TD

include "mlir/IR/EnumAttr.td"

def Attn_Normalizer : I32EnumAttr<"Normalizer", "how scores of one row become weights", [
    I32EnumAttrCase<"Softmax", 0, "softmax">,
    I32EnumAttrCase<"Relu", 1, "relu">,
    I32EnumAttrCase<"Sigmoid", 2, "sigmoid">
  ]> {
  let cppNamespace = "::mlir::attn";
  let genSpecializedAttr = 0;
}
def Attn_TileRole : I32EnumAttr<"TileRole", "which head map addresses a tile", [
    I32EnumAttrCase<"Key", 0, "key">,
    I32EnumAttrCase<"Value", 1, "value">
  ]> {
  let cppNamespace = "::mlir::attn";
  let genSpecializedAttr = 0;
}

#endif // ATTN_IR_ATTNENUMS_TD
