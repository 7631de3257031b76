# What cpack packs: three packages for Debian (cpack -G DEB) or one archive for Windows (cpack -G ZIP).
# `sh tools/package.sh` builds for either.
set(CPACK_PACKAGE_VENDOR "the libcenterloss authors")
# The project has no address that is read; this one is that of its commits.
set(CPACK_PACKAGE_CONTACT "The libcenterloss authors <maintainers@users.noreply.r-seed-e97bffdd.example>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL tools library development)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/stage.cmake)
set(CPACK_CEN_SOURCE ${PROJECT_SOURCE_DIR}) # for stage.cmake
set(CPACK_CEN_LIBDIR ${CMAKE_INSTALL_LIBDIR})
if(WIN32)
  set(CPACK_GENERATOR ZIP)
  set(CPACK_MONOLITHIC_INSTALL ON)
  set(CPACK_STRIP_FILES ON)
else()
  set(CPACK_GENERATOR DEB)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 0.1) # less than any of Debian's own
set(about "libcenterloss learns features: a small convolutional network makes a vector
of each image, and softmax cross-entropy with center loss draws the vectors
of one class together. So images of classes that were not trained can be
told apart by the distance of their features.
")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME centerloss-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "train and use features of images with center loss
${about}
The programs: cl_train trains on a folder of images with one subfolder per
class, cl_features makes features of images, cl_knn searches and classifies
them, cl_export writes models for other programs, and cl_idx unpacks files in
the format of MNIST.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libcenterloss0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "features of images with center loss (shared library)
${about}
The shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libcenterloss-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "libcenterloss0 (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libc6-dev")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "features of images with center loss (development files)
${about}
Headers, the static library, and what pkg-config and CMake read.")

include(CPack)
