#===- AttnDoc.cmake - `attn-doc`: docs/ with its generated parts, in build/<preset>/docs ---===#
# Generated text is not committed; docs/ holds what is written by hand, with a marker for each part.
find_program(ATTN_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(ATTN_PYTHON NAMES python3)

set(parts ${PROJECT_BINARY_DIR}/docs-parts)
attn_tablegen(AttnDoc ${PROJECT_SOURCE_DIR}/dialects/attn/IR/AttnOps.td ${parts}/Dialect.md
  -gen-dialect-doc --dialect=attn)
set(roots ${PROJECT_SOURCE_DIR}/include/attn)
file(GLOB_RECURSE passes CONFIGURE_DEPENDS RELATIVE ${roots} ${roots}/*/Passes.td)
foreach(td ${passes})
  string(REGEX REPLACE "/|[.]td$" "" name ${td})
  attn_tablegen(AttnDoc ${roots}/${td} ${parts}/${name}.md -gen-pass-doc)
endforeach()
set(tools ${PROJECT_SOURCE_DIR}/tools/docs)
add_custom_target(attn-doc
  COMMAND ${ATTN_PYTHON} ${tools}/constraints.py ${PROJECT_SOURCE_DIR} ${parts}/Constraints.md
  COMMAND ${ATTN_PYTHON} ${tools}/assemble.py ${PROJECT_SOURCE_DIR}/docs ${parts}
          ${PROJECT_BINARY_DIR}/docs
  DEPENDS AttnDocGen VERBATIM)
# A page without its generated part fails the tests, not the reader.
set_property(GLOBAL APPEND PROPERTY ATTN_TEST_TARGETS attn-doc)
