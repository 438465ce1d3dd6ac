# SPDX-License-Identifier: Apache-2.0
# Debian packages, by `cpack --config build/release/CPackConfig.cmake` after a build: dojosim has the program, dojosim-dev
# what other programs are built with. The libraries that the program needs are found by dpkg-shlibdeps.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dojosim)
set(CPACK_PACKAGE_VENDOR dojosim)
set(CPACK_PACKAGE_CONTACT "dojosim <dojosim@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME dojosim)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME dojosim-dev)
string(CONCAT CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "dojosim (= ${PROJECT_VERSION}), libfmt-dev, libonnx-dev, "
  "libprotobuf-dev, libsqlite3-dev, libssl-dev, libsystemc-dev, libzstd-dev, nlohmann-json3-dev, zlib1g-dev")
include(CPack)
