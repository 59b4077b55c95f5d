# `cpack -G DEB` and `cpack -G RPM` in build/static, as scripts/release runs them. The packages hold one static binary, so
# they have no dependencies: every Debian, Ubuntu, Fedora, RHEL or openSUSE of the last years can install them.
set(HPAWALK_MAINTAINER "" CACHE STRING "Who publishes the packages: NAME <EMAIL>")
if(NOT HPAWALK_STATIC OR NOT HPAWALK_MAINTAINER)
  return()
endif()

set(CPACK_PACKAGE_VENDOR "hpawalk")
set(CPACK_PACKAGE_CONTACT "${HPAWALK_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Build, diagnose and predict Kubernetes autoscaling on a custom metric")
set(CPACK_PACKAGE_DESCRIPTION
"hpawalk builds the whole chain of a HorizontalPodAutoscaler on a custom
metric, verifies each step, diagnoses any HPA in any cluster, and predicts
what an HPA will do before it does it.")
set(CPACK_STRIP_FILES OFF)  # it is linked without symbols
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_tree.cmake)
set(CPACK_HPAWALK_PACKAGING ${PROJECT_SOURCE_DIR}/packaging)
set(CPACK_HPAWALK_NOTICES ${CMAKE_BINARY_DIR}/notices)

string(REPLACE "aarch64" "arm64" deb_architecture "${CMAKE_SYSTEM_PROCESSOR}")
string(REPLACE "x86_64" "amd64" deb_architecture "${deb_architecture}")
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${deb_architecture})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "kubectl | kubernetes-client, bash-completion")

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_ARCHITECTURE ${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RPM_PACKAGE_LICENSE "Unknown")  # the repository states none
set(CPACK_RPM_PACKAGE_AUTOREQPROV no)
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/share/man /usr/share/man/man1)  # every system has them
# The same bytes each time: rpm's own settings.
set(CPACK_RPM_SPEC_MORE_DEFINE
"%define packager ${HPAWALK_MAINTAINER}
%define _buildhost hpawalk
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _build_id_links none
%define debug_package %{nil}")
include(CPack)
