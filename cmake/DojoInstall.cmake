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

# What a plug-in of a user needs: headers. The functions behind them are in the program that loads it.
add_library(dojo_plugin INTERFACE)
add_library(dojo::plugin ALIAS dojo_plugin)
set_target_properties(dojo_plugin PROPERTIES EXPORT_NAME plugin)
target_compile_features(dojo_plugin INTERFACE cxx_std_17)
target_compile_options(dojo_plugin INTERFACE -ffp-contract=off)
target_include_directories(dojo_plugin INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_link_libraries(dojo_plugin INTERFACE SystemC::systemc fmt::fmt)

install(TARGETS dojosim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS dojo_all dojo_plugin ${modules} EXPORT DojoTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/dojosim)
install(EXPORT DojoTargets NAMESPACE dojo:: DESTINATION ${package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/dojosimConfig.cmake.in
  ${PROJECT_BINARY_DIR}/dojosimConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dojosimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dojosimConfig.cmake ${PROJECT_BINARY_DIR}/dojosimConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindSystemC.cmake DESTINATION ${package_dir})
