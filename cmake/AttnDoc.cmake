#===- AttnDoc.cmake - `attn-doc`: reference pages from ODS, in build/<preset>/docs ---===#
# Generated text is not committed; docs/ holds what is written by hand.
set(docs ${PROJECT_BINARY_DIR}/docs)
attn_tablegen(AttnDoc ${PROJECT_SOURCE_DIR}/dialects/attn/IR/AttnOps.td ${docs}/Dialect.md
  -gen-dialect-doc --dialect=attn)
get_property(rooms GLOBAL PROPERTY ATTN_PASS_ROOMS)
foreach(room ${rooms})
  string(REPLACE "/" "" name ${room})
  attn_tablegen(AttnDoc ${PROJECT_SOURCE_DIR}/include/attn/${room}/Passes.td
    ${docs}/${name}Passes.md -gen-pass-doc)
endforeach()
add_custom_target(attn-doc DEPENDS AttnDocGen)
