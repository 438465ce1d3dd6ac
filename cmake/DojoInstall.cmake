# SPDX-License-Identifier: Apache-2.0
# The installed package: program, libraries, headers, configs and the CMake package `dojosim` (target dojo::dojosim).
# Component `program` is what users run, `development` what their own programs and plug-ins are built with.
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

# Pages of the manual and completions, which the program writes from its own options.
set(texts ${PROJECT_BINARY_DIR}/share)
add_custom_command(OUTPUT ${texts}/made
  COMMAND ${CMAKE_COMMAND} -E make_directory ${texts}/bash-completion/completions ${texts}/zsh/vendor-completions
    ${texts}/fish/vendor_completions.d
  COMMAND dojosim man ${texts}/man/man1
  COMMAND dojosim completion bash -o ${texts}/bash-completion/completions/dojosim
  COMMAND dojosim completion zsh -o ${texts}/zsh/vendor-completions/_dojosim
  COMMAND dojosim completion fish -o ${texts}/fish/vendor_completions.d/dojosim.fish
  COMMAND ${CMAKE_COMMAND} -E touch ${texts}/made
  DEPENDS dojosim COMMENT "" VERBATIM)
add_custom_target(dojosim_texts ALL DEPENDS ${texts}/made)

install(TARGETS dojosim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/dojosim COMPONENT program)
install(DIRECTORY ${texts}/man ${texts}/bash-completion ${texts}/zsh ${texts}/fish
  DESTINATION ${CMAKE_INSTALL_DATADIR} COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT program)
install(TARGETS dojo_all dojo_plugin ${modules} EXPORT DojoTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT DojoTargets NAMESPACE dojo:: DESTINATION ${package_dir} COMPONENT development)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/dojosimConfig.cmake.in
  ${PROJECT_BINARY_DIR}/dojosimConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dojosimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dojosimConfig.cmake ${PROJECT_BINARY_DIR}/dojosimConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindSystemC.cmake DESTINATION ${package_dir} COMPONENT development)
