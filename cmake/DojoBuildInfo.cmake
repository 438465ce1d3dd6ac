# SPDX-License-Identifier: Apache-2.0
# What `dojosim --version` says about the build, as a header dojo_build_info.h that is rewritten at build time only when
# something changed. Link dojo_build_info (PRIVATE) and include "dojo_build_info.h":
#   DOJO_VERSION "0.1.0"   DOJO_GIT "b5bc8ba" or "b5bc8ba-dirty" or "unknown"   DOJO_COMPILER "GNU 12.2.0"
#   DOJO_LIBRARIES "boost 1.74.0, fmt 9.1.0, ..."
set(DOJO_BUILD_INFO_HEADER ${PROJECT_BINARY_DIR}/generated/dojo_build_info.h)
string(CONCAT libraries "boost ${Boost_VERSION_STRING}, fmt ${fmt_VERSION}, nlohmann_json ${nlohmann_json_VERSION}, "
  "openssl ${OPENSSL_VERSION}, protobuf ${Protobuf_VERSION}, spdlog ${spdlog_VERSION}, sqlite ${SQLite3_VERSION}, systemc ${SystemC_VERSION}, zlib ${ZLIB_VERSION_STRING}")
add_custom_target(dojo_build_info_header
  BYPRODUCTS ${DOJO_BUILD_INFO_HEADER}
  COMMAND ${CMAKE_COMMAND} -DHEADER=${DOJO_BUILD_INFO_HEADER} -DVERSION=${PROJECT_VERSION} -DSOURCE=${PROJECT_SOURCE_DIR}
    "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "-DLIBRARIES=${libraries}"
    -P ${PROJECT_SOURCE_DIR}/cmake/write_build_info.cmake
  COMMENT "" VERBATIM)
add_library(dojo_build_info INTERFACE)
target_include_directories(dojo_build_info INTERFACE $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
add_dependencies(dojo_build_info dojo_build_info_header)
