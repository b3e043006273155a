#===- AttnPackage.cmake - the shared library, the plug-in's objects, install and export ---===#
# One library for others to link: libAttn.so holds every room, so that a process has one copy of
# the dialect. The runtime, which needs no LLVM, is a library of its own.
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY ATTN_LIBRARIES)
get_property(plain GLOBAL PROPERTY ATTN_PLAIN_LIBRARIES)
list(REMOVE_ITEM rooms ${plain})
list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)

add_library(Attn SHARED ${objects})
target_link_libraries(Attn PUBLIC MLIR LLVM PRIVATE ${plain})
set_target_properties(Attn PROPERTIES LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  INSTALL_RPATH "${LLVM_LIBRARY_DIRS}")
foreach(library Attn ${plain})
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Attn)
install(TARGETS Attn ${plain} EXPORT AttnTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT AttnTargets NAMESPACE Attn:: DESTINATION ${package})

# Both header roots and their generated parts become one tree.
foreach(root ${ATTN_INCLUDE_ROOTS})
  if(EXISTS ${root}/attn)
    install(DIRECTORY ${root}/attn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
      FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.h.inc" PATTERN CMakeFiles EXCLUDE)
  endif()
endforeach()

configure_package_config_file(cmake/AttnConfig.cmake.in ${PROJECT_BINARY_DIR}/AttnConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/AttnConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/AttnConfig.cmake ${PROJECT_BINARY_DIR}/AttnConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/AttnAddKernel.cmake DESTINATION ${package})
