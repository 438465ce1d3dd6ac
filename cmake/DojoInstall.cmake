# SPDX-License-Identifier: Apache-2.0
# The installed package: program, libraries, headers, configs and the CMake package `dojosim` (target dojo::dojosim).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
get_property(modules GLOBAL PROPERTY DOJO_MODULE_TARGETS)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dojosim)

# Everything a user's own program needs, under one name.
add_library(dojo_all INTERFACE)
set_target_properties(dojo_all PROPERTIES EXPORT_NAME dojosim)
target_link_libraries(dojo_all INTERFACE ${modules})

install(TARGETS dojosim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS dojo_all ${modules} EXPORT DojoTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/dojosim)
install(EXPORT DojoTargets NAMESPACE dojo:: DESTINATION ${package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/dojosimConfig.cmake.in
  ${PROJECT_BINARY_DIR}/dojosimConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dojosimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dojosimConfig.cmake ${PROJECT_BINARY_DIR}/dojosimConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindSystemC.cmake DESTINATION ${package_dir})
